package builder

import (
	"net/url"
	"path"

	"github.com/slimimage/slim/analyzer"
)

// Names of the files with which a build in DevGuard's pipelines describes an image to the jobs that scan, sign and attest it.
const (
	fileDigest     = "image-digest.txt"
	fileTag        = "image-tag.txt"
	filePurl       = "artifact-purl.txt"
	filePurlSafe   = "artifact-purl-safe.txt" // escaped for the path of a URL
	fileVariables  = "variables.env"
	fileProvenance = "build.provenance.json"
)

// devGuardFiles adds the name, digest, package URL and provenance of the image, which later jobs of a pipeline read. It omits what is not
// known because nothing was exported or the engine records no builds.
func devGuardFiles(result *Result, files map[string][]byte) {
	if result.Provenance != nil {
		files[fileProvenance] = result.Provenance
	}
	if result.Digest != "" {
		files[fileDigest] = []byte(result.Digest + "\n")
	}
	if len(result.Names) == 0 {
		return
	}
	repository, tag := splitName(result.Names[0])
	image := repository
	if tag != "" {
		image += ":" + tag
	}
	files[fileTag] = []byte(image + "\n")
	purl := artifactPurl(repository, tag, analyzer.Arch(result.Platform))
	files[filePurl], files[filePurlSafe] = []byte(purl+"\n"), []byte(url.PathEscape(purl)+"\n")
	if result.Digest != "" {
		image += "@" + result.Digest
	}
	files[fileVariables] = []byte("IMAGE_TAG=" + image + "\n")
}

// artifactPurl is a package URL as DevGuard writes it: the qualifiers in its order and without escapes. DevGuard compares it as text.
func artifactPurl(repository, tag, arch string) string {
	purl := "pkg:oci/" + path.Base(repository) + "?repository_url=" + repository + "&arch=" + arch
	if tag != "" {
		purl += "&tag=" + tag
	}
	return purl
}
