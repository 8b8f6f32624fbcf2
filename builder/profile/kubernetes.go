package profile

import (
	"fmt"
	"net/netip"
	"slices"
)

// Kubernetes is the manifests that run the image: its own ServiceAccount, a Deployment (a Job where no run listened), a NetworkPolicy, a
// Service where there are ports, and a PodDisruptionBudget where there are two replicas. For a user other than root they meet the
// restricted Pod Security Standard. An error is a Model that check refuses.
func Kubernetes(m Model) ([]byte, error) {
	if err := m.check(); err != nil {
		return nil, fmt.Errorf("kubernetes: %w", err)
	}
	docs := []any{
		m.object("v1", "ServiceAccount", object{"automountServiceAccountToken": false}),
		m.workload(),
		m.object("networking.k8s.io/v1", "NetworkPolicy", object{"spec": m.networkPolicy()}),
	}
	if ports := m.served(); len(ports) > 0 {
		docs = append(docs, m.object("v1", "Service",
			object{"spec": object{"type": "ClusterIP", "selector": m.selector(), "ports": servicePorts(ports)}}))
	}
	if m.replicas() > 1 {
		docs = append(docs, m.object("policy/v1", "PodDisruptionBudget",
			object{"spec": object{"maxUnavailable": 1, "selector": object{"matchLabels": m.selector()}}}))
	}
	data, err := documents(m.Warnings, docs...)
	if err != nil {
		return nil, fmt.Errorf("kubernetes: %w", err)
	}
	head := fmt.Sprintf("# The filter of seccomp.json instead of the node's default: put it at /var/lib/kubelet/seccomp/%s.json on every "+
		"node and set\n"+
		"# seccompProfile to {type: Localhost, localhostProfile: %s.json}.\n", m.appArmorName(), m.appArmorName())
	return append([]byte(head+m.Start.podComments()), data...), nil
}

// object is one object of the API, with the name and labels of the Model.
func (m Model) object(version, kind string, rest object) object {
	o := object{"apiVersion": version, "kind": kind, "metadata": object{"name": m.Name, "labels": m.selector()}}
	for key, value := range rest {
		o[key] = value
	}
	return o
}

func (m Model) selector() object { return object{"app.kubernetes.io/name": m.Name} }

// replicas returns 2 for a server that answers HTTP, else 1: two replicas of a database, for example, would be two databases.
func (m Model) replicas() int {
	if m.httpPort() != nil {
		return 2
	}
	return 1
}

// workload is a Deployment of a server, a Job of a command.
func (m Model) workload() object {
	pod := m.pod()
	template := object{"metadata": object{"labels": m.selector()}, "spec": pod}
	if !m.Server && len(m.served()) == 0 {
		pod["restartPolicy"] = "Never"
		return m.object("batch/v1", "Job", object{"spec": object{"backoffLimit": 2, "template": template}})
	}
	if m.replicas() > 1 {
		pod["affinity"] = object{"podAntiAffinity": object{"preferredDuringSchedulingIgnoredDuringExecution": []any{object{
			"weight": 100, "podAffinityTerm": object{"topologyKey": "kubernetes.io/hostname",
				"labelSelector": object{"matchLabels": m.selector()}}}}}}
	}
	return m.object("apps/v1", "Deployment",
		object{"spec": object{"replicas": m.replicas(), "selector": object{"matchLabels": m.selector()}, "template": template}})
}

// pod is the pod's spec.
func (m Model) pod() object {
	security := object{"runAsNonRoot": m.UID != 0, "runAsUser": m.UID, "runAsGroup": m.GID, "fsGroup": m.GID,
		"seccompProfile": object{"type": "RuntimeDefault"}}
	if m.OpensLowPorts() {
		security["sysctls"] = []any{object{"name": unprivilegedPorts, "value": "0"}}
	}
	pod := object{
		"serviceAccountName":           m.Name,
		"automountServiceAccountToken": false,
		"enableServiceLinks":           false,
		"securityContext":              security,
		"containers":                   []any{m.container()},
	}
	m.Start.pod(pod)
	var volumes []any
	for i, w := range m.Writable {
		volumes = append(volumes, object{"name": volumeName(i), "emptyDir": object{"sizeLimit": mebibytes(w.size(), "Mi")}})
	}
	if len(volumes) > 0 {
		pod["volumes"] = volumes
	}
	return pod
}

