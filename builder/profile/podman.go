package profile

import (
	"fmt"
	"slices"
)

// podman differs from docker (podman-run(1)): a tmpfs belongs to root, or to the container's user with "U", and gets the image's files
// unless notmpcopyup is there; --read-only adds writable directories unless --read-only-tmpfs is false; an ordinary user publishes no
// port below 1024.
var podman = runner{program: "podman", flags: []string{"--read-only-tmpfs=false"}, mount: podmanMount, publish: publishedHigh}

// PodmanRun is DockerRun for podman, as root or rootless. A port below 1024 is published 8000 higher.
func PodmanRun(m Model) (string, error) { return podman.line(m) }

func podmanScript(m Model) ([]byte, error) {
	var notes []string
	if slices.ContainsFunc(m.served(), func(p Port) bool { return p.Number < lowPorts }) {
		notes = append(notes, "Ports below 1024 are published 8000 higher, because podman may run without root: 80 as 8080.")
	}
	return podman.script(m, notes...)
}

// podmanMount makes a directory of another user a volume: it has the owner that the directory has in the image.
func podmanMount(m Model, mount WritableMount) []string {
	own := mount.UID == m.UID && (m.UID != 0 || mount.GID == 0)
	if mount.Volume || !own && mount.Mode != 0o1777 {
		return []string{"--volume", "/" + string(mount.Path)}
	}
	exec, dev := mount.rights()
	options := fmt.Sprintf("/%s:rw,%s,nosuid,%s,size=%s,mode=%04o,notmpcopyup", string(mount.Path), exec, dev, mebibytes(mount.Size, "m"),
		mount.Mode)
	if own && m.UID != 0 {
		options += ",U"
	}
	return []string{"--tmpfs", options}
}

// lowPorts is the first port that an ordinary user may open on most machines (ip-sysctl, ip_unprivileged_port_start).
const lowPorts = 1024

func publishedHigh(p Port) string {
	host := p.Number
	if host < lowPorts {
		host += 8000
	}
	return fmt.Sprintf("127.0.0.1:%d:%d/%s", host, p.Number, p.Network)
}
