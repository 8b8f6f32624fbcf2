package builder

import (
	"testing"

	"github.com/slimimage/slim/analyzer"
)

// The config is the image's: whoever made it wrote what they liked. Each byte of a full one is changed in turn; what is still read has to
// give a whole config. (A fuzz target would do more, but instrumenting BuildKit for it takes minutes.)
func TestConfigOfAnyBytes(t *testing.T) {
	seeds := []string{`{"architecture":"amd64","os":"linux","created":"2020-01-01T00:00:00Z","author":"x","config":{"User":"a:b","Env":["A=B"],"Entrypoint":["/a"],"Cmd":["b"],"ExposedPorts":{"80/tcp":{}},` +
		`"Volumes":{"/v":{}},"Labels":{"a":"b"},"Healthcheck":{"Test":["CMD-SHELL","x"],"Timeout":1000000000},"Shell":["/bin/sh"],"StopTimeout":3,"OnBuild":["x"]},"rootfs":{"type":"layers","diff_ids":[]}}`,
		`{"config":null,"Config":{"Cmd":["x"]}}`, `{"config":[],"created":"0001-01-01T00:00:00Z"}`, `null`, ``}
	read := 0
	for _, seed := range seeds {
		for i := -1; i < len(seed); i++ {
			for _, b := range []byte(`n{}[]":,0-A` + "\x00\xff") {
				data := []byte(seed)
				if i >= 0 {
					data[i] = b
				}
				if configOf(t, data) {
					read++
				}
			}
		}
	}
	if read < 1000 {
		t.Errorf("%d configs could be read: the test tries nothing", read)
	}
}

// configOf makes the slim image's config of one that can be read.
func configOf(t *testing.T, data []byte) bool {
	t.Helper()
	c, err := parseConfig(data)
	if err != nil {
		return false
	}
	_, _ = c.entry(nil)
	c.slimmed()
	c.epoch()
	c.identity()
	plan := &analyzer.Plan{Schema: analyzer.PlanSchema, User: analyzer.User{UID: 65532, GID: 65532}, Layers: []analyzer.Layer{{Name: "os"}}}
	out, _, err := slimConfig(c, input{digest: "sha256:1"}, plan, 1)
	if err != nil {
		return false
	}
	again, err := parseConfig(out)
	if err != nil {
		t.Fatalf("from %q: what was written is refused: %v\n%s", data, err, out)
	}
	if !again.slimmed() || again.Config.User != "65532:65532" || again.epoch() != 1 {
		t.Errorf("from %q: the config of the slim image is\n%s", data, out)
	}
	return true
}
