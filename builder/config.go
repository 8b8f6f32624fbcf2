package builder

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"

	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/slimimage/slim/analyzer"
	"github.com/slimimage/slim/builder/profile"
)

// Labels of a slim image. The base labels are those of the OCI image-spec (annotations.md).
const (
	LabelSlim = "io.slimimage.slim" // marks an image that slim made; the value is the schema of its plan
	// LabelIncomplete has the reasons for which the package database of the image lacks packages, joined by "; ".
	LabelIncomplete = "io.slimimage.incomplete"
	// LabelUpdate says which packages of the base were brought up to date and how many: "security: 5 packages".
	LabelUpdate     = "io.slimimage.update"
	LabelBaseName   = "org.opencontainers.image.base.name"
	LabelBaseDigest = "org.opencontainers.image.base.digest"

	labelTitle = "org.opencontainers.image.title"
)

// imageConfig is an image's config: the fields that slim reads, and the original text, so that fields unknown to slim
// (StopTimeout, say) survive.
type imageConfig struct {
	dockerspec.DockerOCIImage
	raw   map[string]json.RawMessage
	edits []edit
}

// edit is a field of the config that the user replaces.
type edit struct {
	field string // of "config"
	value any    // nil removes it
	text  string // for Config.Edits
}

// started returns the config with the entrypoint and the working directory of the options. The raw config stays, so that the identity
// of the input is the same.
func (c *imageConfig) started(o ObserveOptions) *imageConfig {
	own := *c
	own.edits = nil
	if len(o.Entrypoint) > 0 {
		own.Config.Entrypoint, own.Config.Cmd = o.Entrypoint, nil
		own.edits = append(own.edits, edit{"Entrypoint", o.Entrypoint, fmt.Sprintf("entrypoint is now %q, without CMD", o.Entrypoint)},
			edit{field: "Cmd"})
	}
	if o.Dir != "" {
		own.Config.WorkingDir = o.Dir
		own.edits = append(own.edits, edit{"WorkingDir", o.Dir, fmt.Sprintf("working directory is now %q", o.Dir)})
	}
	return &own
}

// apply makes an edit in the fields of a config.
func (e edit) apply(fields map[string]json.RawMessage) {
	if e.value == nil {
		delete(fields, e.field)
		return
	}
	fields[e.field] = mustJSON(e.value)
}

// parseConfig reads an OCI or Docker image config.
func parseConfig(data []byte) (*imageConfig, error) {
	var c imageConfig
	if err := json.Unmarshal(data, &c.DockerOCIImage); err != nil {
		return nil, fmt.Errorf("reading the image config: %w", err)
	}
	if err := json.Unmarshal(data, &c.raw); err != nil {
		return nil, fmt.Errorf("reading the image config: %w", err)
	}
	return &c, nil
}

// entry is the first process as the config says it, with args instead of CMD when not nil.
func (c *imageConfig) entry(args []string) (analyzer.Entry, error) {
	cmd := c.Config.Cmd
	if args != nil {
		cmd = args
	}
	e := analyzer.Entry{
		Argv:       append(slices.Clone(c.Config.Entrypoint), cmd...),
		Env:        c.Config.Env,
		Dir:        c.Config.WorkingDir,
		User:       c.Config.User,
		StopSignal: c.Config.StopSignal,
		Shell:      c.Config.Shell,
		Exposed:    sortedKeys(c.Config.ExposedPorts),
		Volumes:    sortedKeys(c.Config.Volumes),
	}
	if h := c.Config.Healthcheck; h != nil && len(h.Test) > 0 {
		e.Healthcheck = &analyzer.Healthcheck{Test: h.Test, Timeout: int(h.Timeout / time.Second)}
	}
	if len(e.Argv) == 0 {
		return e, fmt.Errorf("the image has neither ENTRYPOINT nor CMD: there is nothing to run (name a command with --run)")
	}
	return e, nil
}

// slimmed says whether slim made the image.
func (c *imageConfig) slimmed() bool { return c.Config.Labels[LabelSlim] != "" }

// epoch returns the creation time in seconds, 0 if the config has none.
func (c *imageConfig) epoch() int64 {
	if c.Created == nil || c.Created.Unix() < 0 {
		return 0
	}
	return c.Created.Unix()
}

// identity returns a digest of the config's content without its times. It identifies the image of a Dockerfile before the image has a
// manifest.
func (c *imageConfig) identity() []byte {
	plain := map[string]json.RawMessage{}
	for key, value := range c.raw {
		if key != "created" && key != "history" && key != "moby.buildkit.buildinfo.v1" {
			plain[key] = value
		}
	}
	data, _ := json.Marshal(plain) // RawMessages that were just read cannot fail
	return data
}

