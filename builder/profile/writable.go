package profile

import (
	"fmt"
	"slices"

	"github.com/slimimage/slim/analyzer"
	"github.com/slimimage/slim/analyzer/rules"
	"github.com/slimimage/slim/layers"
)

// WritableMount is one writable directory as docker mounts it. A Volume begins with what the image has there, with owners and modes; all
// else is an empty tmpfs with nosuid.
type WritableMount struct {
	Path   layers.Path
	Volume bool
	Size   int64 // bytes that a tmpfs can hold, whole in MiB
	Mode   uint32
	UID    uint32
	GID    uint32
	NoExec bool
	// NoDev says that device files have no effect. It is left out if the user may make some (CAP_MKNOD): the check cannot mount with it.
	NoDev bool
}

// WritableMounts are the writable directories, by path.
func (m Model) WritableMounts() []WritableMount {
	var list []WritableMount
	for _, w := range m.Writable {
		mount := WritableMount{Path: w.Path, Volume: w.Populated || w.Volume, Size: w.tmpfs(), NoExec: !w.Executes,
			NoDev: !slices.Contains(m.Capabilities, "CAP_MKNOD"), Mode: 0o755, UID: m.UID, GID: m.GID}
		switch {
		case w.Path == "tmp" || w.Path == "var/tmp":
			mount.Mode = 0o1777
		case w.Owner != nil:
			mount.Mode, mount.UID, mount.GID = w.Owner.Mode, w.Owner.UID, w.Owner.GID
		}
		list = append(list, mount)
	}
	return list
}

// tmpfs is a mount as docker's --tmpfs and compose's tmpfs spell it.
func (m WritableMount) tmpfs() string {
	exec, dev := m.rights()
	return fmt.Sprintf("/%s:rw,%s,nosuid,%s,size=%s,mode=%04o,uid=%d,gid=%d", string(m.Path), exec, dev, mebibytes(m.Size, "m"), m.Mode, m.UID,
		m.GID)
}

// rights are the mount options about programs and devices.
func (m WritableMount) rights() (exec, dev string) {
	exec, dev = "noexec", "nodev" // docker's own default for a tmpfs
	if !m.NoExec {
		exec = "exec"
	}
	if !m.NoDev {
		dev = "dev"
	}
	return exec, dev
}

// owners records the owners of the writable directories in the image: an empty mount in their place gets the same owner.
func (m *Model) owners(plan *analyzer.Plan) {
	if plan == nil {
		return
	}
	for i := range m.Writable {
		at := slices.IndexFunc(plan.Directories, func(d analyzer.Directory) bool { return d.Path == m.Writable[i].Path })
		if at < 0 {
			continue
		}
		d := plan.Directories[at]
		if m.UID == 0 || d.UID == m.UID || d.Mode&0o002 != 0 {
			m.Writable[i].Owner = &d
		}
	}
}

// othersDirectories are the topmost directories in which users other than root may write: root's program may switch to one of them for
// each client, and a run shows only some of them. Files of packages below /usr are not written.
func othersDirectories(plan *analyzer.Plan) []layers.Path {
	var list []layers.Path
	for _, d := range plan.Directories {
		theirs := d.UID != 0 && d.Mode&0o200 != 0 || d.GID != 0 && d.Mode&0o020 != 0
		if !theirs || rules.Unmountable(string(d.Path)) ||
			below("usr", d.Path) && !below("usr/local", d.Path) {
			continue
		}
		if !slices.ContainsFunc(list, func(above layers.Path) bool { return below(above, d.Path) }) {
			list = append(list, d.Path)
		}
	}
	return list
}
