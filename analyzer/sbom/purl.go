package sbom

import (
	"path"
	"strings"

	"github.com/package-url/packageurl-go"
)

// purl is a package URL; empty qualifiers are left out. "" when the parts make none.
func purl(kind, namespace, name, version string, qualifiers map[string]string) string {
	for key, value := range qualifiers {
		if value == "" {
			delete(qualifiers, key)
		}
	}
	p := packageurl.NewPackageURL(kind, namespace, name, version, packageurl.QualifiersFromMap(qualifiers), "")
	if p.Normalize() != nil {
		return ""
	}
	return p.ToString()
}

// splitName separates the namespace of a name at its last slash: "github.com/x/y", "@scope/name", "vendor/name".
func splitName(full string) (namespace, name string) {
	if i := strings.LastIndexByte(full, '/'); i >= 0 {
		return full[:i], full[i+1:]
	}
	return "", full
}

// ImagePurl is the package URL of an image: pkg:oci/NAME@DIGEST?arch=ARCH&repository_url=REPOSITORY&tag=TAG. What is empty is left
// out; it is "" without a repository.
func ImagePurl(repository, tag, digest, arch string) string {
	if repository == "" {
		return ""
	}
	location := repository
	if !strings.Contains(repository, "/") {
		location = ""
	}
	return purl(packageurl.TypeOCI, "", strings.ToLower(path.Base(repository)), digest,
		map[string]string{"repository_url": location, "arch": arch, "tag": tag})
}
