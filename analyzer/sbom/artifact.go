package sbom

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/url"
	"path"
	"strings"
)

// Artifact is the file that a package is delivered as. What the package's metadata does not say is "".
type Artifact struct {
	Name   string // of the file, without its directory
	URL    string // where it comes from
	SHA512 string // hex
}

// add keeps what is known and takes the rest of another one.
func (a *Artifact) add(other Artifact) {
	if *a == (Artifact{}) {
		*a = other
	}
}

// npmLock is what npm writes of a tree of node_modules (docs.npmjs.com, package-lock.json, "hidden lockfiles").
const npmLock = ".package-lock.json"

// parseNpmLock reads where npm has fetched its packages and what their archives' checksums are, by the packages' directories.
func parseNpmLock(name string, data []byte) metadata {
	var lock struct {
		Packages map[string]struct{ Resolved, Integrity string }
	}
	if err := json.Unmarshal(data, &lock); err != nil {
		return metadata{warning: unreadable(name, err)}
	}
	m := metadata{artifacts: map[string]Artifact{}}
	base := path.Dir(path.Dir(name)) // the keys are relative to the parent of node_modules
	for _, place := range sortedKeys(lock.Packages) {
		if len(m.artifacts) >= maxFound {
			break
		}
		pkg := lock.Packages[place]
		a := Artifact{SHA512: integrity(pkg.Integrity)}
		if isURL(pkg.Resolved) {
			a.URL, a.Name = pkg.Resolved, fileOf(pkg.Resolved)
		}
		if a != (Artifact{}) {
			m.artifacts[strings.TrimPrefix(path.Join("/", base, place), "/")] = a
		}
	}
	return m
}

// integrity is the SHA-512 in a list of checksums (www.w3.org/TR/SRI), in hex; "" without one.
func integrity(list string) string {
	for _, sum := range strings.Fields(list) {
		text, ok := strings.CutPrefix(sum, "sha512-")
		if !ok {
			continue
		}
		text, _, _ = strings.Cut(text, "?")
		if raw, err := base64.StdEncoding.DecodeString(text); err == nil && len(raw) == 64 {
			return hex.EncodeToString(raw)
		}
	}
	return ""
}

// fileOf is the name of the file at a URL; "" when it has none.
func fileOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	if base := path.Base(u.Path); base != "." && base != "/" && plausible(base) {
		return base
	}
	return ""
}

// shorthands are what package.json may have instead of a URL (docs.npmjs.com, package.json, "repository").
var shorthands = map[string]string{
	"github":    "https://github.com/",
	"gitlab":    "https://gitlab.com/",
	"bitbucket": "https://bitbucket.org/",
	"gist":      "https://gist.github.com/",
}

// sourceURL is the URL of a repository with source code, in the form that documents require; "" for what is none.
func sourceURL(text string) string {
	text = strings.TrimPrefix(strings.TrimSpace(text), "git+")
	if isURL(text) {
		return text
	}
	if rest, ok := strings.CutPrefix(text, "git://"); ok && isURL("https://"+rest) {
		return text
	}
	host, project, short := strings.Cut(text, ":")
	if !short {
		host, project = "github", text
	}
	slashes := strings.Count(project, "/")
	if shorthands[host] == "" || slashes > 1 || !short && slashes == 0 || !plausible(project) || !isURL(shorthands[host]+project) {
		return ""
	}
	return shorthands[host] + project
}

// moduleHosts are the hosts whose repositories the go command knows by the module's path: HOST/OWNER/REPOSITORY
// (cmd/go/internal/vcs, vcsPaths).
var moduleHosts = []string{"github.com", "bitbucket.org"}

// moduleSource is the repository of a Go module, where its path names it; "" elsewhere.
func moduleSource(module string) string {
	parts := strings.SplitN(module, "/", 4)
	for _, host := range moduleHosts {
		if len(parts) >= 3 && parts[0] == host {
			return sourceURL("https://" + strings.Join(parts[:3], "/"))
		}
	}
	return ""
}
