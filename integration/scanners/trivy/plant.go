package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	trivydb "github.com/aquasecurity/trivy-db/pkg/db"
	"github.com/aquasecurity/trivy-db/pkg/ecosystem"
	dbtypes "github.com/aquasecurity/trivy-db/pkg/types"
	javadb "github.com/aquasecurity/trivy-java-db/pkg/db"
	"github.com/aquasecurity/trivy/pkg/db"
	bolt "go.etcd.io/bbolt"
)

// advisory is a planted flaw: every version below the fixed one has it. The ecosystem is named as OSV names it.
type advisory struct {
	ID        string `json:"id"`
	Ecosystem string `json:"ecosystem"` // "Debian:12", "Alpine:v3.20", "Rocky Linux:9", "npm", "PyPI", "Go"
	Package   string `json:"package"`   // of a distribution, the source package
	Fixed     string `json:"fixed"`
}

// languages are Trivy's names for the ecosystems of languages.
var languages = map[string]ecosystem.Type{"npm": ecosystem.Npm, "PyPI": ecosystem.Pip, "Go": ecosystem.Go, "RubyGems": ecosystem.RubyGems,
	"Maven": ecosystem.Maven}

// distributions are the names of buckets; Trivy's lead with it, then the release.
var distributions = map[string]ecosystem.Type{"Debian": ecosystem.Debian, "Alpine": ecosystem.Alpine, "Rocky Linux": ecosystem.Rocky}

// plantDatabase makes trivy.db and an empty database of jars in a directory, in the form of trivy-db.
func plantDatabase(dir string) error {
	var list []advisory
	if err := json.NewDecoder(os.Stdin).Decode(&list); err != nil {
		return err
	}
	if err := plantJars(filepath.Join(dir, "java-db")); err != nil {
		return err
	}
	if err := trivydb.Init(db.Dir(dir)); err != nil {
		return err
	}
	err := trivydb.Config{}.BatchUpdate(func(tx *bolt.Tx) error {
		for _, a := range list {
			if err := put(tx, a); err != nil {
				return fmt.Errorf("%s: %w", a.ID, err)
			}
		}
		return nil
	})
	return errors.Join(err, trivydb.Close())
}

func put(tx *bolt.Tx, a advisory) error {
	config := trivydb.Config{}
	source, release, _ := strings.Cut(a.Ecosystem, ":")
	var bucket string
	var record any = dbtypes.Advisory{FixedVersion: a.Fixed}
	if language, ok := languages[a.Ecosystem]; ok {
		bucket = string(language) + "::planted"
		record = dbtypes.Advisory{VulnerableVersions: []string{"<" + a.Fixed}, PatchedVersions: []string{a.Fixed}}
	} else if distribution, ok := distributions[source]; ok {
		bucket = string(distribution) + " " + strings.TrimPrefix(release, "v")
		if distribution == ecosystem.Rocky {
			record = dbtypes.Advisories{FixedVersion: a.Fixed, Entries: []dbtypes.Advisory{{FixedVersion: a.Fixed, Arches: []string{"x86_64"}}}}
		}
	} else {
		return fmt.Errorf("ecosystem %q", a.Ecosystem)
	}
	return errors.Join(config.PutDataSource(tx, bucket, dbtypes.DataSource{ID: "planted", Name: "planted"}),
		config.PutAdvisory(tx, []string{bucket, a.Package}, a.ID, record),
		config.PutVulnerability(tx, a.ID, dbtypes.Vulnerability{Title: "a planted flaw", Severity: "CRITICAL"}))
}

// plantJars makes the database that names a jar by its hash. It is empty: then Trivy asks the jar itself.
func plantJars(dir string) error {
	jars, err := javadb.New(dir)
	if err != nil {
		return err
	}
	metadata := javadb.NewMetadata(dir)
	return errors.Join(jars.Init(), jars.Close(), metadata.Update(javadb.Metadata{Version: javadb.SchemaVersion}))
}
