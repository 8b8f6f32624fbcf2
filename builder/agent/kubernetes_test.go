package agent

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/strategicpatch"
	"k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"
	"sigs.k8s.io/yaml"
)

const restricted = `
apiVersion: v1
kind: Service
metadata: {name: web}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      securityContext: {runAsNonRoot: true, runAsUser: 1000, seccompProfile: {type: RuntimeDefault}}
      containers:
      - name: web
        image: registry.example.com/web:1
        ports: [{containerPort: 8080}]
        env: [{name: A, value: b}]
        securityContext: {allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: {drop: [ALL]}}
        volumeMounts: [{name: data, mountPath: /data}]
      - name: proxy
        image: registry.example.com/proxy:1
        command: [proxy]
        args: [--port, $(PORT)]
        securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}
      volumes: [{name: data, emptyDir: {}}]
`

// patched applies the patch of a container to the Deployment, as the API server does, and decodes the result strictly.
func patched(t *testing.T, container string) *appsv1.Deployment {
	t.Helper()
	w, err := ReadWorkload([]byte(restricted), container)
	if err != nil {
		t.Fatal(err)
	}
	patch, err := Patch(w, []string{"web"}, []string{"--name", "$(X)"}, "sha256:1", "registry.example.com/slim-agent:1")
	if err != nil {
		t.Fatal(err)
	}
	_, deployment, _ := strings.Cut(restricted, "\n---\n")
	original, err := yaml.YAMLToJSON([]byte(deployment))
	if err != nil {
		t.Fatal(err)
	}
	change, err := yaml.YAMLToJSON(patch)
	if err != nil {
		t.Fatal(err)
	}
	var strict appsv1.Deployment
	if err := yaml.UnmarshalStrict(patch, &strict); err != nil {
		t.Errorf("the patch is no part of a Deployment: %v", err)
	}
	data, err := strategicpatch.StrategicMergePatch(original, change, appsv1.Deployment{})
	if err != nil {
		t.Fatal(err)
	}
	var d appsv1.Deployment
	if err := json.Unmarshal(data, &d); err != nil {
		t.Fatal(err)
	}
	return &d
}

func containerOf(d *appsv1.Deployment, name string) corev1.Container {
	for _, c := range d.Spec.Template.Spec.Containers {
		if c.Name == name {
			return c
		}
	}
	return corev1.Container{}
}

