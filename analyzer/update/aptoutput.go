package update

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/slimimage/slim/analyzer/printable"
)

// release is what a repository of apt says about itself: the fields of its Release file as apt-cache policy prints them
// (apt_preferences(5)).
type release struct{ origin, label, archive, codename string }

// securityReleases are repositories for security updates. A field that is not empty must be equal; Suffix is the end of the archive or of
// the codename.
var securityReleases = []struct{ Origin, Label, Suffix, Source string }{
	{Origin: "Debian", Label: "Debian-Security", Source: "Release files of security.debian.org: Label: Debian-Security"},
	{Origin: "Ubuntu", Suffix: "-security", Source: "Ubuntu, unattended-upgrades, 50unattended-upgrades: ${distro_codename}-security"},
	{Origin: "UbuntuESM", Suffix: "-infra-security", Source: "Ubuntu, unattended-upgrades, 50unattended-upgrades"},
	{Origin: "UbuntuESMApps", Suffix: "-apps-security", Source: "Ubuntu, unattended-upgrades, 50unattended-upgrades"},
	{Suffix: "-security", Source: "Debian Reference 2.1.4: the archive of the security updates of CODENAME is CODENAME-security"},
}

// repository is the release for the report.
func (r release) repository() Repository {
	name := strings.TrimSpace(cmp.Or(r.label, r.origin) + " " + cmp.Or(r.codename, r.archive))
	security := slices.ContainsFunc(securityReleases, func(s struct{ Origin, Label, Suffix, Source string }) bool {
		return (s.Origin == "" || s.Origin == r.origin) && (s.Label == "" || s.Label == r.label) &&
			(s.Suffix == "" || strings.HasSuffix(r.archive, s.Suffix) || strings.HasSuffix(r.codename, s.Suffix))
	})
	return Repository{Name: printable.Short(cmp.Or(name, "a repository without a name"), maxField), Security: security}
}

// parseReleases reads `apt-cache policy`: for each list of packages its priority and place, and a line with the fields of its release.
func parseReleases(out string) map[string]release {
	releases := map[string]release{}
	place := ""
	for line := range strings.Lines(out) {
		words := strings.Fields(line)
		if len(words) == 0 {
			continue
		}
		if fields, ok := strings.CutPrefix(strings.TrimSpace(line), "release "); ok {
			if strings.Contains(place, "://") || strings.HasPrefix(place, "file:") {
				releases[place] = parseRelease(fields)
			}
			continue
		}
		if len(words) > 1 && isNumber(words[0]) {
			place = strings.Join(words[1:], " ")
			if strings.Contains(place, "://") || strings.HasPrefix(place, "file:") {
				releases[place] = release{} // one without a Release file has no such line
			}
		}
	}
	return releases
}

func parseRelease(fields string) release {
	var r release
	for _, field := range strings.Split(fields, ",") {
		key, value, _ := strings.Cut(field, "=")
		switch key {
		case "o":
			r.origin = value
		case "l":
			r.label = value
		case "a":
			r.archive = value
		case "n":
			r.codename = value
		}
	}
	return r
}

func isNumber(word string) bool {
	return word != "" && strings.Trim(strings.TrimPrefix(word, "-"), "0123456789") == ""
}

// policyTable is what `apt-cache policy NAME` prints about one package.
type policyTable struct {
	name      string
	candidate string
	versions  []policyVersion // highest first
}

type policyVersion struct {
	version   string
	installed bool
	sources   []string // places
}

// parsePolicy reads `apt-cache policy NAME...`.
func parsePolicy(out string) []policyTable {
	var tables []policyTable
	inVersions := false
	for line := range strings.Lines(out) {
		line = strings.TrimRight(line, " \n")
		words := strings.Fields(line)
		if len(words) == 0 {
			continue
		}
		if line[0] != ' ' {
			tables, inVersions = append(tables, policyTable{name: strings.TrimSuffix(line, ":")}), false
			continue
		}
		if len(tables) == 0 {
			continue
		}
		table := &tables[len(tables)-1]
		switch {
		case words[0] == "Candidate:" && len(words) == 2:
			table.candidate = words[1]
		case words[0] == "Version" && !inVersions:
			inVersions = true
		case inVersions && strings.HasPrefix(line, "        "): // a place, with its priority
			if n := len(table.versions); n > 0 && isNumber(words[0]) {
				table.versions[n-1].sources = append(table.versions[n-1].sources, strings.Join(words[1:], " "))
			}
		case inVersions && words[0] == "***" && len(words) > 1:
			table.versions = append(table.versions, policyVersion{version: words[1], installed: true})
		case inVersions:
			table.versions = append(table.versions, policyVersion{version: words[0]})
		}
	}
	return tables
}

