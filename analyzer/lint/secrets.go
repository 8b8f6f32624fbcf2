package lint

import (
	"bytes"
	"fmt"
	"path"
	"regexp"
	"strings"
	"sync"

	"github.com/slimimage/slim/layers"
)

// pattern is a form of secret that its maker documents.
type pattern struct {
	what string
	hint []byte // in every match, for speed
	re   *regexp.Regexp
}

// patterns lists the forms: RFC 7468 and RFC 9580 for private keys, else what the service says of its tokens ("IAM identifiers",
// "authentication token formats" and the like).
var patterns = sync.OnceValue(func() []pattern {
	table := []struct{ what, hint, re string }{
		{"a private key", "PRIVATE KEY", `-----BEGIN (?:[A-Z0-9]{1,20} ){0,3}PRIVATE KEY(?: BLOCK)?-----(?:\s|\\[rn]){1,4}(?:[A-Za-z-]{1,40}: [^\n]{0,200}\s{1,4}){0,5}[A-Za-z0-9+/=]{32}`},
		{"an access key id of AWS", "AKIA", `\bAKIA[A-Z2-7]{16}\b`},
		{"a temporary access key id of AWS", "ASIA", `\bASIA[A-Z2-7]{16}\b`},
		{"a token of GitHub", "gh", `\bgh[pousr]_[A-Za-z0-9]{36,251}\b`},
		{"a fine-grained token of GitHub", "github_pat_", `\bgithub_pat_[A-Za-z0-9]{22}_[A-Za-z0-9]{59}\b`},
		{"a token of GitLab", "glpat-", `\bglpat-[A-Za-z0-9_-]{20,}`},
		{"a token of Slack", "xox", `\bxox[abeoprs]-[0-9]{8,14}-[A-Za-z0-9-]{10,}`},
		{"a key of Google's services", "AIza", `\bAIza[A-Za-z0-9_-]{35}\b`},
		{"a secret key of Stripe", "k_live_", `\b[sr]k_live_[A-Za-z0-9]{24,}`},
		{"a token of npm", "npm_", `\bnpm_[A-Za-z0-9]{36}\b`},
		{"a token of PyPI", "pypi-AgEIcHlwaS5vcmc", `\bpypi-AgEIcHlwaS5vcmc[A-Za-z0-9_-]{50,}`},
		{"a token of Docker Hub", "dckr_pat_", `\bdckr_pat_[A-Za-z0-9_-]{27}`},
		{"a key of an Azure storage account", "AccountKey=", `\bAccountKey=[A-Za-z0-9+/]{86}==`},
		{"a key of SendGrid", "SG.", `\bSG\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}\b`},
	}
	list := make([]pattern, len(table))
	for i, row := range table {
		list[i] = pattern{row.what, []byte(row.hint), regexp.MustCompile(row.re)}
	}
	return list
})

// secretsIn lists the forms of secrets in a text, with the line of the first of each. The examples of documentation, which
// end in EXAMPLE, do not count. The secret itself is never returned.
func secretsIn(text []byte, list []pattern) []string {
	var found []string
	for _, p := range list {
		if !bytes.Contains(text, p.hint) {
			continue
		}
		for _, at := range p.re.FindAllIndex(text, 16) {
			if bytes.HasSuffix(text[at[0]:at[1]], []byte("EXAMPLE")) {
				continue
			}
			found = append(found, fmt.Sprintf("%s in line %d", p.what, 1+bytes.Count(text[:at[0]], []byte("\n"))))
			break
		}
	}
	return found
}

// isText reports whether a file is text by the rule of git: no NUL near its beginning.
func isText(head []byte) bool {
	return len(head) > 0 && bytes.IndexByte(head[:min(len(head), 8000)], 0) < 0
}

// findSecrets searches a file that its package does not vouch for. What a language's packages hold is public: a warning.
func (f *facts) findSecrets(name string, text []byte) {
	for _, what := range secretsIn(text, f.patterns) {
		finding := Finding{Path: layers.Path(name), Message: what}
		if published(name) || f.vouched(name) {
			finding.Level, finding.Message = Warning, what+", in a package that anybody can have"
		}
		f.secrets.add(finding)
	}
}

func checkSecretFiles(f *facts) ([]Finding, string) { return f.secrets.list, "" }

// Names of files that hold credentials: those Dockle knows, and those that common clients read.
var (
	secretNames = words("credentials.json credential.json credentials credential password.txt secret_token.rb carrierwave.rb omniauth.rb " +
		"settings.py database.yml " +
		"credentials.xml .env .netrc .pgpass .git-credentials .npmrc .pypirc .htpasswd .dockercfg .dockerconfigjson .my.cnf")
	keyNames       = words("id_rsa id_dsa id_ecdsa id_ed25519 id_ecdsa_sk id_ed25519_sk")
	secretSuffixes = words(".secret .ovpn .private_key .cscfg .rdp .mdf .sdf .bek .tpm .fve .jks .psafe3 .agilekeychain .keychain .pcap " +
		".gnucache .p12 .pfx .keystore .kdbx")
	secretPaths = []string{".docker/config.json", ".kube/config", ".aws/config"}
)

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
		base := path.Base(file.path)
		suspicious := secretNames[base] || keyNames[base] || secretSuffixes[path.Ext(base)]
		for _, name := range secretPaths {
			suspicious = suspicious || strings.HasSuffix("/"+file.path, "/"+name)
		}
		if !suspicious || published(file.path) || f.owned(file.path) {
			return ""
		}
		return "a file of this name usually holds credentials"
	})
	for i := range found {
		if keyNames[path.Base(string(found[i].Path))] {
			found[i].Level = Error
		}
	}
	return found, ""
}

// withPassword is a URL with a password that is not a variable.
var withPassword = regexp.MustCompile(`[A-Za-z][A-Za-z0-9+.-]{1,20}://[^/\s:@]{0,100}:[^/\s@$*{<]{1,200}@`)

// secretValue returns why a value looks like a secret, "" if it does not.
func (f *facts) secretValue(value string) string {
	for _, what := range secretsIn([]byte(value), f.patterns) {
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
