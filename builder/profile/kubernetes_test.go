package profile

import (
	"bytes"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"
	"sigs.k8s.io/yaml"
)

// cluster is what the manifests of a Model make, decoded strictly.
type cluster struct {
	account    *corev1.ServiceAccount
	deployment *appsv1.Deployment
	job        *batchv1.Job
	service    *corev1.Service
	network    *networkingv1.NetworkPolicy
	budget     *policyv1.PodDisruptionBudget
}

func decodeCluster(t *testing.T, m Model) cluster {
	t.Helper()
	data, err := Kubernetes(m)
	if err != nil {
		t.Fatal(err)
	}
	var c cluster
	for _, doc := range bytes.Split(data, []byte("\n---\n")) {
		var head struct{ Kind string }
		if err := yaml.Unmarshal(doc, &head); err != nil {
			t.Fatal(err)
		}
		var into any
		switch head.Kind {
		case "ServiceAccount":
			c.account = &corev1.ServiceAccount{}
			into = c.account
		case "Deployment":
			c.deployment = &appsv1.Deployment{}
			into = c.deployment
		case "Job":
			c.job = &batchv1.Job{}
			into = c.job
		case "Service":
			c.service = &corev1.Service{}
			into = c.service
		case "NetworkPolicy":
			c.network = &networkingv1.NetworkPolicy{}
			into = c.network
		case "PodDisruptionBudget":
			c.budget = &policyv1.PodDisruptionBudget{}
			into = c.budget
		default:
			t.Fatalf("unknown kind %q", head.Kind)
		}
		if err := yaml.UnmarshalStrict(doc, into); err != nil {
			t.Fatalf("%s: %v", head.Kind, err)
		}
	}
	return c
}

// podSecurity is what the restricted Pod Security Standard forbids of a pod.
func podSecurity(t *testing.T, template corev1.PodTemplateSpec) []string {
	t.Helper()
	evaluator, err := policy.NewEvaluator(policy.DefaultChecks(), nil)
	if err != nil {
		t.Fatal(err)
	}
	var reasons []string
	for _, result := range evaluator.EvaluatePod(api.LevelVersion{Level: api.LevelRestricted, Version: api.LatestVersion()},
		&template.ObjectMeta, &template.Spec) {
		if !result.Allowed {
			reasons = append(reasons, result.ForbiddenReason+": "+result.ForbiddenDetail)
		}
	}
	return reasons
}

func TestKubernetes(t *testing.T) {
	c := decodeCluster(t, From(webEvidence(), webPlan(),
		"registry.example.com/team/web:2").WithConfig(Config{Healthcheck: []string{"CMD", "/usr/sbin/web", "-t"}}))
	template := c.deployment.Spec.Template
	if reasons := podSecurity(t, template); len(reasons) > 0 {
		t.Errorf("forbidden: %q", reasons)
	}
	spec := template.Spec
	container := spec.Containers[0]
	for what, ok := range map[string]bool{
		"read-only root filesystem": *container.SecurityContext.ReadOnlyRootFilesystem,
		"no token in the pod":       !*spec.AutomountServiceAccountToken && !*c.account.AutomountServiceAccountToken,
		"own service account":       spec.ServiceAccountName == c.account.Name && spec.ServiceAccountName != "default",
		"user and group":            *container.SecurityContext.RunAsUser == 33 && *container.SecurityContext.RunAsGroup == 33,
		"limits":                    len(container.Resources.Limits) == 3 && len(container.Resources.Requests) == 3,
		"pull policy":               container.ImagePullPolicy == corev1.PullAlways,
		"no user namespace asked":   spec.HostUsers == nil,
		"probes": container.StartupProbe != nil && container.LivenessProbe.TCPSocket != nil &&
			container.ReadinessProbe.Exec != nil,
		"size limits": len(spec.Volumes) == 4 && spec.Volumes[3].EmptyDir.SizeLimit.Value() == tmpfsSize,
		"low port":    spec.SecurityContext.Sysctls[0].Name == unprivilegedPorts,
		"ingress": len(c.network.Spec.Ingress) == 1 && len(c.network.Spec.Ingress[0].Ports) == 2 &&
			len(c.network.Spec.Ingress[0].From) == 0,
		"egress":          len(c.network.Spec.Egress) == 2 && c.network.Spec.Egress[0].To[0].IPBlock.CIDR == "10.1.2.3/32",
		"both directions": len(c.network.Spec.PolicyTypes) == 2,
		"selectors":       c.network.Spec.PodSelector.MatchLabels["app.kubernetes.io/name"] == template.Labels["app.kubernetes.io/name"],
		"service":         len(c.service.Spec.Ports) == 2,
		"budget":          c.budget != nil && *c.deployment.Spec.Replicas == 2,
	} {
		if !ok {
			t.Errorf("%s: not as wanted", what)
		}
	}
	for name, quantity := range container.Resources.Requests {
		if limit := container.Resources.Limits[name]; quantity.Cmp(limit) > 0 {
			t.Errorf("%s: request %s is above limit %s", name, quantity.String(), limit.String())
		}
	}
}

// TestKubernetesKinds: a command is a Job, root is told, a port of udp alone has no probe, a declared port is used where none was seen.
func TestKubernetesKinds(t *testing.T) {
	job := From(nil, nil, "tools/job:1")
	c := decodeCluster(t, job)
	if c.job == nil || c.deployment != nil || c.service != nil || c.budget != nil ||
		len(c.network.Spec.Egress)+len(c.network.Spec.Ingress) > 0 {
		t.Errorf("a command: %+v", c)
	}
	if reasons := podSecurity(t, c.job.Spec.Template); len(reasons) > 0 {
		t.Errorf("a command: forbidden: %q", reasons)
	}
	plan := webPlan()
	plan.User.UID, plan.User.GID = 0, 0
	root := From(webEvidence(), plan, "web:1")
	if reasons := podSecurity(t, decodeCluster(t, root).deployment.Spec.Template); len(reasons) == 0 ||
		!strings.Contains(strings.Join(root.Warnings, "\n"), "runs as root") {
		t.Errorf("root: forbidden %q, warnings %q", reasons, root.Warnings)
	}
	udp := Model{Name: "dns", Image: "dns:1", Platform: "linux/amd64", Server: true, UID: 10001, GID: 10001,
		Ports: []Port{{Network: "udp", Number: 5353, Seen: true}}}
	if c := decodeCluster(t, udp); c.deployment.Spec.Template.Spec.Containers[0].LivenessProbe != nil ||
		c.service.Spec.Ports[0].Protocol != corev1.ProtocolUDP {
		t.Errorf("udp: %+v", c.deployment.Spec.Template.Spec.Containers[0])
	}
	declared := job.WithConfig(Config{Exposed: []string{"8080"}})
	if c := decodeCluster(t, declared); c.deployment == nil || c.service.Spec.Ports[0].Port != 8080 {
		t.Errorf("declared port: %+v", c)
	}
}
