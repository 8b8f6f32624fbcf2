package agent

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/slimimage/slim/analyzer/accounts"
)

// Workload holds the fields of a Deployment, a StatefulSet or a DaemonSet that a patch needs: one container of its pods.
type Workload struct {
	Kind      string // lower case, as kubectl spells it
	Name      string
	Container string
	Image     string
	Command   []string // nil if the image's ENTRYPOINT runs
	Args      []string // nil if the image's CMD is used
}

// manifest holds the fields of a workload that slim reads.
type manifest struct {
	Kind     string
	Metadata struct{ Name string }
	Spec     struct {
		Template struct {
			Spec struct {
				Containers []struct {
					Name, Image   string
					Command, Args []string
				}
			}
		}
	}
}

// maxManifests bounds the objects of one file.
const maxManifests = 1000

// ReadWorkload finds the only workload in a file of manifests, and the container of that name in it; "" is its only one.
func ReadWorkload(data []byte, container string) (Workload, error) {
	var found []manifest
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	for n := 0; ; n++ {
		var m manifest
		err := decoder.Decode(&m)
		if errors.Is(err, io.EOF) {
			break
		}
		if n == maxManifests {
			err = fmt.Errorf("it has more than %d objects", maxManifests)
		}
		if err != nil {
			return Workload{}, fmt.Errorf("reading the manifest: %w", err)
		}
		if slices.Contains(workloadKinds, m.Kind) {
			found = append(found, m)
		}
	}
	if len(found) != 1 || found[0].Metadata.Name == "" {
		return Workload{}, fmt.Errorf("the manifest has %d objects that are a Deployment, a StatefulSet or a DaemonSet, not one", len(found))
	}
	m := found[0]
	var names []string
	for _, c := range m.Spec.Template.Spec.Containers {
		if names = append(names, c.Name); c.Name == container || container == "" && len(m.Spec.Template.Spec.Containers) == 1 {
			return Workload{Kind: strings.ToLower(m.Kind), Name: m.Metadata.Name, Container: c.Name, Image: c.Image, Command: c.Command,
				Args: c.Args}, nil
		}
	}
	if container == "" {
		return Workload{}, fmt.Errorf("%s has several containers (--container): %s", m.Metadata.Name, strings.Join(names, ", "))
	}
	return Workload{}, fmt.Errorf("%s has no container %q: %s", m.Metadata.Name, container, strings.Join(names, ", "))
}

// workloadKinds are the kinds of objects that can be patched.
var workloadKinds = []string{"Deployment", "StatefulSet", "DaemonSet"}

// Names as Kubernetes demands them (RFC 1123): a subdomain for an object, a label for a container.
var (
	objectName    = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$`)
	containerName = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$`)
)

// check returns an error for names that no cluster has. They stand in the comments of the patch, as commands for a shell.
func (w Workload) check() error {
	switch {
	case !slices.ContainsFunc(workloadKinds, func(kind string) bool { return strings.ToLower(kind) == w.Kind }):
		return fmt.Errorf("the kind %q is not one of %s", w.Kind, strings.Join(workloadKinds, ", "))
	case len(w.Name) > 253 || !objectName.MatchString(w.Name):
		return fmt.Errorf("the name %q is not one of a Kubernetes object", w.Name)
	case !containerName.MatchString(w.Container):
		return fmt.Errorf("the name %q is not one of a container", w.Container)
	}
	return nil
}

// Patch is a strategic merge patch that has the agent wrap the container of a workload. entrypoint and cmd are those of its image, for
// fields that the manifest does not set; digest is the image's, "" if unknown; agentImage is the image with the agent.
func Patch(w Workload, entrypoint, cmd []string, digest, agentImage string) ([]byte, error) {
	if err := w.check(); err != nil {
		return nil, err
	}
	command, args := w.Command, w.Args
	if len(command) == 0 {
		command = parentheses(entrypoint)
		if args == nil {
			args = parentheses(cmd)
		}
	}
	if len(command) == 0 && len(args) == 0 {
		return nil, fmt.Errorf("container %s: neither the manifest nor the image has a command", w.Container)
	}
	wrapped := Wrap("kubernetes "+w.Name, "", nil)
	if digest != "" {
		wrapped = slices.Insert(wrapped, len(wrapped)-1, "--image", digest)
	}
	bin, evidence := object{"name": "slim-agent", "mountPath": MountBin}, object{"name": "slim-evidence", "mountPath": MountEvidence}
	pod := object{
		"initContainers": []any{object{
			"name": "slim-agent", "image": agentImage, "command": []string{"/" + Name, "install", MountBin}, "volumeMounts": []any{bin},
			"resources": object{"requests": object{"cpu": "10m", "memory": "32Mi"}, "limits": object{"memory": "64Mi"}},
			"securityContext": object{"allowPrivilegeEscalation": false, "capabilities": object{"drop": []string{"ALL"}},
				"readOnlyRootFilesystem": true,
				"runAsNonRoot":           true, "runAsUser": accounts.Nonroot, "runAsGroup": accounts.Nonroot,
				"seccompProfile": object{"type": "RuntimeDefault"}},
		}},
		"containers": []any{object{"name": w.Container, "command": append(wrapped, command...), "args": nonNil(args),
			"volumeMounts": []any{bin, evidence}}},
		"volumes": []any{object{"name": "slim-agent", "emptyDir": object{"sizeLimit": "64Mi"}},
			object{"name": "slim-evidence", "emptyDir": object{"sizeLimit": "1Gi"}}},
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, patchHead, w.Container, w.Kind, w.Name)
	encoder := yaml.NewEncoder(&b)
	encoder.SetIndent(2)
	if err := encoder.Encode(object{"spec": object{"template": object{"spec": pod}}}); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// patchHead tells how to use a patch of a container of a workload (kind and name).
const patchHead = `# The agent of slim wraps container %[1]s. It needs no privilege: ptrace(2) of an own process, which the seccomp profiles of containerd and
# CRI-O (RuntimeDefault) allow on Linux 4.8 and later. The pod still passes the Pod Security Standard that it passed.
#   kubectl patch %[2]s %[3]s --patch-file patch.yaml
#   kubectl rollout status %[2]s %[3]s            # then run the tests
#   kubectl exec %[2]s/%[3]s -c %[1]s -- ` + MountBin + "/" + Name + ` collect > evidence.json      # of each pod, before it goes
#   kubectl rollout undo %[2]s %[3]s
`

type object = map[string]any

func nonNil(words []string) []string { return append([]string{}, words...) }

// parentheses escapes text that Kubernetes would expand as a variable in a command: $(NAME).
func parentheses(words []string) []string {
	escaped := make([]string, len(words))
	for i, word := range words {
		escaped[i] = strings.ReplaceAll(word, "$(", "$$(")
	}
	return escaped
}
