package sbom

import (
	"archive/zip"
	"encoding/xml"
	"path"
	"strings"
)

// maxPomXML bounds the project descriptions of one archive, in bytes, unpacked.
const maxPomXML = 32 << 20

// pomFile is the part of pom.xml that describes a project (maven.apache.org/pom.html, "More Project Information"). What it takes from a
// parent is not in the archive.
type pomFile struct {
	URL          string `xml:"url"`
	Organization struct {
		Name string `xml:"name"`
		URL  string `xml:"url"`
	} `xml:"organization"`
	Licenses []struct {
		Name string `xml:"name"`
		URL  string `xml:"url"`
	} `xml:"licenses>license"`
	SCM struct {
		URL string `xml:"url"`
	} `xml:"scm"`
}

// describePoms adds what pom.xml says to the packages that the pom.properties beside it names. A file that cannot be read says nothing.
func describePoms(poms []found, dirs []string, files map[string]*zip.File) {
	left := int64(maxPomXML)
	for i := range poms {
		file := files[dirs[i]]
		if file == nil {
			continue
		}
		data, err := readEntry(file, min(maxManifest, left))
		left -= int64(len(data))
		var pom pomFile
		if err == nil && xml.Unmarshal(data, &pom) == nil {
			pom.describe(&poms[i].Package)
		}
	}
}

// describe adds what the file says to a package. Of several licences the user may choose (maven.apache.org/pom.html, "Licenses").
func (p *pomFile) describe(pkg *Package) {
	var choices []string
	for _, l := range p.Licenses {
		terms := licenseTerms(l.Name)
		if id, ok := licenseID(strings.TrimSpace(l.URL)); ok && len(terms) > 0 && !isExpression(terms[0]) {
			terms = []string{id}
		}
		if len(terms) > 0 && len(choices) < maxTerms {
			choices = addTerms(choices, []string{joinAll(terms)})
		}
	}
	if len(choices) == 1 {
		pkg.Licenses = choices
	} else if len(choices) > 1 {
		pkg.Licenses = licenseTerms(strings.Join(choices, " OR "))
	}
	pkg.Supplier = person(p.Organization.Name, p.Organization.URL)
	pkg.Homepage, pkg.SourceURL = strings.TrimSpace(p.URL), sourceURL(p.SCM.URL)
}

// pomDir is the directory of a pom.xml that Maven's archiver has put into an archive; ok is false for other files.
func pomDir(name string) (dir string, ok bool) {
	return path.Dir(name), path.Base(name) == "pom.xml" && strings.HasPrefix(name, "META-INF/maven/")
}
