package profile

import (
	"strings"
	"testing"

	"github.com/slimimage/slim/analyzer"
	"github.com/slimimage/slim/layers"
)

// podman's tmpfs takes no owner: it is root's, or the user's with "U". A directory of anyone else is a volume.
func TestPodmanMount(t *testing.T) {
	user := Model{UID: 33, GID: 33, Capabilities: nil}
	root := Model{}
	owned := func(uid, gid, mode uint32) Writable {
		return Writable{Path: layers.Path("d"), Owner: &analyzer.Directory{UID: uid, GID: gid, Mode: mode}}
	}
	for _, test := range []struct {
		name  string
		model Model
		dir   Writable
		want  string
	}{
		{"the user's", user, Writable{Path: "d"}, "--tmpfs /d:rw,noexec,nosuid,nodev,size=64m,mode=0755,notmpcopyup,U"},
		{"the user's, of another group", user, owned(33, 0, 0o775), "--tmpfs /d:rw,noexec,nosuid,nodev,size=64m,mode=0775,notmpcopyup,U"},
		{"everybody's", user, owned(0, 0, 0o1777), "--tmpfs /d:rw,noexec,nosuid,nodev,size=64m,mode=1777,notmpcopyup"},
		{"programs are executed", user, Writable{Path: "tmp", Executes: true},
			"--tmpfs /tmp:rw,exec,nosuid,nodev,size=64m,mode=1777,notmpcopyup,U"},
		{"root's", root, owned(0, 0, 0o700), "--tmpfs /d:rw,noexec,nosuid,nodev,size=64m,mode=0700,notmpcopyup"},
		{"another user's", root, owned(101, 101, 0o700), "--volume /d"},
		{"another group's", root, owned(0, 8, 0o2775), "--volume /d"},
		{"with files of the image", user, Writable{Path: "d", Populated: true}, "--volume /d"},
	} {
		test.model.Writable = []Writable{test.dir}
		got := strings.Join(podmanMount(test.model, test.model.WritableMounts()[0]), " ")
		if got != test.want {
			t.Errorf("%s: podmanMount = %q, want %q", test.name, got, test.want)
		}
	}
}

// Rootless podman publishes no low port.
func TestPodmanPorts(t *testing.T) {
	for number, want := range map[int]string{80: "127.0.0.1:8080:80/tcp", 8080: "127.0.0.1:8080:8080/tcp", 1023: "127.0.0.1:9023:1023/tcp"} {
		if got := publishedHigh(Port{Network: "tcp", Number: number}); got != want {
			t.Errorf("publishedHigh(%d) = %q, want %q", number, got, want)
		}
	}
}
