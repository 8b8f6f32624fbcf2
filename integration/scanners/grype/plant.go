package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	v6 "github.com/anchore/grype/grype/db/v6"
)

// advisory is a planted flaw: every version below the fixed one has it. The ecosystem is named as OSV names it.
type advisory struct {
	ID        string `json:"id"`
	Ecosystem string `json:"ecosystem"` // "Debian:12", "Alpine:v3.20", "Rocky Linux:9", "npm", "PyPI", "Go"
	Package   string `json:"package"`   // of a distribution, the source package
	Fixed     string `json:"fixed"`
}

// place is how Grype names an ecosystem: its type of package, of version and, of a distribution, its name.
type place struct{ packages, versions, system string }

var places = map[string]place{
	"npm": {"npm", "semver", ""}, "PyPI": {"python", "python", ""}, "Go": {"go-module", "go", ""}, "RubyGems": {"gem", "gem", ""},
	"Maven":  {"java-archive", "maven", ""},
	"Debian": {"deb", "dpkg", "debian"}, "Alpine": {"apk", "apk", "alpine"}, "Rocky Linux": {"rpm", "rpm", "rhel"},
}

// codenames are those of releases whose images say theirs: Grype then asks for it.
var codenames = map[string]string{"Debian:12": "bookworm"}

// plantDatabase makes Grype's database, version 6, in a directory.
func plantDatabase(dir string) error {
	var list []advisory
	if err := json.NewDecoder(os.Stdin).Decode(&list); err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	store, err := v6.NewWriter(v6.Config{DBDirPath: dir, CacheSizeKiB: 1024})
	if err != nil {
		return err
	}
	captured := time.Now()
	provider := &v6.Provider{ID: "planted", Version: "1", DateCaptured: &captured}
	for _, a := range list {
		if err := put(store, provider, a); err != nil {
			return errors.Join(fmt.Errorf("%s: %w", a.ID, err), store.Close())
		}
	}
	return errors.Join(store.SetDBMetadata(), store.Close())
}

func put(store v6.ReadWriter, provider *v6.Provider, a advisory) error {
	name, release, _ := strings.Cut(a.Ecosystem, ":")
	where, ok := places[name]
	if !ok {
		return fmt.Errorf("ecosystem %q", a.Ecosystem)
	}
	var system *v6.OperatingSystem
	if where.system != "" {
		major, minor, _ := strings.Cut(strings.TrimPrefix(release, "v"), ".")
		system = &v6.OperatingSystem{Name: where.system, ReleaseID: where.system, MajorVersion: major, MinorVersion: minor,
			Codename: codenames[a.Ecosystem]}
	}
	flaw := &v6.VulnerabilityHandle{Name: a.ID, Status: v6.VulnerabilityActive, Provider: provider, ProviderID: provider.ID,
		BlobValue: &v6.VulnerabilityBlob{ID: a.ID, Description: "a planted flaw",
			Severities: []v6.Severity{{Scheme: v6.SeveritySchemeCHML, Value: "critical", Rank: 1}}}}
	if err := store.AddVulnerabilities(flaw); err != nil {
		return err
	}
	return store.AddAffectedPackages(&v6.AffectedPackageHandle{Vulnerability: flaw, VulnerabilityID: flaw.ID, OperatingSystem: system,
		Package: &v6.Package{Ecosystem: where.packages, Name: a.Package},
		BlobValue: &v6.PackageBlob{Ranges: []v6.Range{{Version: v6.Version{Type: where.versions, Constraint: "< " + a.Fixed},
			Fix: &v6.Fix{Version: a.Fixed, State: v6.FixedStatus}}}}})
}
