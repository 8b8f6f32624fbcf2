package integration

import (
	"bytes"
	"os"
	"reflect"
	"slices"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"
	"sigs.k8s.io/yaml"
)

// manifests are the objects of examples/cluster by kind and name, each decoded strictly as what Kubernetes takes for it.
func manifests(t *testing.T) map[string]any {
	t.Helper()
	data, err := os.ReadFile("../examples/cluster/buildkitd.yaml")
	if err != nil {
		t.Fatal(err)
	}
	kinds := map[string]any{"Namespace": corev1.Namespace{}, "Secret": corev1.Secret{}, "ConfigMap": corev1.ConfigMap{},
		"Service":     corev1.Service{},
		"StatefulSet": appsv1.StatefulSet{}, "PodDisruptionBudget": policyv1.PodDisruptionBudget{}, "NetworkPolicy": networkingv1.NetworkPolicy{}}
	found := map[string]any{}
	for _, doc := range bytes.Split(data, []byte("\n---\n")) {
		var head struct {
			Kind     string
			Metadata struct{ Name, Namespace string }
		}
		if err := yaml.Unmarshal(doc, &head); err != nil {
			t.Fatal(err)
		}
		if kinds[head.Kind] == nil {
			t.Fatalf("unknown kind %q", head.Kind)
		}
		object := reflect.New(reflect.TypeOf(kinds[head.Kind])).Interface()
		if err := yaml.UnmarshalStrict(doc, object); err != nil {
			t.Fatalf("%s %s: %v", head.Kind, head.Metadata.Name, err)
		}
		if head.Kind != "Namespace" && head.Metadata.Namespace != "slim-build" {
			t.Errorf("%s %s is in namespace %q", head.Kind, head.Metadata.Name, head.Metadata.Namespace)
		}
		found[head.Kind+" "+head.Metadata.Name] = object
	}
	return found
}

// manifest is one of them.
func manifest[T any](t *testing.T, all map[string]any, name string) *T {
	t.Helper()
	object, ok := all[name].(*T)
	if !ok {
		t.Fatalf("there is no %s", name)
	}
	return object
}

// The manifests of the example are what Kubernetes' own types take, fit together, and say truly what pod security they need.
func TestClusterExample(t *testing.T) {
	all := manifests(t)
	set := manifest[appsv1.StatefulSet](t, all, "StatefulSet buildkitd")
	address, names := manifest[corev1.Service](t, all, "Service buildkitd"), manifest[corev1.Service](t, all, "Service "+set.Spec.ServiceName)
	budget, network := manifest[policyv1.PodDisruptionBudget](t, all, "PodDisruptionBudget buildkitd"),
		manifest[networkingv1.NetworkPolicy](t, all, "NetworkPolicy buildkitd")
	template := set.Spec.Template
	secret := manifest[corev1.Secret](t, all, "Secret "+template.Spec.Volumes[0].Secret.SecretName)
	config := manifest[corev1.ConfigMap](t, all, "ConfigMap "+template.Spec.Volumes[1].ConfigMap.Name)
	container := template.Spec.Containers[0]
	selects := func(selector map[string]string) bool {
		for key, value := range selector {
			if template.Labels[key] != value {
				return false
			}
		}
		return len(selector) > 0
	}
	for what, ok := range map[string]bool{
		"all workers behind one address": selects(address.Spec.Selector) && address.Spec.ClusterIP == "",
		"a name for each worker":         names.Spec.ClusterIP == corev1.ClusterIPNone,
		"the budget is theirs":           selects(budget.Spec.Selector.MatchLabels) && budget.Spec.MaxUnavailable.IntValue() == 1,
		"the network policy is theirs":   selects(network.Spec.PodSelector.MatchLabels) && len(network.Spec.PolicyTypes) == 2,
		"only clients come in":           len(network.Spec.Ingress) == 1 && network.Spec.Ingress[0].From[0].PodSelector != nil,
		"rootless": *template.Spec.SecurityContext.RunAsNonRoot && *template.Spec.SecurityContext.RunAsUser == 1000 &&
			container.SecurityContext == nil,
		"no token":                   !*template.Spec.AutomountServiceAccountToken,
		"clients show a certificate": slices.Contains(container.Args, "--tlscacert=/certs/ca.pem"),
		"placeholders":               secret.StringData["key.pem"] == "REPLACE",
		"its config":                 config.Data["buildkitd.toml"] != "",
		"memory is bounded":          !container.Resources.Limits.Memory().IsZero(),
	} {
		if !ok {
			t.Errorf("not so: %s", what)
		}
	}
	allowed := func(level api.Level) bool {
		evaluator, err := policy.NewEvaluator(policy.DefaultChecks(), nil)
		if err != nil {
			t.Fatal(err)
		}
		return !slices.ContainsFunc(evaluator.EvaluatePod(api.LevelVersion{Level: level, Version: api.LatestVersion()}, &template.ObjectMeta,
			&template.Spec),
			func(r policy.CheckResult) bool { return !r.Allowed })
	}
	if level := manifest[corev1.Namespace](t, all,
		"Namespace slim-build").Labels["pod-security.kubernetes.io/enforce"]; level != string(api.LevelPrivileged) ||
		!allowed(api.LevelPrivileged) || allowed(api.LevelBaseline) {
		t.Errorf("the namespace is %q; privileged allows the workers: %t, baseline: %t", level, allowed(api.LevelPrivileged),
			allowed(api.LevelBaseline))
	}
}
