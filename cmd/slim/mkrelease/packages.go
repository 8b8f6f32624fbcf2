package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"

	"go.yaml.in/yaml/v3"
)

// packageConfig is nfpm's configuration (https://nfpm.goreleaser.com/docs/configuration).
type packageConfig struct {
	Name        string              `yaml:"name"`
	Arch        string              `yaml:"arch"`
	Platform    string              `yaml:"platform"`
	Version     string              `yaml:"version"`
	Schema      string              `yaml:"version_schema"`
	Section     string              `yaml:"section"`
	Maintainer  string              `yaml:"maintainer"`
	Description string              `yaml:"description"`
	Homepage    string              `yaml:"homepage"`
	License     string              `yaml:"license"`
	MTime       string              `yaml:"mtime"`
	Contents    []packageFile       `yaml:"contents"`
	RPM         map[string]string   `yaml:"rpm"`
	Overrides   map[string]override `yaml:"overrides"`
}

type packageFile struct {
	Src  string          `yaml:"src"`
	Dst  string          `yaml:"dst"`
	Info packageFileInfo `yaml:"file_info"`
}

type packageFileInfo struct {
	Mode  uint32 `yaml:"mode"`
	Owner string `yaml:"owner"`
	Group string `yaml:"group"`
	MTime string `yaml:"mtime"`
}

type override struct {
	Recommends []string `yaml:"recommends"`
}

// packageDirs are the directories of completions: bash-completion's, zsh's site-functions and fish's for vendors.
var packageDirs = map[string]string{
	"completions/slim.bash": "/usr/share/bash-completion/completions/slim",
	"completions/slim.zsh":  "/usr/share/zsh/site-functions/_slim",
	"completions/slim.fish": "/usr/share/fish/vendor_completions.d/slim.fish",
}

// packages makes a .deb and an .rpm for each architecture.
func (r *release) packages(ctx context.Context) error {
	for _, arch := range []string{"amd64", "arm64"} {
		config, err := r.packageConfig(arch)
		if err != nil {
			return err
		}
		data, err := yaml.Marshal(config)
		if err != nil {
			return err
		}
		file := filepath.Join(r.work, "nfpm-"+arch+".yaml")
		if err := os.WriteFile(file, data, 0o644); err != nil {
			return err
		}
		for _, kind := range []string{"deb", "rpm"} {
			target := filepath.Join(r.out, strings.TrimSuffix(r.archiveName("linux-"+arch), "tar.gz")+kind)
			args := append(r.nfpm[1:len(r.nfpm):len(r.nfpm)], "package", "--config", file, "--packager", kind, "--target", target)
			if _, err := r.command(ctx, r.nfpm[0], args...); err != nil {
				return err
			}
		}
	}
	return nil
}

// packageConfig describes the package of an architecture. Only the embedded engine needs what it recommends: runc, and newuidmap for
// ordinary users.
func (r *release) packageConfig(arch string) (*packageConfig, error) {
	members, err := r.members("linux-" + arch)
	if err != nil {
		return nil, err
	}
	when := r.epoch.Format("2006-01-02T15:04:05Z07:00")
	c := &packageConfig{
		Name: "slim", Arch: arch, Platform: "linux", Version: r.number(), Schema: "semver", Section: "utils",
		Maintainer: "The slim authors <https://github.com/slimimage/slim>", Homepage: source, License: "Apache-2.0", MTime: when,
		Description: "make container images smaller, and check that they still work",
		RPM:         map[string]string{"buildhost": "localhost", "summary": "make container images smaller, and check that they still work"},
		Overrides:   map[string]override{"deb": {[]string{"runc", "uidmap"}}, "rpm": {[]string{"runc", "shadow-utils"}}},
	}
	for _, m := range members {
		dst := packageDirs[m.name]
		switch {
		case m.name == "slim":
			dst = "/usr/bin/slim"
		case m.name == "LICENSE":
			dst = "/usr/share/doc/slim/copyright"
		case strings.HasPrefix(m.name, "man/"):
			dst = "/usr/share/man/man1/" + strings.TrimPrefix(m.name, "man/")
		case dst == "":
			dst = "/usr/share/doc/slim/" + m.name
		}
		c.Contents = append(c.Contents, packageFile{m.source, dst, packageFileInfo{uint32(m.mode), "root", "root", when}})
	}
	return c, nil
}
