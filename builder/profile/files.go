package profile

import "encoding/json"

// Names of the files that Files makes.
const (
	FileSeccomp    = "seccomp.json"
	FileAppArmor   = "apparmor.profile"
	FileDocker     = "docker-run.sh" // to be executable
	FilePodman     = "podman-run.sh" // to be executable
	FileCompose    = "compose.yaml"
	FileKubernetes = "kubernetes.yaml"
	FileLabels     = "labels.json" // Labels, as one JSON object
)

// Files makes every file of a Model, by name. The admission policies are not among them: they need a key.
func Files(m Model) (map[string][]byte, error) {
	if err := m.check(); err != nil {
		return nil, err
	}
	files := map[string][]byte{}
	for name, generate := range map[string]func(Model) ([]byte, error){
		FileSeccomp: Seccomp, FileAppArmor: AppArmor, FileDocker: dockerScript, FilePodman: podmanScript, FileCompose: Compose,
		FileKubernetes: Kubernetes, FileLabels: labelsFile,
	} {
		data, err := generate(m)
		if err != nil {
			return nil, err
		}
		files[name] = data
	}
	return files, nil
}

func labelsFile(m Model) ([]byte, error) {
	data, err := json.MarshalIndent(Labels(m), "", "  ")
	return append(data, '\n'), err
}
