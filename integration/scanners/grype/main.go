// Command grype reads an image or a bill of materials with Syft's and Grype's libraries, as "grype" does, and prints what they found in the
// form that every reader of this directory has. With -plant it makes the database from advisories on its input.
//
//	grype -db DIR -plant <advisories.json
//	grype -db DIR [-vex FILE] oci-dir:DIR | registry:REFERENCE | sbom:FILE
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"runtime/debug"

	"github.com/anchore/grype/grype"
	v6 "github.com/anchore/grype/grype/db/v6"
	"github.com/anchore/grype/grype/match"
	"github.com/anchore/grype/grype/matcher"
	"github.com/anchore/grype/grype/matcher/dpkg"
	"github.com/anchore/grype/grype/matcher/golang"
	"github.com/anchore/grype/grype/matcher/rpm"
	"github.com/anchore/grype/grype/matcher/stock"
	"github.com/anchore/grype/grype/pkg"
	"github.com/anchore/grype/grype/version"
	"github.com/anchore/grype/grype/vex"
	"github.com/anchore/stereoscope/pkg/image"
	"github.com/anchore/syft/syft"
	"github.com/anchore/syft/syft/cataloging"
	"github.com/anchore/syft/syft/sbom"
)

// reading is what a reader found.
type reading struct {
	Reader     string    `json:"reader"`
	OS         string    `json:"os"`
	Packages   []found   `json:"packages"`
	Findings   []finding `json:"findings"`
	Suppressed []finding `json:"suppressed"` // by a VEX document
}

type found struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	Purl    string `json:"purl"`
	Path    string `json:"path"`
}

type finding struct {
	ID      string `json:"id"`
	Package string `json:"package"`
	Version string `json:"version"`
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "grype:", err)
		os.Exit(1)
	}
}

func run() error {
	dir := flag.String("db", "", "directory of the database")
	plant := flag.Bool("plant", false, "make the database from advisories on the standard input")
	var vexes []string
	flag.Func("vex", "a VEX document", func(s string) error { vexes = append(vexes, s); return nil })
	flag.Parse()
	if *plant {
		return plantDatabase(*dir)
	}
	packages, context, bom, err := pkg.Provide(flag.Arg(0), providerConfig())
	if err != nil {
		return err
	}
	store, err := v6.NewReader(v6.Config{DBDirPath: *dir})
	if err != nil {
		return err
	}
	defer store.Close()
	processor, err := vex.NewProcessor(vex.ProcessorOptions{Documents: vexes, IgnoreRules: []match.IgnoreRule{
		{VexStatus: "not_affected"}, {VexStatus: "fixed"}}})
	if err != nil {
		return err
	}
	provider := v6.NewVulnerabilityProvider(store)
	scanner := grype.VulnerabilityMatcher{VulnerabilityProvider: provider, VexProcessor: processor,
		Matchers: matcher.NewDefaultMatchers(matcherConfig())}
	matches, ignored, err := scanner.FindMatches(packages, context)
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(summary(bom, context, matches, ignored))
}

// providerConfig is that of the program grype.
func providerConfig() pkg.ProviderConfig {
	config := syft.DefaultCreateSBOMConfig()
	config.Packages.Golang = config.Packages.Golang.WithCaptureSymbols(cataloging.SymbolScopeAll)
	config.Compliance.MissingVersion = cataloging.ComplianceActionDrop
	return pkg.ProviderConfig{SyftProviderConfig: pkg.SyftProviderConfig{SBOMOptions: config,
		RegistryOptions: &image.RegistryOptions{InsecureUseHTTP: true}}}
}

// matcherConfig is that of the program grype: it asks by CPE only for packages of no ecosystem.
func matcherConfig() matcher.Config {
	return matcher.Config{Stock: stock.MatcherConfig{UseCPEs: true}, Golang: golang.MatcherConfig{},
		Dpkg: dpkg.MatcherConfig{MissingEpochStrategy: version.MissingEpochStrategyZero},
		Rpm:  rpm.MatcherConfig{MissingEpochStrategy: version.MissingEpochStrategyAuto}}
}

// summary brings what was found into the common form. The packages are Syft's.
func summary(bom *sbom.SBOM, context pkg.Context, matches *match.Matches, ignored []match.IgnoredMatch) reading {
	out := reading{Reader: "grype " + libraryVersion("github.com/anchore/grype") + ", syft " + libraryVersion("github.com/anchore/syft"),
		Packages: []found{}, Findings: []finding{}, Suppressed: []finding{}}
	if context.Distro != nil {
		out.OS = context.Distro.String()
	}
	for _, p := range bom.Artifacts.Packages.Sorted() {
		place := ""
		if list := p.Locations.ToSlice(); len(list) > 0 {
			place = list[0].RealPath
		}
		out.Packages = append(out.Packages, found{p.Name, p.Version, p.PURL, place})
	}
	for _, m := range matches.Sorted() {
		out.Findings = append(out.Findings, finding{m.Vulnerability.ID, m.Package.Name, m.Package.Version})
	}
	for _, m := range ignored {
		out.Suppressed = append(out.Suppressed, finding{m.Vulnerability.ID, m.Package.Name, m.Package.Version})
	}
	return out
}

// libraryVersion is that of a library, as go.mod has it.
func libraryVersion(path string) string {
	info, _ := debug.ReadBuildInfo()
	for _, dep := range info.Deps {
		if dep.Path == path {
			return dep.Version
		}
	}
	return "unknown"
}
