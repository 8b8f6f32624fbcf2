package builder

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/solver/pb"
	"github.com/moby/buildkit/util/apicaps"

	"github.com/slimimage/slim/analyzer"
	"github.com/slimimage/slim/layers"
)

// marshal returns the last step of a state.
func marshal(t *testing.T, b *build, state llb.State) step {
	t.Helper()
	def, err := state.Marshal(t.Context(), llb.Platform(b.steps))
	if err != nil {
		t.Fatal(err)
	}
	s, err := lastStep(def.ToPB())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// mounts lists the mounts of a step, one clause each.
func mounts(s step) []string {
	var list []string
	for _, m := range s.exec.Mounts {
		text := m.Dest
		if m.Readonly {
			text += " read-only"
		}
		if m.MountType != pb.MountType_BIND {
			text += " " + strings.ToLower(m.MountType.String())
		}
		if m.TmpfsOpt.GetSize() != 0 {
			text += fmt.Sprintf(" of %d bytes", m.TmpfsOpt.GetSize())
		}
		if m.ContentCache == pb.MountContentCache_OFF {
			text += " uncached"
		}
		if m.Selector != "" {
			text += " of " + m.Selector
		}
		list = append(list, text)
	}
	slices.Sort(list)
	return list
}

func TestObserveState(t *testing.T) {
	probe := llb.Image("example/probe")
	confined := &analyzer.Confinement{Tmpfs: []analyzer.Tmpfs{{Path: "tmp", Size: 64 << 20}}, Volumes: []layers.Path{"data"}}
	old := testBuild(Options{Observe: ObserveOptions{Env: []string{"A=b"}}})
	old.request = &frontendRequest{image: llb.Image("example/frontend"), caps: (&apicaps.CapList{}).CapSet(nil)}
	withProbe := testBuild(Options{Observe: ObserveOptions{Network: "host", Env: []string{"A=b"}}})
	withProbe.probeState = &probe
	for _, test := range []struct {
		name    string
		b       *build
		job     analyzer.Job
		network pb.NetMode
		mounts  []string
		args    string
		env     []string // of the job
		exits   int
	}{
		{"the original", testBuild(Options{}), analyzer.Job{}, pb.NetMode_NONE,
			[]string{"/", "/.slim/bin read-only", "/.slim/in read-only", "/.slim/out"}, "", nil, 256},
		{"under a profile", testBuild(Options{Observe: ObserveOptions{Network: "default"}}), analyzer.Job{Confine: confined}, pb.NetMode_UNSET,
			[]string{"/ read-only", "/.slim/bin read-only", "/.slim/in read-only", "/.slim/out", "/data of /data",
				"/tmp tmpfs of 67108864 bytes"}, "", nil, 256},
		{"with a probe image and a secret", withProbe, analyzer.Job{}, pb.NetMode_HOST,
			[]string{"/", "/.slim/bin read-only", analyzer.EnvFile + " secret", "/.slim/in read-only", "/.slim/out", "/.slim/probe"}, "", nil, 256},
		{"in a frontend of an old BuildKit", old, analyzer.Job{}, pb.NetMode_NONE,
			[]string{"/", "/.slim/bin read-only of /agent", "/.slim/in read-only", "/.slim/out"}, " --child", []string{"A=b"}, 0},
	} {
		state, err := test.b.observeState(llb.Image("example/app"), &test.job, "observe", anyRun)
		if err != nil {
			t.Fatal(err)
		}
		s := marshal(t, test.b, state)
		got := mounts(s)
		for i := range got { // the agent's directory in the frontend's image is package agent's
			if before, _, ok := strings.Cut(got[i], "/.slim/bin read-only of "); ok {
				got[i] = before + "/.slim/bin read-only of /agent"
			}
		}
		if diff := cmp.Diff(test.mounts, got); diff != "" {
			t.Errorf("%s: mounts (-want +got):\n%s", test.name, diff)
		}
		args := strings.Join(s.exec.Meta.Args, " ")
		if want := "observe --job /.slim/in/job.json --out /.slim/out" + test.args; !strings.HasSuffix(args, want) {
			t.Errorf("%s: arguments %q, want suffix %q", test.name, args, want)
		}
		if s.exec.Network != test.network || s.exec.Meta.User != "0:0" || len(s.exec.Meta.ValidExitCodes) != test.exits ||
			s.exec.Meta.ProxyEnv.FtpProxy != "test-run" || s.exec.Meta.ProxyEnv.NoProxy != "test-token" {
			t.Errorf("%s: network %v, user %q, %d exit codes, run and token %v", test.name, s.exec.Network, s.exec.Meta.User,
				len(s.exec.Meta.ValidExitCodes), s.exec.Meta.ProxyEnv)
		}
		secret := strings.Contains(string(s.files["/job.json"]), "A=b")
		if secret != (test.env != nil) {
			t.Errorf("%s: the job has the value of --env: %t, want %t", test.name, secret, test.env != nil)
		}
	}
}

// Each layer of the plan is one step on top of the layer below.
func TestPackState(t *testing.T) {
	b := testBuild(Options{})
	state := b.packState(llb.Image("example/app"), llb.Scratch(), []analyzer.Layer{{Name: "os"}, {Name: "app"}}, 7)
	def, err := state.Marshal(t.Context(), llb.Platform(b.steps))
	if err != nil {
		t.Fatal(err)
	}
	s, err := lastStep(def.ToPB())
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(s.exec.Meta.Args[1:], " "); got != "pack --src /src --plan /.slim/in/plan.json --layer 1 --epoch 7 --out /out" {
		t.Errorf("arguments %q", got)
	}
	if got := mounts(s); !slices.Contains(got, "/src read-only uncached") || !slices.Contains(got, "/out uncached") {
		t.Errorf("mounts %q", got)
	}
	if s.title != "pack: app layer" || s.exec.Network != pb.NetMode_NONE {
		t.Errorf("step %q with mounts %q, network %v", s.title, mounts(s), s.exec.Network)
	}
	steps := 0
	for _, meta := range def.Metadata {
		if strings.HasPrefix(meta.Description["llb.customname"], "[slim] pack: ") {
			steps++
		}
	}
	if steps != 2 {
		t.Errorf("%d steps, want one for each of 2 layers", steps)
	}
}

func TestReadFileBounds(t *testing.T) {
	data := []byte(strings.Repeat("x", chunk+1))
	got, err := readFile(t.Context(), &fakeRef{files: map[string][]byte{"f": data}}, "f")
	if err != nil || len(got) != len(data) {
		t.Errorf("readFile() = %d bytes, %v, want %d", len(got), err, len(data))
	}
	if _, err := readFile(t.Context(), &fakeRef{}, "f"); err == nil {
		t.Error("readFile() of a missing file succeeded")
	}
}
