package lint_test

import (
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/slimimage/slim/analyzer/lint"
	"github.com/slimimage/slim/layers/layerstest"
)

// FuzzCheck gives the readers of foreign text anything: accounts, os-release, records and checksums of dpkg and apk, diversions,
// steps of the history, variables.
func FuzzCheck(f *testing.F) {
	f.Add("root:x:0:0:::\n", "72037e355221fc6eb4d660e435e345f4  usr/bin/tool\n",
		"P:tool\nF:usr/bin\nR:tool\nZ:Q1AAAAAAAAAAAAAAAAAAAAAAAAAAA=\n", "RUN |1 A=b /bin/sh -c apt-get update && x # buildkit", "A_TOKEN=x")
	f.Add("a::1:2", "/usr/bin/tool\n/x\n:\n", "ID=\"debian", "ENV A \"", "://a:b@")
	f.Fuzz(func(t *testing.T, accounts, sums, apk, step, variable string) {
		tree := map[string]string{
			"etc/passwd": accounts, "etc/shadow": accounts, "etc/group": accounts, "etc/os-release": apk,
			"var/lib/dpkg/status.d/tool":         "Package: tool\nVersion: 1\n",
			"var/lib/dpkg/status.d/tool.md5sums": sums, "var/lib/dpkg/diversions": sums, "lib/apk/db/installed": apk, "usr/bin/tool": step,
		}
		var archive strings.Builder
		for _, name := range sortedKeys(tree) {
			archive.WriteString("-- " + name + " --\n" + strings.ReplaceAll(tree[name], "\n-- ", "\n-_ ") + "\n")
		}
		root, err := layerstest.TreeFromTxtar([]byte(archive.String()))
		if err != nil {
			return
		}
		report, err := lint.Check(lint.Input{Root: root, Config: &v1.ConfigFile{
			Config:  v1.Config{User: accounts, Env: []string{variable}, Cmd: strings.Fields(step), WorkingDir: variable},
			History: []v1.History{{CreatedBy: step}},
		}})
		if err != nil {
			t.Skip(err)
		}
		for _, item := range report.Items {
			if item.Status == lint.Passed && item.Rest != "" {
				t.Errorf("%s passed", item.ID)
			}
		}
	})
}
