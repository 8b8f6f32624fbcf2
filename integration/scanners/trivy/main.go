// Command trivy reads an image or a bill of materials with Trivy's libraries, as "trivy image" and "trivy sbom" do, and prints what they
// found in the form that every reader of this directory has. With -plant it makes the database from advisories on its input.
//
//	trivy -db DIR -plant <advisories.json
//	trivy -db DIR [-vex FILE|oci] archive:FILE_OR_DIR | registry:REFERENCE | sbom:FILE
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"runtime/debug"
	"strings"

	trivydb "github.com/aquasecurity/trivy-db/pkg/db"
	dbtypes "github.com/aquasecurity/trivy-db/pkg/types"
	"github.com/aquasecurity/trivy/pkg/cache"
	"github.com/aquasecurity/trivy/pkg/db"
	"github.com/aquasecurity/trivy/pkg/fanal/analyzer"
	"github.com/aquasecurity/trivy/pkg/fanal/applier"
	"github.com/aquasecurity/trivy/pkg/fanal/artifact"
	artimage "github.com/aquasecurity/trivy/pkg/fanal/artifact/image"
	"github.com/aquasecurity/trivy/pkg/fanal/artifact/sbom"
	"github.com/aquasecurity/trivy/pkg/fanal/image"
	ftypes "github.com/aquasecurity/trivy/pkg/fanal/types"
	"github.com/aquasecurity/trivy/pkg/javadb"
	"github.com/aquasecurity/trivy/pkg/log"
	"github.com/aquasecurity/trivy/pkg/result"
	"github.com/aquasecurity/trivy/pkg/scan"
	"github.com/aquasecurity/trivy/pkg/scan/langpkg"
	"github.com/aquasecurity/trivy/pkg/scan/local"
	"github.com/aquasecurity/trivy/pkg/scan/ospkg"
	"github.com/aquasecurity/trivy/pkg/types"
	"github.com/aquasecurity/trivy/pkg/vex"
	"github.com/aquasecurity/trivy/pkg/vulnerability"
	_ "modernc.org/sqlite" // of rpm's database and of that of jars
)

// reading is what a reader found.
type reading struct {
	Reader     string    `json:"reader"`
	OS         string    `json:"os"`
	Packages   []pkg     `json:"packages"`
	Findings   []finding `json:"findings"`
	Suppressed []finding `json:"suppressed"` // by a VEX document
}

type pkg struct {
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
		fmt.Fprintln(os.Stderr, "trivy:", err)
		os.Exit(1)
	}
}

func run() error {
	dir := flag.String("db", "", "directory of the database")
	plant := flag.Bool("plant", false, "make the database from advisories on the standard input")
	var vexes []vex.Source
	flag.Func("vex", "a VEX document, or oci", func(s string) error { vexes = append(vexes, vex.NewSource(s)); return nil })
	flag.Parse()
	log.InitLogger(false, false)
	if *plant {
		return plantDatabase(*dir)
	}
	if err := trivydb.Init(db.Dir(*dir)); err != nil {
		return err
	}
	defer trivydb.Close()
	javadb.Init(*dir, nil, true, true, ftypes.RegistryOptions{})
	report, err := read(context.Background(), flag.Arg(0))
	if err != nil {
		return err
	}
	severities := []dbtypes.Severity{dbtypes.SeverityUnknown, dbtypes.SeverityLow, dbtypes.SeverityMedium, dbtypes.SeverityHigh,
		dbtypes.SeverityCritical}
	filter := result.FilterOptions{Severities: severities, VEXSources: vexes, CacheDir: *dir}
	if err := result.Filter(context.Background(), report, filter); err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(summary(&report))
}

// disabled are the analyzers that "trivy image --scanners vuln" leaves out.
func disabled() []analyzer.Type {
	list := append([]analyzer.Type{analyzer.TypeApkCommand, analyzer.TypeSecret, analyzer.TypeLicenseFile, analyzer.TypeHistoryDockerfile,
		analyzer.TypeExecutable, analyzer.TypeRpmArchive}, analyzer.TypeConfigFiles...)
	return append(list, analyzer.TypeLockfiles...)
}

// read scans a target.
func read(ctx context.Context, target string) (types.Report, error) {
	kind, name, _ := strings.Cut(target, ":")
	option := artifact.Option{DisabledAnalyzers: disabled(), Offline: true, NoProgress: true, Parallel: 2,
		ImageOption: ftypes.ImageOptions{ImageSources: ftypes.ImageSources{ftypes.RemoteImageSource}}}
	store := cache.NewMemoryCache()
	var art artifact.Artifact
	var err error
	switch kind {
	case "archive":
		img, e := image.NewArchiveImage(name)
		if e != nil {
			return types.Report{}, e
		}
		art, err = artimage.NewArtifact(img, store, option)
	case "registry":
		img, cleanup, e := image.NewContainerImage(ctx, name, option.ImageOption)
		if e != nil {
			return types.Report{}, e
		}
		defer cleanup()
		art, err = artimage.NewArtifact(img, store, option)
	case "sbom":
		art, err = sbom.NewArtifact(name, store, option)
	default:
		err = fmt.Errorf("%q is no target", target)
	}
	if err != nil {
		return types.Report{}, err
	}
	backend := local.NewService(applier.NewApplier(store), ospkg.NewScanner(), langpkg.NewScanner(), vulnerability.NewClient(trivydb.Config{}))
	return scan.NewService(backend, art).ScanArtifact(ctx, types.ScanOptions{PkgTypes: types.PkgTypes,
		PkgRelationships: ftypes.Relationships, Scanners: types.Scanners{types.VulnerabilityScanner, types.SBOMScanner}})
}

// summary brings a report into the common form.
func summary(report *types.Report) reading {
	out := reading{Reader: "trivy " + version(), Packages: []pkg{}, Findings: []finding{}, Suppressed: []finding{}}
	if report.Metadata.OS != nil {
		out.OS = string(report.Metadata.OS.Family) + " " + report.Metadata.OS.Name
	}
	for _, r := range report.Results {
		for _, p := range r.Packages {
			purl := ""
			if p.Identifier.PURL != nil {
				purl = p.Identifier.PURL.String()
			}
			out.Packages = append(out.Packages, pkg{p.Name, full(p), purl, p.FilePath})
		}
		for _, v := range r.Vulnerabilities {
			out.Findings = append(out.Findings, finding{v.VulnerabilityID, v.PkgName, v.InstalledVersion})
		}
		for _, m := range r.ModifiedFindings {
			if v, ok := m.Finding.(types.DetectedVulnerability); ok {
				out.Suppressed = append(out.Suppressed, finding{v.VulnerabilityID, v.PkgName, v.InstalledVersion})
			}
		}
	}
	return out
}

// full is a package's version with epoch and release.
func full(p ftypes.Package) string {
	version := p.Version
	if p.Epoch != 0 {
		version = fmt.Sprintf("%d:%s", p.Epoch, version)
	}
	if p.Release != "" {
		version += "-" + p.Release
	}
	return version
}

// version is that of the library, as go.mod has it.
func version() string {
	info, _ := debug.ReadBuildInfo()
	for _, dep := range info.Deps {
		if dep.Path == "github.com/aquasecurity/trivy" {
			return dep.Version
		}
	}
	return "unknown"
}
