package profile

import (
	"cmp"
	"fmt"
	"net/netip"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/slimimage/slim/analyzer"
	"github.com/slimimage/slim/layers"
)

// Start holds the start options of the runs that are not in the image's config. The files for docker and Compose use them, too.
type Start struct {
	Hostname string   `json:"hostname,omitempty"` // host name of the runs
	Hosts    []Host   `json:"hosts,omitempty"`    // more of /etc/hosts
	Mounts   []Mount  `json:"mounts,omitempty"`   // files and directories that the image does not have
	EnvFiles []string `json:"envFiles,omitempty"` // files with more environment, on the machine of the build
}

// Host is a name in /etc/hosts.
type Host struct {
	Name    string `json:"name"`    // host name
	Address string `json:"address"` // IP address
}

// Mount is a file or directory of the machine of the build that the runs saw, read-only.
type Mount struct {
	Source string      `json:"source"` // absolute path on that machine
	Path   layers.Path `json:"path"`   // in the container
}

// WithStart returns the Model completed with how the runs were started. A writable directory at or below a mount was the mount's.
func (m Model) WithStart(start Start) Model {
	m.Start = start
	m.Writable = slices.DeleteFunc(slices.Clone(m.Writable), func(w Writable) bool {
		return slices.ContainsFunc(start.Mounts, func(mount Mount) bool {
			return w.Path == mount.Path || strings.HasPrefix(string(w.Path), string(mount.Path)+"/")
		})
	})
	if start.Hostname != "" && !podHostname.MatchString(start.Hostname) {
		m.warn("the host name %s is not a DNS label: Kubernetes cannot give it to a pod", start.Hostname)
	}
	slices.Sort(m.Warnings)
	m.Warnings = slices.Compact(m.Warnings)
	return m
}

// mounted warns about mounts of the runs.
func (m *Model) mounted(ev *analyzer.Evidence) {
	for _, run := range ev.Runs {
		for _, mount := range run.Mounts {
			m.warn("the runs had a mount at %s, which the image does not have", mount.Path)
		}
	}
}

var (
	podHostname = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$`) // RFC 1123, as Kubernetes demands
	validHost   = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9_.-]{0,251}[A-Za-z0-9])?$`)
)

// check refuses values that cannot be written into the files.
func (s Start) check() error {
	if s.Hostname != "" && !validHost.MatchString(s.Hostname) {
		return fmt.Errorf("%q is not a host name", s.Hostname)
	}
	for _, h := range s.Hosts {
		if _, err := netip.ParseAddr(h.Address); err != nil || !validHost.MatchString(h.Name) {
			return fmt.Errorf("%q at %q is not a host with an IP address", h.Name, h.Address)
		}
	}
	for _, mount := range s.Mounts {
		if err := mountable(mount.Path); err != nil {
			return fmt.Errorf("mount at %s: %w", mount.Path, err)
		}
		if !path.IsAbs(mount.Source) || strings.Contains(mount.Source, ":") || !printable(mount.Source) {
			return fmt.Errorf("mount of %q: it is not an absolute path without a colon", mount.Source)
		}
	}
	for _, file := range s.EnvFiles {
		if !path.IsAbs(file) || !printable(file) {
			return fmt.Errorf("%q is not an absolute path of a file with environment", file)
		}
	}
	return nil
}

// dockerWords are the arguments of docker run.
func (s Start) dockerWords() []string {
	var words []string
	if s.Hostname != "" {
		words = append(words, "--hostname", s.Hostname)
	}
	for _, h := range s.Hosts {
		words = append(words, "--add-host", h.Name+":"+h.Address)
	}
	for _, mount := range s.Mounts {
		words = append(words, "--volume", mount.text())
	}
	for _, file := range s.EnvFiles {
		words = append(words, "--env-file", file)
	}
	return words
}

func (m Mount) text() string { return m.Source + ":/" + string(m.Path) + ":ro" }

// compose adds the keys of a compose file's service.
func (s Start) compose(service object) {
	if s.Hostname != "" {
		service["hostname"] = s.Hostname
	}
	var hosts, files []string
	for _, h := range s.Hosts {
		hosts = append(hosts, h.Name+":"+h.Address)
	}
	for _, file := range s.EnvFiles {
		files = append(files, dollars(file))
	}
	if len(hosts) > 0 {
		service["extra_hosts"] = hosts
	}
	if len(files) > 0 {
		service["env_file"] = files
	}
}

// pod adds the keys of a pod's spec.
func (s Start) pod(spec object) {
	if podHostname.MatchString(s.Hostname) {
		spec["hostname"] = s.Hostname
	}
	names := map[string][]string{}
	for _, h := range s.Hosts {
		if !slices.Contains(names[h.Address], h.Name) {
			names[h.Address] = append(names[h.Address], h.Name)
		}
	}
	var aliases []object
	for address, list := range names {
		aliases = append(aliases, object{"ip": address, "hostnames": list})
	}
	slices.SortFunc(aliases, func(a, b object) int { return cmp.Compare(a["ip"].(string), b["ip"].(string)) })
	if len(aliases) > 0 {
		spec["hostAliases"] = aliases
	}
}

// podComments say what a pod needs besides the manifests: the files are on another machine.
func (s Start) podComments() string {
	text := ""
	for _, mount := range s.Mounts {
		text += fmt.Sprintf("# The runs had %s mounted at /%s: add a ConfigMap, Secret or volume with it.\n", comment(mount.Source),
			comment(string(mount.Path)))
	}
	for _, file := range s.EnvFiles {
		text += fmt.Sprintf("# The runs had the environment of %s: add it with envFrom.\n", comment(file))
	}
	return text
}
