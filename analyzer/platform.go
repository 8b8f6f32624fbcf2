package analyzer

import "strings"

// SamePlatform says whether two platforms, like "linux/amd64", run the same programs; a variant makes no difference here.
func SamePlatform(a, b string) bool { return archOf(a) == archOf(b) }

// archOf is "linux/arm64" of "linux/arm64/v8".
func archOf(platform string) string {
	parts := strings.SplitN(platform, "/", 3)
	return strings.Join(parts[:min(len(parts), 2)], "/")
}

// Arch is "arm64" of "linux/arm64/v8".
func Arch(platform string) string {
	_, arch, _ := strings.Cut(archOf(platform), "/")
	return arch
}
