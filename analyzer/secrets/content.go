package secrets

import (
	"bytes"
	"fmt"
	"regexp"
	"sync"
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

// In lists the forms of secrets in a text, with the line of the first of each. The examples of documentation, which
// end in EXAMPLE, do not count. The secret itself is never returned.
func In(text []byte) []string {
	var found []string
	for _, p := range patterns() {
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

// IsText reports whether a file is text by the rule of git: no NUL near its beginning.
func IsText(head []byte) bool {
	return len(head) > 0 && bytes.IndexByte(head[:min(len(head), 8000)], 0) < 0
}

// pemKey is the line that begins a private key (RFC 7468, RFC 9580), and pemLine that of any such block.
var (
	pemKey  = regexp.MustCompile(`(?m)^-----BEGIN (?:[A-Z0-9]{1,20} ){0,3}PRIVATE KEY(?: BLOCK)?-----\s*$`)
	pemLine = regexp.MustCompile(`(?m)^-----BEGIN [A-Z0-9 ]{1,60}-----\s*$`)
)

// headKey bounds the text before the first block of a file of keys: openssl writes attributes there.
const headKey = 4 << 10

// IsKey reports whether a file is nothing but keys and certificates in text form, a private key among them.
func IsKey(content []byte) bool {
	return pemLine.Match(content[:min(len(content), headKey)]) && pemKey.Match(content)
}
