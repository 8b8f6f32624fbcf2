package vuln

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
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
	var doc yaml.Node
	if err := yaml.Unmarshal(data, &doc); err != nil {
		return nil, err
	}
	config := &Config{}
	if len(doc.Content) == 0 {
		return config, nil
	}
	return config, mapping(doc.Content[0], func(key string, value *yaml.Node) error {
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

// mapping calls do for every key, and puts the line into its errors.
func mapping(node *yaml.Node, do func(key string, value *yaml.Node) error) error {
	if node.Kind != yaml.MappingNode {
		return fmt.Errorf("line %d: keys and values are expected", node.Line)
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(node.Content); i += 2 {
		key := node.Content[i]
		err := do(key.Value, node.Content[i+1])
		if seen[key.Value] {
			err = fmt.Errorf("duplicate key %q", key.Value)
		}
		seen[key.Value] = true
		var at *lineError
		if err != nil && !errors.As(err, &at) {
			return &lineError{key.Line, err}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// lineError is an error with the line it is in.
type lineError struct {
	line int
	err  error
}

func (e *lineError) Error() string { return fmt.Sprintf("line %d: %v", e.line, e.err) }
func (e *lineError) Unwrap() error { return e.err }

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
	err := mapping(node, func(key string, value *yaml.Node) (err error) {
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
		err = missing(node.Line, [][2]string{{"id", a.ID}, {"reason", a.Reason}, {"until", untilText(a.Until)}})
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
	err := mapping(node, func(key string, value *yaml.Node) (err error) {
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
					err = &lineError{item.Line, fmt.Errorf("files: bad pattern %q", glob)}
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
		err = missing(node.Line, [][2]string{{"id", claim.ID}, {"package", claim.Package}, {"files", strings.Join(claim.Files, "")},
			{"reason", claim.Reason}})
	}
	c.NotAffected = append(c.NotAffected, claim)
	return err
}

// missing names the first key that has no value.
func missing(line int, values [][2]string) error {
	for _, value := range values {
		if strings.TrimSpace(value[1]) == "" {
			return &lineError{line, fmt.Errorf("%s is missing", value[0])}
		}
	}
	return nil
}

// scalar is the text of a value as it is written; a date is not turned into anything else.
func scalar(node *yaml.Node) (string, error) {
	if node.Kind != yaml.ScalarNode || node.Tag == "!!null" {
		return "", &lineError{node.Line, errors.New("one value is expected")}
	}
	if len(node.Value) > maxReason {
		return "", &lineError{node.Line, fmt.Errorf("a value of more than %d bytes", maxReason)}
	}
	return node.Value, nil
}
