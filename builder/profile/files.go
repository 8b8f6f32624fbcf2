package profile

// Files is every file of a Model, by name.
func Files(m Model) (map[string][]byte, error) {
	data, err := Seccomp(m)
	return map[string][]byte{"seccomp.json": data}, err
}
