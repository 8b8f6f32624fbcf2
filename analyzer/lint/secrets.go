package lint

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/slimimage/slim/analyzer/secrets"
	"github.com/slimimage/slim/layers"
)

// findSecrets searches a file that its package does not vouch for. What a language's packages hold is public: a warning.
func (f *facts) findSecrets(name string, text []byte) {
	for _, what := range secrets.In(text) {
		finding := Finding{Path: layers.Path(name), Message: what}
		if secrets.Published(name) || f.vouched(name) {
			finding.Level, finding.Message = Warning, what+", in a package that anybody can have"
		}
		f.secrets.add(finding)
	}
}

func checkSecretFiles(f *facts) ([]Finding, string) { return f.secrets.list, "" }

func words(list string) map[string]bool {
	set := map[string]bool{}
	for _, word := range strings.Fields(list) {
		set[word] = true
	}
	return set
}

func checkSecretNames(f *facts) ([]Finding, string) {
	found := f.each(func(file *file) string {
		if !file.regular() || file.size == 0 {
			return ""
		}
		if !secrets.Usual(file.path) || secrets.Published(file.path) || f.owned(file.path) {
			return ""
		}
		return "a file of this name usually holds credentials"
	})
	for i := range found {
		if secrets.IsKeyName(string(found[i].Path)) {
			found[i].Level = Error
		}
	}
	return found, ""
}

// withPassword is a URL with a password that is not a variable.
var withPassword = regexp.MustCompile(`[A-Za-z][A-Za-z0-9+.-]{1,20}://[^/\s:@]{0,100}:[^/\s@$*{<]{1,200}@`)

// secretValue returns why a value looks like a secret, "" if it does not.
func (f *facts) secretValue(value string) string {
	for _, what := range secrets.In([]byte(value)) {
		what, _, _ = strings.Cut(what, " in line ")
		return "it contains " + what
	}
	if withPassword.MatchString(value) {
		return "it contains a URL with a password"
	}
	return ""
}

// secretKey reports whether a variable's name is that of a secret and its value can be one: not empty, a path, a reference or a switch.
func secretKey(key, value string) bool {
	if value == "" || strings.HasPrefix(value, "/") || strings.HasPrefix(value, "$") ||
		words("true false yes no on off 0 1 none null")[strings.ToLower(value)] {
		return false
	}
	key = strings.ToUpper(strings.NewReplacer("-", "_", ".", "_").Replace(key))
	for _, harmless := range []string{"GPG", "PUBLIC", "PUBKEY", "_FILE", "_PATH", "_DIR", "_URL", "KEYRING", "KEYSERVER", "KEYBOARD",
		"_KEY_ID", "BYPASS", "PASSENGER", "COMPASS"} {
		if strings.Contains(key, harmless) {
			return false
		}
	}
	if strings.Contains(key, "PASSWD") || strings.Contains(key, "PASSWORD") || strings.Contains(key, "PASSPHRASE") || strings.Contains(key,
		"SECRET") || strings.HasSuffix(key, "APIKEY") {
		return true
	}
	for _, part := range strings.Split(key, "_") {
		switch part {
		case "PASS", "KEY", "KEYS", "TOKEN", "ACCESS", "CREDENTIAL", "CREDENTIALS":
			return true
		}
	}
	return false
}

func (f *facts) secretPair(where, key, value string) []Finding {
	message := f.secretValue(value)
	if message == "" && secretKey(key, value) {
		message = "its name says that its value is a secret"
	}
	if message == "" {
		return nil
	}
	return []Finding{{Key: where, Message: fmt.Sprintf("%q: %s", shorten(key), message)}}
}

func checkSecretEnv(f *facts) ([]Finding, string) {
	var found findings
	for _, entry := range f.config.Env {
		key, value, _ := strings.Cut(entry, "=")
		found.add(f.secretPair("config.Env", key, value)...)
	}
	return found.list, ""
}

func checkSecretLabels(f *facts) ([]Finding, string) {
	var found findings
	for _, where := range []string{"config.Labels", "annotations"} {
		labels := f.config.Labels
		if where == "annotations" {
			labels = f.in.Annotations
		}
		for _, key := range sortedKeys(labels) {
			found.add(f.secretPair(where, key, labels[key])...)
		}
	}
	return found.list, ""
}

func checkSecretHistory(f *facts) ([]Finding, string) {
	var found findings
	for _, step := range f.steps {
		var here []Finding
		for _, pair := range step.pairs() {
			here = append(here, f.secretPair(step.where, pair[0], pair[1])...)
		}
		if message := f.secretValue(step.text); message != "" && len(here) == 0 {
			here = append(here, Finding{Key: step.where, Message: message})
		}
		found.add(here...)
	}
	return f.noHistory(found.list)
}
