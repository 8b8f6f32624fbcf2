package builder

import (
	"net/url"
	"path"
	"strings"

	"github.com/slimimage/slim/builder/profile"
)

// Names of the files by which a build of DevGuard's pipelines hands an image over to the jobs that scan, sign and attest it.
const (
	fileDigest     = "image-digest.txt"
	fileTag        = "image-tag.txt"
	filePurl       = "artifact-purl.txt"
	filePurlSafe   = "artifact-purl-safe.txt" // in a form for the path of a URL
	fileVariables  = "variables.env"
	fileProvenance = "build.provenance.json"
)

// handover adds what later jobs of a pipeline need to know of the image: its name, digest, package URL and provenance. What is not known,
// because nothing was exported or the engine keeps no history, is left out.
func handover(result *Result, files map[string][]byte) {
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
	purl := artifactPurl(repository, tag, architecture(result.Platform))
	files[filePurl], files[filePurlSafe] = []byte(purl+"\n"), []byte(url.PathEscape(purl)+"\n")
	if result.Digest != "" {
		image += "@" + result.Digest
	}
	files[fileVariables] = []byte("IMAGE_TAG=" + image + "\n")
}

// artifactPurl is a package URL with the qualifiers in the order and without the escapes of DevGuard, which takes it as a plain name.
func artifactPurl(repository, tag, arch string) string {
	purl := "pkg:oci/" + path.Base(repository) + "?repository_url=" + repository + "&arch=" + arch
	if tag != "" {
		purl += "&tag=" + tag
	}
	return purl
}

// architecture is that of a platform: "amd64" of "linux/amd64".
func architecture(platform string) string {
	_, arch, _ := strings.Cut(platform, "/")
	arch, _, _ = strings.Cut(arch, "/")
	return arch
}

const labelTitle = "org.opencontainers.image.title"

// resourceLabels are the labels of Options.ResourceLabels: what the image needs, and a title where the original has none.
func resourceLabels(model profile.Model, original *imageConfig) map[string]string {
	labels := profile.ResourceLabels(model)
	if original.Config.Labels[labelTitle] == "" {
		labels[labelTitle] = model.Name
	}
	return labels
}
