package integration

import (
	"bytes"
	"os"
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

// workers are the manifests of examples/cluster.
type workers struct {
	namespace *corev1.Namespace
	secret    *corev1.Secret
	config    *corev1.ConfigMap
	set       *appsv1.StatefulSet
	services  map[string]*corev1.Service
	budget    *policyv1.PodDisruptionBudget
	network   *networkingv1.NetworkPolicy
}

// decode puts one document where it belongs and gives what to decode it into, nil for an unknown kind.
func (w *workers) decode(kind, name string) any {
	switch kind {
	case "Namespace":
		w.namespace = &corev1.Namespace{}
		return w.namespace
	case "Secret":
		w.secret = &corev1.Secret{}
		return w.secret
	case "ConfigMap":
		w.config = &corev1.ConfigMap{}
		return w.config
	case "StatefulSet":
		w.set = &appsv1.StatefulSet{}
		return w.set
	case "Service":
		w.services[name] = &corev1.Service{}
		return w.services[name]
	case "PodDisruptionBudget":
		w.budget = &policyv1.PodDisruptionBudget{}
		return w.budget
	case "NetworkPolicy":
		w.network = &networkingv1.NetworkPolicy{}
		return w.network
	}
	return nil
}

// The manifests of the example are what Kubernetes' own types take, fit together, and say truly what pod security they need.
func TestClusterExample(t *testing.T) {
	data, err := os.ReadFile("../examples/cluster/buildkitd.yaml")
	if err != nil {
		t.Fatal(err)
	}
	w := &workers{services: map[string]*corev1.Service{}}
	for _, doc := range bytes.Split(data, []byte("\n---\n")) {
		var head struct {
			Kind     string
			Metadata struct{ Name, Namespace string }
		}
		if err := yaml.Unmarshal(doc, &head); err != nil {
			t.Fatal(err)
		}
		into := w.decode(head.Kind, head.Metadata.Name)
		if into == nil {
			t.Fatalf("unknown kind %q", head.Kind)
		}
		if err := yaml.UnmarshalStrict(doc, into); err != nil {
			t.Fatalf("%s %s: %v", head.Kind, head.Metadata.Name, err)
		}
		if head.Kind != "Namespace" && head.Metadata.Namespace != "slim-build" {
			t.Errorf("%s %s is in namespace %q", head.Kind, head.Metadata.Name, head.Metadata.Namespace)
		}
	}
	template := w.set.Spec.Template
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
		"all workers behind one address": selects(w.services["buildkitd"].Spec.Selector) && w.services["buildkitd"].Spec.ClusterIP == "",
		"a name for each worker":         w.services[w.set.Spec.ServiceName] != nil && w.services[w.set.Spec.ServiceName].Spec.ClusterIP == corev1.ClusterIPNone,
		"the budget is theirs":           selects(w.budget.Spec.Selector.MatchLabels) && w.budget.Spec.MaxUnavailable.IntValue() == 1,
		"the network policy is theirs":   selects(w.network.Spec.PodSelector.MatchLabels) && len(w.network.Spec.PolicyTypes) == 2,
		"only clients come in":           len(w.network.Spec.Ingress) == 1 && w.network.Spec.Ingress[0].From[0].PodSelector != nil,
		"rootless":                       *template.Spec.SecurityContext.RunAsNonRoot && *template.Spec.SecurityContext.RunAsUser == 1000 && container.SecurityContext == nil,
		"no token":                       !*template.Spec.AutomountServiceAccountToken,
		"clients show a certificate":     slices.Contains(container.Args, "--tlscacert=/certs/ca.pem") && template.Spec.Volumes[0].Secret.SecretName == w.secret.Name,
		"placeholders":                   w.secret.StringData["key.pem"] == "REPLACE",
		"its config":                     template.Spec.Volumes[1].ConfigMap.Name == w.config.Name && w.config.Data["buildkitd.toml"] != "",
		"memory is bounded":              !container.Resources.Limits.Memory().IsZero(),
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
		return !slices.ContainsFunc(evaluator.EvaluatePod(api.LevelVersion{Level: level, Version: api.LatestVersion()}, &template.ObjectMeta, &template.Spec),
			func(r policy.CheckResult) bool { return !r.Allowed })
	}
	if level := w.namespace.Labels["pod-security.kubernetes.io/enforce"]; level != string(api.LevelPrivileged) || !allowed(api.LevelPrivileged) || allowed(api.LevelBaseline) {
		t.Errorf("the namespace is %q; privileged allows the workers: %t, baseline: %t", level, allowed(api.LevelPrivileged), allowed(api.LevelBaseline))
	}
}
