package builder

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slimimage/slim/analyzer"
)

const fullConfig = `{
 "architecture":"arm64","variant":"v8","os":"linux","created":"2024-05-06T07:08:09.5Z","author":"them",
 "config":{"User":"web","Env":["PATH=/bin"],"Entrypoint":["/e"],"Cmd":["a"],"WorkingDir":"/w","ExposedPorts":{"80/tcp":{}},
  "Volumes":{"/data":{}},"StopSignal":"SIGQUIT","StopTimeout":7,"Shell":["/bin/bash","-c"],"OnBuild":["RUN x"],
  "Labels":{"a":"b"},"Healthcheck":{"Test":["CMD","/h"],"Interval":1000000000,"Timeout":5000000000}},
 "rootfs":{"type":"layers","diff_ids":["sha256:00"]},"history":[{"created_by":"secret build line"}]}`

// The incumbent loses HEALTHCHECK, SHELL and StopTimeout.
func TestSlimConfigKeepsWhatTheImageSays(t *testing.T) {
	in, err := parseConfig([]byte(fullConfig))
	if err != nil {
		t.Fatal(err)
	}
	plan := &analyzer.Plan{User: analyzer.User{UID: 33, GID: 33, Reason: "the user web"},
		Layers: []analyzer.Layer{{Name: "os"}, {Name: "app"}}}
	src := input{digest: "sha256:11", base: "docker.io/library/x:1"}
	data, summary, err := slimConfig(in, src, plan, in.epoch())
	if err != nil {
		t.Fatal(err)
	}
	var got, want any
	if err := json.Unmarshal(data, &got); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(`{
 "architecture":"arm64","variant":"v8","os":"linux","created":"2024-05-06T07:08:09Z","author":"them",
 "config":{"User":"33:33","Env":["PATH=/bin"],"Entrypoint":["/e"],"Cmd":["a"],"WorkingDir":"/w","ExposedPorts":{"80/tcp":{}},
  "Volumes":{"/data":{}},"StopSignal":"SIGQUIT","StopTimeout":7,
  "Labels":{"a":"b","io.slimimage.slim":"slim/plan/v1","org.opencontainers.image.base.digest":"sha256:11","org.opencontainers.image.base.name":"docker.io/library/x:1"},
  "Healthcheck":{"Test":["CMD","/h"],"Interval":1000000000,"Timeout":5000000000}},
 "rootfs":{"type":"layers","diff_ids":null},
 "history":[{"created":"2024-05-06T07:08:09Z","created_by":"slim: os layer","comment":"slim"},{"created":"2024-05-06T07:08:09Z","created_by":"slim: app layer","comment":"slim"},
  {"created":"2024-05-06T07:08:09Z","created_by":"HEALTHCHECK [\"CMD\",\"/h\"]","comment":"slim","empty_layer":true}]}`), &want); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("slimConfig (-want +got):\n%s", diff)
	}
	edits := []string{`user "web" is now 33:33 (the user web)`, "ONBUILD triggers dropped"}
	if diff := cmp.Diff(edits, summary.Edits); diff != "" {
		t.Errorf("edits (-want +got):\n%s", diff)
	}
}

func TestEntry(t *testing.T) {
	in, err := parseConfig([]byte(fullConfig))
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		args []string
		want []string
	}{
		{nil, []string{"/e", "a"}},
		{[]string{}, []string{"/e"}},
		{[]string{"x", "y"}, []string{"/e", "x", "y"}},
	} {
		entry, err := in.entry(test.args)
		if err != nil || !cmp.Equal(entry.Argv, test.want) {
			t.Errorf("entry(%q) = %q, %v, want %q", test.args, entry.Argv, err, test.want)
		}
	}
	empty, _ := parseConfig([]byte(`{"config":{}}`))
	if _, err := empty.entry(nil); err == nil {
		t.Error("entry of an image with nothing to run succeeded")
	}
}

func TestSlimmedAndIdentity(t *testing.T) {
	made, _ := parseConfig([]byte(`{"created":"2024-01-01T00:00:00Z","config":{"Labels":{"` + LabelSlim + `":"x"}}}`))
	later, _ := parseConfig([]byte(`{"created":"2025-01-01T00:00:00Z","config":{"Labels":{"` + LabelSlim + `":"x"}}}`))
	if !made.slimmed() {
		t.Error("an image with slim's label is not recognised")
	}
	if string(made.identity()) != string(later.identity()) {
		t.Error("the creation time changes the identity of a config")
	}
	if _, err := parseConfig([]byte(`{"config":`)); err == nil {
		t.Error("a broken config was read")
	}
}

func TestParseSecret(t *testing.T) {
	for _, test := range []struct {
		spec, id string
		ok       bool
	}{
		{"id=a,src=/f", "a", true}, {"type=env,id=a,env=B", "a", true}, {"src=/f", "", false}, {"id=a,colour=b", "", false}, {"a", "", false},
	} {
		got, err := parseSecret(test.spec)
		if (err == nil) != test.ok || test.ok && got.ID != test.id {
			t.Errorf("parseSecret(%q) = %+v, %v", test.spec, got, err)
		}
	}
}