// simulated is a line of `apt-get -s`: Inst NAME [OLD] (NEW REPOSITORY... [ARCH]) and Remv NAME [OLD]; what follows is not needed.
var simulated = regexp.MustCompile(`^(Inst|Remv|Purg) (\S+)(?: \[([^\]]*)\])?(?: \((\S+) ([^)]*?) ?\[([^\]]*)\]\))?`)

// parseSimulation reads `apt-get -s install`.
func parseSimulation(out string) ([]Change, error) {
	var changes []Change
	for line := range strings.Lines(out) {
		word, _, _ := strings.Cut(line, " ")
		if word != "Inst" && word != "Remv" && word != "Purg" {
			continue
		}
		m := simulated.FindStringSubmatch(line)
		if m == nil || word == "Inst" && m[4] == "" {
			return nil, fmt.Errorf("apt-get printed %s", printable.Short(line, maxLine))
		}
		name, _, _ := strings.Cut(m[2], ":")
		changes = append(changes, Change{Name: name, Arch: m[6], Before: m[3], After: m[4], Repository: firstRepository(m[5])})
	}
	return changes, nil
}

// firstRepository is the first of the places of a version: "Debian-Security:12/stable-security, Debian:12.15/oldstable".
func firstRepository(places string) string {
	place, _, _ := strings.Cut(places, ", ")
	label, rest, _ := strings.Cut(place, ":")
	if _, archive, ok := strings.Cut(rest, "/"); ok {
		return label + " " + archive
	}
	return place
}

// aptHints are next steps by what a line of apt says.
var aptHints = []struct{ says, hint string }{
	{"EXPKEYSIG", "the image's own keys are used: bring its keyring up to date in the image"},
	{"NO_PUBKEY", "the image's own keys are used: bring its keyring up to date in the image"},
	{"BADSIG", "the image's own keys are used: check its repositories and its keyring"},
	{"GPG error", "the image's own keys are used: check its repositories and its keyring"},
	{"signature", "the image's own keys are used: check its repositories and its keyring"},
	{"is not signed", "only signed repositories are used: check the repositories and the keyring of the image"},
	{"does not have a Release file", "check the repositories of the image"},
	{"is expired", "the repository is out of date: check the repositories of the image"},
	{"Failed to fetch", "the step that fetches packages needs a network to the image's repositories (--build-network)"},
	{"Could not resolve", "the step that fetches packages needs a network to the image's repositories (--build-network)"},
	{"held broken packages", "update it in the image itself"},
	{"dpkg was interrupted", "repair it in the image: dpkg --configure -a"},
}

// explainApt makes an error of apt one line with a next step: the line that says most, by the order of aptHints.
func explainApt(err error) error {
	var failed *ToolError
	if !errors.As(err, &failed) {
		return err
	}
	var lines []string
	for line := range strings.Lines(failed.Stderr) {
		line = strings.TrimSpace(line)
		if text, ok := cutLevel(line); ok {
			lines = append(lines, text)
		}
	}
	for _, known := range aptHints {
		for _, line := range lines {
			if strings.Contains(line, known.says) {
				return refuse(known.hint, "%s: %s", failed.Program, printable.Short(line+unmet(failed.Stdout), maxLine))
			}
		}
	}
	return err
}

// cutLevel removes apt's mark of an error or a warning.
func cutLevel(line string) (string, bool) {
	for _, mark := range []string{"E: ", "W: ", "Err:"} {
		if text, ok := strings.CutPrefix(line, mark); ok {
			return text, true
		}
	}
	return line, false
}

// unmet is the first dependency that apt could not satisfy.
func unmet(out string) string {
	_, rest, ok := strings.Cut(out, "unmet dependencies:\n")
	if !ok {
		return ""
	}
	line, _, _ := strings.Cut(rest, "\n")
	return " (" + strings.TrimSpace(line) + ")"
}
