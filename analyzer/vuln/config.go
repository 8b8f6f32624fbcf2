package vuln

import (
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/slimimage/slim/analyzer/strictyaml"
)

// Config is what people have decided about findings: the keys "accept" and "not_affected" of .slim.yaml.
type Config struct {
	Accept      []Acceptance
	NotAffected []Claim
}

// Acceptance is a risk that somebody bears until a day.
type Acceptance struct {
	ID      string    `json:"id"`                // of the vulnerability, or an alias
	Package string    `json:"package,omitempty"` // name, source package or purl; "" is every package
	Reason  string    `json:"reason"`            // why the risk is accepted
	Until   time.Time `json:"-"`                 // last day, UTC
	Line    int       `json:"-"`                 // in the file
}

// Claim says in which files of a package a vulnerability is. It is checked against the image before it counts.
type Claim struct {
	ID      string
	Package string   // name, source package or purl
	Files   []string // globs of path.Match: of a path in the image, or of a file's name where there is no slash
	Reason  string   // where it is known from
	Line    int
}

// maxConfig is the size of the file in bytes, maxReason that of a reason: DevGuard takes 4000 characters.
const (
	maxConfig = 1 << 20
	maxReason = 4000
)

const day = "2006-01-02"

// ReadConfig reads the file. Other keys at its top than "accept" and "not_affected" are errors, except those in others. So are
// unknown keys of an entry, a missing reason or end, and a bad date; an error names the line.
func ReadConfig(data []byte, others ...string) (*Config, error) {
	if len(data) > maxConfig {
		return nil, fmt.Errorf("it is larger than %d bytes", maxConfig)
	}
	doc, err := strictyaml.Document(data)
	config := &Config{}
	if err != nil || doc == nil {
		return config, err
	}
	return config, strictyaml.Mapping(doc, func(key string, value *yaml.Node) error {
		switch {
		case key == "accept":
			return sequence(value, "accept", config.accept)
		case key == "not_affected":
			return sequence(value, "not_affected", config.claim)
		case slices.Contains(others, key):
			return nil
		}
		return fmt.Errorf("unknown key %q; there are %s", key, strings.Join(append([]string{"accept"}, others...), ", ")+" and not_affected")
	})
}

func sequence(node *yaml.Node, key string, entry func(*yaml.Node) error) error {
	if node.Tag == "!!null" {
		return nil
	}
	if node.Kind != yaml.SequenceNode {
		return fmt.Errorf("%s: a list is expected", key)
	}
	for _, item := range node.Content {
		if err := entry(item); err != nil {
			return err
		}
	}
	return nil
}

func (c *Config) accept(node *yaml.Node) error {
	a := Acceptance{Line: node.Line}
	err := strictyaml.Mapping(node, func(key string, value *yaml.Node) (err error) {
		switch key {
		case "id":
			a.ID, err = scalar(value)
		case "package":
			a.Package, err = scalar(value)
		case "reason":
			a.Reason, err = scalar(value)
		case "until":
			var text string
			if text, err = scalar(value); err != nil {
				return err
			}
			if a.Until, err = time.Parse(day, text); err != nil {
				return fmt.Errorf("until: %q is not a date like 2027-01-31", plain(text, 40))
			}
		default:
			return fmt.Errorf("unknown key %q; an accepted risk has id, package, reason and until", key)
		}
		return err
	})
	if err == nil {
		err = missing(node, [][2]string{{"id", a.ID}, {"reason", a.Reason}, {"until", untilText(a.Until)}})
	}
	c.Accept = append(c.Accept, a)
	return err
}

func untilText(until time.Time) string {
	if until.IsZero() {
		return ""
	}
	return until.Format(day)
}

func (c *Config) claim(node *yaml.Node) error {
	claim := Claim{Line: node.Line}
	err := strictyaml.Mapping(node, func(key string, value *yaml.Node) (err error) {
		switch key {
		case "id":
			claim.ID, err = scalar(value)
		case "package":
			claim.Package, err = scalar(value)
		case "reason":
			claim.Reason, err = scalar(value)
		case "files":
			return sequence(value, key, func(item *yaml.Node) error {
				glob, err := scalar(item)
				glob = strings.TrimPrefix(glob, "/")
				if _, bad := path.Match(glob, ""); err == nil && (bad != nil || glob == "") {
					err = strictyaml.Errorf(item, "files: bad pattern %q", glob)
				}
				claim.Files = append(claim.Files, glob)
				return err
			})
		default:
			return fmt.Errorf("unknown key %q; an entry has id, package, files and reason", key)
		}
		return err
	})
	if err == nil {
		err = missing(node, [][2]string{{"id", claim.ID}, {"package", claim.Package}, {"files", strings.Join(claim.Files, "")},
			{"reason", claim.Reason}})
	}
	c.NotAffected = append(c.NotAffected, claim)
	return err
}

// missing names the first key that has no value.
func missing(node *yaml.Node, values [][2]string) error {
	for _, value := range values {
		if strings.TrimSpace(value[1]) == "" {
			return strictyaml.Errorf(node, "%s is missing", value[0])
		}
	}
	return nil
}

// scalar is the text of a value, of bounded length.
func scalar(node *yaml.Node) (string, error) {
	text, err := strictyaml.Scalar(node)
	if len(text) > maxReason {
		return "", strictyaml.Errorf(node, "a value of more than %d bytes", maxReason)
	}
	return text, err
}
