package profile

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/distribution/reference"

	"github.com/slimimage/slim/layers"
)

var (
	validName       = regexp.MustCompile(`^[a-z]([-a-z0-9]{0,38}[a-z0-9])?$`)
	validCapability = regexp.MustCompile(`^CAP_[A-Z_]+$`)
	validPlatform   = regexp.MustCompile(`^linux/[a-z0-9]+(/[a-z0-9]+)?$`)
)

// check refuses a Model with values that cannot be written into the generated files. From never makes such a Model, except for the name
// of the image, which the caller gives.
func (m Model) check() error {
	if !validName.MatchString(m.Name) {
		return fmt.Errorf("name %q is no DNS label of at most 40 characters", m.Name)
	}
	if _, err := reference.ParseNormalizedNamed(m.Image); err != nil {
		return fmt.Errorf("image %q: %w", m.Image, err)
	}
	if !validPlatform.MatchString(m.Platform) {
		return fmt.Errorf("platform %q is none of Linux", m.Platform)
	}
	for _, w := range m.Writable {
		if err := mountable(w.Path); err != nil {
			return fmt.Errorf("writable path %s: %w", w.Path, err)
		}
	}
	for _, p := range m.Ports {
		if p.Number < 1 || p.Number > 65535 || p.Network != "tcp" && p.Network != "udp" {
			return fmt.Errorf("port %d/%s is none", p.Number, p.Network)
		}
	}
	if err := m.Start.check(); err != nil {
		return err
	}
	for _, name := range m.Capabilities {
		if !validCapability.MatchString(name) {
			return fmt.Errorf("%q is no capability", name)
		}
	}
	for _, word := range m.Health {
		if !printable(word) {
			return fmt.Errorf("health check: %q is not printable", word)
		}
	}
	return nil
}

// mountable says why a path cannot be the target of a mount in every kind of file: docker separates the path from its options with a
// colon, and none of them can carry control characters.
func mountable(name layers.Path) error {
	switch {
	case name == "." || name == "" || layers.CleanPath(string(name)) != name:
		return errors.New("it is no directory below the root")
	case strings.ContainsAny(string(name), ":,\\"):
		return errors.New("it holds a colon, a comma or a backslash")
	case !printable(string(name)):
		return errors.New("it is not printable")
	case len(name) > 1024:
		return errors.New("it is longer than 1024 bytes")
	}
	return nil
}

func printable(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) })
}

// comment turns a text into one line for a comment: it escapes characters that are not printable.
func comment(text string) string {
	if printable(text) {
		return text
	}
	quoted := fmt.Sprintf("%q", text)
	return quoted[1 : len(quoted)-1]
}
