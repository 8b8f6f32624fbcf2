package builder

import (
	"slices"

	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/solver/pb"

	"github.com/slimimage/slim/analyzer"
	"github.com/slimimage/slim/builder/profile"
	"github.com/slimimage/slim/layers"
)

// model is the profile of a slim image: it follows from the evidence, the plan and the findings of its checks.
func (b *build) model(in input, seen *analyzer.Evidence, plan *analyzer.Plan, found analyzer.Findings) profile.Model {
	all := *seen
	all.Syscalls = slices.Concat(seen.Syscalls, found.Syscalls)
	all.Paths = slices.Clone(seen.Paths)
	for _, dir := range found.Writable {
		all.Paths = append(all.Paths, analyzer.PathUse{Path: dir, Ops: []analyzer.Op{analyzer.OpWrite}})
	}
	entry, err := in.config.entry(nil)
	if err != nil {
		entry = analyzer.Entry{} // an image without a command, which only --run runs
	}
	config := profile.Config{Exposed: entry.Exposed, Volumes: entry.Volumes, Shell: entry.Shell}
	if entry.Healthcheck != nil {
		config.Healthcheck = entry.Healthcheck.Test
	}
	name := ""
	if len(b.opt.Export.Names) > 0 {
		name = b.opt.Export.Names[0]
	}
	return profile.From(&all, plan, name).WithConfig(config).WithCapabilities(found.Capabilities).WithStart(b.opt.Observe.start())
}

// start is how the runs were started, for the files that start the image so.
func (o ObserveOptions) start() profile.Start {
	start := profile.Start{Hostname: o.Hostname, EnvFiles: o.EnvFiles}
	for _, h := range o.Hosts {
		start.Hosts = append(start.Hosts, profile.Host{Name: h.Name, Address: h.Address})
	}
	for _, m := range o.Mounts {
		start.Mounts = append(start.Mounts, profile.Mount{Source: m.Source, Path: layers.CleanPath(m.Target)})
	}
	return start
}

// confinement is a profile in the form that the agent and the step apply. A volume that the image has no directory for begins empty.
func confinement(model profile.Model, plan *analyzer.Plan, filtered bool) (*analyzer.Confinement, error) {
	c := &analyzer.Confinement{Capabilities: model.Capabilities, LowPorts: model.OpensLowPorts(), NewPrivileges: model.NewPrivileges}
	for _, m := range model.WritableMounts() {
		if m.Volume && plan.Keeps(m.Path) {
			c.Volumes = append(c.Volumes, m.Path)
		} else {
			c.Tmpfs = append(c.Tmpfs, analyzer.Tmpfs{Path: m.Path, Size: m.Size, Mode: m.Mode, UID: m.UID, GID: m.GID, NoExec: m.NoExec})
		}
	}
	if !filtered {
		return c, nil
	}
	filter, err := profile.Seccomp(model)
	c.Seccomp = filter
	return c, err
}

// confinedMounts are the parts of a profile that the step applies: a read-only root filesystem, an empty tmpfs of the profile's size, and
// a copy of the image's content for each volume. BuildKit mounts a tmpfs with nosuid; the agent sets the profile's other mount options
// except nodev, which only affects a process with CAP_MKNOD.
func (b *build) confinedMounts(root llb.State, c *analyzer.Confinement) []llb.RunOption {
	opts := []llb.RunOption{llb.ReadonlyRootFS()}
	for _, t := range c.Tmpfs {
		var sized []llb.TmpfsOption
		if b.supports(pb.CapExecMountTmpfsSize) {
			sized = append(sized, llb.TmpfsSize(t.Size))
		}
		opts = append(opts, llb.AddMount("/"+string(t.Path), llb.Scratch(), llb.Tmpfs(sized...)))
	}
	for _, dir := range c.Volumes {
		opts = append(opts, llb.AddMount("/"+string(dir), root, llb.SourcePath("/"+string(dir))))
	}
	return opts
}
