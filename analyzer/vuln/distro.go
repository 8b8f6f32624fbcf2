package vuln

import (
	"slices"
	"strings"
)

// rpmEcosystems are the distributions that install RPM packages.
var rpmEcosystems = []string{"AlmaLinux", "Azure Linux", "Mageia", "Red Hat", "Rocky Linux", "SUSE", "openEuler", "openSUSE"}

// released are the ecosystems whose records name a release, without which they mean nothing.
var released = append([]string{"Alpine", "Debian", "Ubuntu"}, rpmEcosystems...)

// known are further names of ecosystems; a part of a database that is named after one is not read unless it is wanted.
var known = []string{
	"Alpaquita", "Android", "BellSoft Hardened Containers", "Bioconductor", "Bitnami", "CRAN", "Chainguard", "CleanStart", "ConanCenter",
	"Docker Hardened Images", "Echo", "GHC", "GIT", "GitHub Actions", "Go", "Hackage", "Hex", "Julia", "Kubernetes", "Linux", "Maven",
	"MinimOS",
	"NuGet", "OSS-Fuzz", "Packagist", "Photon OS", "Pub", "PyPI", "RubyGems", "SwiftURL", "VSCode", "Wolfi", "crates.io", "npm", "opam",
}

// isEcosystem reports whether a name, without release, is one of OSV's ecosystems.
func isEcosystem(name string) bool {
	return slices.Contains(released, name) || slices.Contains(known, name)
}

// codenames are the releases of Debian that package URLs may name by their code name.
var codenames = map[string]string{
	"jessie": "8", "stretch": "9", "buster": "10", "bullseye": "11", "bookworm": "12", "trixie": "13", "forky": "14",
}

// base is an ecosystem without its release.
func base(ecosystem string) string {
	name, _, _ := strings.Cut(ecosystem, ":")
	return name
}

// distribution is the ecosystem of a distribution's package: of its purl's type and namespace, and of the qualifier distro, which is
// ID-VERSION_ID of os-release, or a version or code name alone. Without a release the ecosystem has none either.
func distribution(kind, namespace, distro string) string {
	version := distro
	if id, rest, ok := cutVersion(distro); ok {
		version = rest
		if namespace == "" || kind == "rpm" && !strings.EqualFold(id, namespace) {
			namespace = id
		}
	} else if distro != "" && !startsWithDigit(distro) && codenames[distro] == "" {
		version = ""
	}
	name, release := releaseOf(strings.ToLower(namespace), version)
	if name == "" || release == "" {
		return name
	}
	return name + ":" + release
}

// cutVersion splits "opensuse-leap-15.5" before the first part that begins with a digit.
func cutVersion(distro string) (id, version string, ok bool) {
	for i := 1; i < len(distro); i++ {
		if distro[i-1] == '-' && startsWithDigit(distro[i:]) {
			return distro[:i-1], distro[i:], true
		}
	}
	if id, name, found := strings.Cut(distro, "-"); found && codenames[name] != "" {
		return id, name, true
	}
	return "", "", false
}

func startsWithDigit(s string) bool { return s != "" && s[0] >= '0' && s[0] <= '9' }

// releaseOf is the ecosystem's name and the release as its records write it, of the ID and VERSION_ID of os-release.
func releaseOf(id, version string) (name, release string) {
	major, minor, _ := strings.Cut(version, ".")
	if minor, _, _ = strings.Cut(minor, "."); minor == "" {
		minor = "0"
	}
	if version == "" {
		minor = ""
	}
	switch id {
	case "debian":
		if number := codenames[version]; number != "" {
			return "Debian", number
		}
		return "Debian", major
	case "ubuntu":
		return "Ubuntu", version
	case "alpine":
		if version == "" {
			return "Alpine", ""
		}
		return "Alpine", "v" + strings.TrimPrefix(major, "v") + "." + minor
	case "wolfi":
		return "Wolfi", ""
	case "chainguard":
		return "Chainguard", ""
	case "alpaquita":
		return "Alpaquita", ""
	case "minimos":
		return "MinimOS", ""
	case "rocky", "rocky-linux", "rockylinux":
		return "Rocky Linux", major
	case "alma", "almalinux":
		return "AlmaLinux", major
	case "rhel", "redhat", "red hat":
		return "Red Hat", major
	case "mageia":
		return "Mageia", major
	case "azurelinux", "azure linux", "mariner":
		return "Azure Linux", major
	case "openeuler":
		return "openEuler", version
	case "opensuse-leap":
		return "openSUSE", "Leap " + version
	case "opensuse-tumbleweed", "opensuse":
		return "openSUSE", "Tumbleweed"
	case "sles", "suse", "sle":
		if version == "" {
			return "SUSE", ""
		}
		return "SUSE", strings.TrimSuffix(major+" SP"+minor, " SP0")
	}
	return "", ""
}

// sameRelease reports whether a record of one ecosystem is about packages of the other. A record without release is about all.
func sameRelease(record, installed string) bool {
	name, suffix, _ := strings.Cut(record, ":")
	wanted, release, _ := strings.Cut(installed, ":")
	if name != wanted {
		return false
	}
	if suffix == "" {
		return true
	}
	switch name {
	case "Ubuntu": // "22.04:LTS"; "Pro:22.04:LTS" is of packages that only subscribers get
		return strings.TrimSuffix(suffix, ":LTS") == release
	case "Red Hat": // "enterprise_linux:9::baseos"
		product, rest, _ := strings.Cut(suffix, ":")
		major, _, _ := strings.Cut(rest, ":")
		return product == "enterprise_linux" && major == release
	case "SUSE": // "Linux Enterprise Module for Basesystem 15 SP5"
		return suffix == release || strings.HasSuffix(suffix, " "+release)
	case "openEuler": // "24.03-LTS"
		return suffix == release || suffix == release+"-LTS"
	}
	return suffix == release
}