func TestPatch(t *testing.T) {
	d := patched(t, "web")
	web, pod := containerOf(d, "web"), d.Spec.Template.Spec
	want := []string{"/.slim/bin/slim-sensor", "wrap", "--out", "/.slim/evidence/", "--name", "kubernetes web", "--image", "sha256:1",
		"--", "web"}
	if diff := cmp.Diff(want, web.Command); diff != "" {
		t.Errorf("command (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"--name", "$$(X)"}, web.Args); diff != "" {
		t.Errorf("args (-want +got):\n%s", diff)
	}
	if web.Image != "registry.example.com/web:1" || len(web.Env) != 1 || len(web.Ports) != 1 || len(web.VolumeMounts) != 3 ||
		len(pod.Volumes) != 3 {
		t.Errorf("the patch took something away: %+v", web)
	}
	if proxy := containerOf(d, "proxy"); !slices.Equal(proxy.Command, []string{"proxy"}) || len(proxy.VolumeMounts) != 0 {
		t.Errorf("the other container changed: %+v", proxy)
	}
	names := map[string]bool{}
	for _, v := range pod.Volumes {
		names[v.Name] = true
	}
	for _, c := range slices.Concat(pod.InitContainers, pod.Containers) {
		for _, m := range c.VolumeMounts {
			if !names[m.Name] {
				t.Errorf("container %s mounts %s, which is no volume", c.Name, m.Name)
			}
		}
	}
}

// The manifest's own command stays as it is, variables and all.
func TestPatchCommand(t *testing.T) {
	proxy := containerOf(patched(t, "proxy"), "proxy")
	if got := proxy.Command[len(proxy.Command)-1]; got != "proxy" || !slices.Equal(proxy.Args, []string{"--port", "$(PORT)"}) {
		t.Errorf("command %q, args %q", proxy.Command, proxy.Args)
	}
}

// A pod of the restricted Pod Security Standard is one with the agent, too.
func TestPatchRestricted(t *testing.T) {
	evaluator, err := policy.NewEvaluator(policy.DefaultChecks(), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, container := range []string{"web", "proxy"} {
		d := patched(t, container)
		level := api.LevelVersion{Level: api.LevelRestricted, Version: api.LatestVersion()}
		for _, result := range evaluator.EvaluatePod(level, &d.Spec.Template.ObjectMeta, &d.Spec.Template.Spec) {
			if !result.Allowed {
				t.Errorf("%s: %s: %s", container, result.ForbiddenReason, result.ForbiddenDetail)
			}
		}
	}
}

// TestAttackPatchNames ends a comment of the patch with a line break in a name: what follows would be YAML of the attacker, or a command.
func TestAttackPatchNames(t *testing.T) {
	for _, w := range []Workload{
		{Kind: "deployment", Name: "web\nspec: {replicas: 0}", Container: "web"},
		{Kind: "deployment", Name: "web; id", Container: "web"},
		{Kind: "deployment", Name: "-o", Container: "web"},
		{Kind: "deployment", Name: "a..b", Container: "web"},
		{Kind: "deployment", Name: strings.Repeat("a", 254), Container: "web"},
		{Kind: "deployment", Name: "web", Container: "web\nspec: {replicas: 0}"},
		{Kind: "deployment", Name: "web", Container: "$(id)"},
		{Kind: "deployment", Name: "web", Container: "a.b"},
		{Kind: "x\ny", Name: "web", Container: "web"},
	} {
		if patch, err := Patch(w, []string{"run"}, nil, "", "agent:1"); err == nil {
			t.Errorf("Patch(%+v) = %s, want an error", w, patch)
		}
	}
	for _, name := range []string{"web", "web-1", "a.b-c.d", "0"} {
		if _, err := Patch(Workload{Kind: "statefulset", Name: name, Container: "web"}, []string{"run"}, nil, "", "agent:1"); err != nil {
			t.Errorf("Patch of %q: %v", name, err)
		}
	}
}

// TestAttackPatchValues puts values that are special to YAML and to Kubernetes into the command of an image: they stay words.
func TestAttackPatchValues(t *testing.T) {
	odd := []string{"a\n- b: c", "# x", "'", `"`, "{{x}}", "!!binary x", "%YAML", "---", "\u2028x", "yes", "0x1", "~", "@", "\tx", "&a", "*a"}
	patch, err := Patch(Workload{Kind: "deployment", Name: "web", Container: "web"}, []string{"run"}, odd, "", "agent:1")
	if err != nil {
		t.Fatal(err)
	}
	var d appsv1.Deployment
	if err := yaml.UnmarshalStrict(patch, &d); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(odd, containerOf(&d, "web").Args); diff != "" {
		t.Errorf("args (-want +got):\n%s", diff)
	}
}

func TestReadWorkloadRefuses(t *testing.T) {
	for _, test := range []struct{ name, manifest, container, want string }{
		{"several containers", restricted, "", "--container): web, proxy"},
		{"no such container", restricted, "db", `no container "db": web, proxy`},
		{"no workload", "kind: Service\nmetadata: {name: web}\n", "", "0 objects"},
		{"no name", "kind: Deployment\n", "", "not one"},
		{"no YAML", "{", "", "reading the manifest"},
		{"too many objects", strings.Repeat("kind: Service\n---\n", maxManifests) + restricted, "web", "more than 1000 objects"},
	} {
		if w, err := ReadWorkload([]byte(test.manifest), test.container); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: ReadWorkload = %+v, %v, want %q", test.name, w, err, test.want)
		}
	}
	if patch, err := Patch(Workload{Kind: "deployment", Name: "web", Container: "web"}, nil, nil, "", "agent:1"); err == nil {
		t.Errorf("Patch of nothing to run = %s", patch)
	}
}