func volumeName(i int) string { return fmt.Sprintf("writable-%d", i) }

// container is the pod's only container.
func (m Model) container() object {
	capabilities := object{"drop": []string{"ALL"}}
	if added := m.ShortCapabilities(); len(added) > 0 {
		capabilities["add"] = added
	}
	c := object{
		"name": m.Name, "image": m.Image, "imagePullPolicy": "Always", // also asks whether this node may still pull it
		"resources": m.resources(),
		"securityContext": object{"allowPrivilegeEscalation": m.NewPrivileges, "privileged": false, "readOnlyRootFilesystem": true,
			"runAsNonRoot": m.UID != 0,
			"runAsUser":    m.UID, "runAsGroup": m.GID, "capabilities": capabilities, "seccompProfile": object{"type": "RuntimeDefault"}},
	}
	var mounts, ports []any
	for i, w := range m.Writable {
		mounts = append(mounts, object{"name": volumeName(i), "mountPath": "/" + string(w.Path)})
	}
	for _, p := range m.served() {
		ports = append(ports, object{"name": p.name(), "containerPort": p.Number, "protocol": p.protocol()})
	}
	if len(mounts) > 0 {
		c["volumeMounts"] = mounts
	}
	if len(ports) > 0 {
		c["ports"] = ports
	}
	for key, probe := range m.probes() {
		c[key] = probe
	}
	return c
}

func (m Model) resources() object {
	memory, memoryLimit := m.memory()
	storage, storageLimit := m.storage()
	return object{
		"requests": object{"cpu": cpuRequest, "memory": mebibytes(memory, "Mi"), "ephemeral-storage": mebibytes(storage, "Mi")},
		"limits":   object{"cpu": cpuLimit, "memory": mebibytes(memoryLimit, "Mi"), "ephemeral-storage": mebibytes(storageLimit, "Mi")},
	}
}

// name is unique among the ports of a Model, and at most 15 characters as a port's name must be.
func (p Port) name() string { return fmt.Sprintf("%s-%d", p.Network, p.Number) }

func (p Port) protocol() string {
	if p.Network == "udp" {
		return "UDP"
	}
	return "TCP"
}

func servicePorts(ports []Port) []any {
	var list []any
	for _, p := range ports {
		list = append(list, object{"name": p.name(), "port": p.Number, "targetPort": p.name(), "protocol": p.protocol()})
	}
	return list
}

// networkPolicy allows ingress to the served ports and egress to the observed peers, and refuses all other traffic. A peer on port 53 is
// the name server of the observed run, and stands for the cluster's.
func (m Model) networkPolicy() object {
	ingress, egress := []any{}, []any{}
	var ports []any
	for _, p := range m.served() {
		ports = append(ports, object{"port": p.Number, "protocol": p.protocol()})
	}
	if len(ports) > 0 {
		ingress = append(ingress, object{"ports": ports})
	}
	for _, p := range m.Peers {
		if addr, err := netip.ParseAddr(p.Address); err == nil && p.Port != domain {
			block := netip.PrefixFrom(addr, addr.BitLen()).String()
			egress = append(egress, object{"to": []any{object{"ipBlock": object{"cidr": block}}}, "ports": bothProtocols(p.Port)})
		}
	}
	if slices.ContainsFunc(m.Peers, func(p Peer) bool { return p.Port == domain }) {
		egress = append(egress, object{"ports": bothProtocols(domain), "to": []any{object{
			"namespaceSelector": object{"matchLabels": object{"kubernetes.io/metadata.name": "kube-system"}},
			"podSelector":       object{"matchLabels": object{"k8s-app": "kube-dns"}}}}})
	}
	return object{"podSelector": object{"matchLabels": m.selector()}, "policyTypes": []string{"Egress", "Ingress"}, "ingress": ingress,
		"egress": egress}
}

// domain is the port of name servers.
const domain = 53

func bothProtocols(port int) []any {
	return []any{object{"port": port, "protocol": "TCP"}, object{"port": port, "protocol": "UDP"}}
}
