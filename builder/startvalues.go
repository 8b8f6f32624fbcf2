package builder

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/moby/buildkit/client/llb"
	"mvdan.cc/sh/v3/shell"

	"github.com/slimimage/slim/layers/infile"
)

// The setters of options that say how the application is started.

// Host is a line of /etc/hosts in the runs.
type Host struct{ Name, Address string }

// String is the form of --add-host.
func (h Host) String() string { return h.Name + ":" + h.Address }

// setEntrypoint splits the words as a shell does.
func setEntrypoint(opt *Options, line string) error {
	words, err := shell.Fields(line, func(string) string { return "" })
	if err != nil {
		return fmt.Errorf("%q: %w", line, err)
	}
	if len(words) == 0 || words[0] == "" || strings.ContainsRune(line, 0) {
		return fmt.Errorf("%q names no program", line)
	}
	opt.Observe.Entrypoint = words
	return nil
}

func setWorkdir(opt *Options, dir string) error {
	if !path.IsAbs(dir) || !plainText(dir) {
		return fmt.Errorf("%q is not an absolute path in the container", dir)
	}
	opt.Observe.Dir = path.Clean(dir)
	return nil
}

// hostName is a name as sethostname(2) and /etc/hosts take it; the kernel's limit is 64 bytes (HOST_NAME_MAX).
var hostName = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9_.-]*[A-Za-z0-9])?$`)

const (
	maxHostname = 64
	maxHost     = 253 // of a name in DNS (RFC 1035, 2.3.4)
)

func setHostname(opt *Options, name string) error {
	if !hostName.MatchString(name) || len(name) > maxHostname {
		return fmt.Errorf("%q is not a host name of at most %d letters, digits, dots and hyphens", name, maxHostname)
	}
	opt.Observe.Hostname = name
	return nil
}

// addHost takes HOST:IP as docker run does, and HOST=IP. An IPv6 address may be in brackets.
func addHost(opt *Options, spec string) error {
	at := strings.IndexAny(spec, ":=")
	if at < 0 {
		return fmt.Errorf("%q is not HOST:IP", spec)
	}
	name, text := spec[:at], spec[at+1:]
	if !hostName.MatchString(name) || len(name) > maxHost {
		return fmt.Errorf("%q is not a host name", name)
	}
	address, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(text, "["), "]"))
	if err != nil || address.Zone() != "" {
		return fmt.Errorf("%q is not an IP address", text)
	}
	opt.Observe.Hosts = append(opt.Observe.Hosts, Host{Name: name, Address: address.String()})
	return nil
}

func hostsKey(opt *Options) any {
	var list []string
	for _, h := range opt.Observe.Hosts {
		list = append(list, h.String())
	}
	return list
}

// startOptions are the step's part of how the application is started: its host name, and the names it can resolve.
func (b *build) startOptions() []llb.RunOption {
	var opts []llb.RunOption
	if name := b.opt.Observe.Hostname; name != "" {
		opts = append(opts, llb.With(llb.Hostname(name)))
	}
	for _, h := range b.opt.Observe.Hosts {
		opts = append(opts, llb.AddExtraHost(h.Name, net.ParseIP(h.Address)))
	}
	return opts
}

// maxEnvFile bounds a file of --env-file, in bytes.
const maxEnvFile = 1 << 20

// addEnvFile reads a file of --env-file. One in a repository takes no values from the operator's environment.
func addEnvFile(opt *Options, name string) error {
	data, err := infile.Read(name, maxEnvFile)
	if err != nil {
		return err
	}
	lookup := os.LookupEnv
	if tree, _ := infile.Tree(name); tree != "" {
		lookup = nil
	}
	env, err := parseEnvFile(data, lookup)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	opt.Observe.Env = append(opt.Observe.Env, env...)
	if name, err = filepath.Abs(name); err == nil && plainText(name) {
		opt.Observe.EnvFiles = append(opt.Observe.EnvFiles, name)
	}
	return nil
}

// parseEnvFile reads the format of docker run --env-file (docker/cli, pkg/kvfile): a line is KEY=VALUE, or KEY, which takes the value from
// the environment and is left out where that has none; lines that begin with # are comments. Nothing is unquoted. Docker's own parser
// repeats lines in its errors: they may be secret, so the errors here have the number of the line. With a nil lookup, KEY is an error.
func parseEnvFile(data []byte, lookup func(string) (string, bool)) ([]string, error) {
	if !utf8.Valid(data) || bytes.ContainsRune(data, 0) {
		return nil, errors.New("it is not a text file in UTF-8")
	}
	var env []string
	text := strings.TrimPrefix(string(data), "\ufeff")
	for i, line := range strings.Split(text, "\n") {
		line = strings.TrimLeftFunc(strings.TrimSuffix(line, "\r"), unicode.IsSpace)
		if line == "" || line[0] == '#' {
			continue
		}
		key, _, given := strings.Cut(line, "=")
		if key == "" || strings.ContainsAny(key, " \t") {
			return nil, fmt.Errorf("line %d is not KEY=VALUE", i+1)
		}
		if given {
			env = append(env, line)
		} else if lookup == nil {
			return nil, fmt.Errorf("line %d takes a value from the environment, which a file in the working directory or in a Git work tree "+
				"may not: pass --env KEY", i+1)
		} else if value, ok := lookup(key); ok {
			env = append(env, key+"="+value)
		}
	}
	return env, nil
}