// buildFields are the fields of a config that describe the container of a build, or the next build, and not how the image runs.
var buildFields = []string{"OnBuild", "Hostname", "Domainname", "Image", "Tty", "OpenStdin", "StdinOnce", "AttachStdin", "AttachStdout",
	"AttachStderr"}

// slimConfig returns the config of the slim image, and what changed in it.
func slimConfig(original *imageConfig, in input, plan *analyzer.Plan, epoch int64) ([]byte, Config, error) {
	created := time.Unix(epoch, 0).UTC()
	var inner map[string]json.RawMessage
	if err := json.Unmarshal(orObject(original.raw["config"]), &inner); err != nil {
		return nil, Config{}, fmt.Errorf("reading the image config: %w", err)
	}
	user := strconv.FormatUint(uint64(plan.User.UID), 10) + ":" + strconv.FormatUint(uint64(plan.User.GID), 10)
	labels := map[string]string{}
	for key, value := range original.Config.Labels {
		labels[key] = value
	}
	maps.Copy(labels, in.labels)
	labels[LabelSlim] = analyzer.PlanSchema
	delete(labels, LabelIncomplete)
	in.update.label(labels)
	if len(plan.Incomplete) > 0 {
		labels[LabelIncomplete] = strings.Join(plan.Incomplete, "; ")
	}
	labels[LabelBaseDigest] = in.origin().digest
	if in.base != "" {
		labels[LabelBaseName] = in.base
	}
	summary := Config{User: user, Entrypoint: original.Config.Entrypoint, Cmd: original.Config.Cmd}
	if original.Config.User != user {
		summary.Edits = append(summary.Edits, fmt.Sprintf("user %q is now %s (%s)", original.Config.User, user, plan.User.Reason))
	}
	if len(original.Config.OnBuild) > 0 {
		summary.Edits = append(summary.Edits, "ONBUILD triggers dropped")
	}
	for _, key := range buildFields {
		delete(inner, key)
	}
	for _, e := range original.edits {
		e.apply(inner)
		if e.text != "" {
			summary.Edits = append(summary.Edits, e.text)
		}
	}
	if h := original.Config.Healthcheck; h == nil || len(h.Test) == 0 || h.Test[0] != "CMD-SHELL" {
		delete(inner, "Shell") // RUN in a Dockerfile uses it, and a health check in shell form
	}
	out := map[string]any{
		"architecture": original.Architecture,
		"os":           original.OS,
		"created":      created,
		"rootfs":       ocispecs.RootFS{Type: "layers"},
		"history":      history(original, plan, created),
	}
	for _, key := range []string{"variant", "author", "os.version", "os.features"} {
		if value, ok := original.raw[key]; ok {
			out[key] = value
		}
	}
	inner["User"] = mustJSON(user)
	inner["Labels"] = mustJSON(labels)
	out["config"] = inner
	data, err := json.Marshal(out)
	return data, summary, err
}

// history has a step for each layer, and one for the health check: Trivy (DS-0026) looks for it there and not in the config.
func history(in *imageConfig, plan *analyzer.Plan, created time.Time) []ocispecs.History {
	list := make([]ocispecs.History, len(plan.Layers))
	for i, layer := range plan.Layers {
		list[i] = ocispecs.History{Created: &created, CreatedBy: "slim: " + layer.Name + " layer", Comment: "slim"}
	}
	if h := in.Config.Healthcheck; h != nil && len(h.Test) > 0 && h.Test[0] != "NONE" {
		list = append(list, ocispecs.History{Created: &created, CreatedBy: "HEALTHCHECK " + string(mustJSON(h.Test)), Comment: "slim",
			EmptyLayer: true})
	}
	return list
}

// mustJSON encodes strings, lists and maps of strings, which cannot fail.
func mustJSON(v any) json.RawMessage {
	data, _ := json.Marshal(v)
	return data
}

func orObject(raw json.RawMessage) json.RawMessage {
	if len(raw) == 0 || bytes.Equal(raw, []byte("null")) {
		return json.RawMessage("{}")
	}
	return raw
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	sort.Strings(keys)
	return keys
}

// defaultName is the name of the slim image: NAME.slim:TAG, or "slim" where the input has no name.
func defaultName(repo, tag string) string {
	if repo == "" {
		return ""
	}
	if tag == "" {
		tag = "latest"
	}
	return strings.TrimSuffix(repo, ".slim") + ".slim:" + tag
}

// resourceLabels are the labels of Options.ResourceLabels: the resources that the image needs, and a title if the original has none.
func resourceLabels(model profile.Model, original *imageConfig) map[string]string {
	labels := profile.ResourceLabels(model)
	if original.Config.Labels[labelTitle] == "" {
		labels[labelTitle] = model.Name
	}
	return labels
}
