package sign

import (
	"context"
	"fmt"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/slimimage/slim/analyzer/printable"
	"github.com/slimimage/slim/analyzer/shell"
)

// PredicateFile is a file with a predicate.
type PredicateFile struct{ Type, Name string }

// Keyless are the commands with which the cosign program signs an image without a key, its index and the manifest of each platform by
// digest, and attests the given files and those of the statements in the index that are named (Options.Attached). cosign takes predicates
// from files: crane and jq make those of the statements. Warnings name the other statements.
func Keyless(ctx context.Context, ref string, files []PredicateFile, named []string) (commands, warnings []string, err error) {
	st, at, err := openRegistry(ctx, ref)
	if err != nil {
		return nil, nil, fmt.Errorf("image %s: %w", ref, err)
	}
	list, err := subjects(ctx, st, at, true)
	if err == nil {
		warnings, err = choose(list, named)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("image %s: %w", ref, err)
	}
	made := map[v1.Hash]string{}
	for _, s := range list {
		image := st.name() + "@" + s.digest.String()
		commands = append(commands, "# "+printable.Text(s.label())) // the platform is any text of the index
		attest := func(kind, file string) {
			commands = append(commands, fmt.Sprintf("cosign attest --yes --type %s --predicate %s %s", shell.Quote(kind), shell.Quote(file), image))
		}
		for _, a := range s.attached {
			if made[a.blob] == "" {
				made[a.blob] = fmt.Sprintf("predicate-%d.json", len(made)+1)
				commands = append(commands, fmt.Sprintf("crane blob %s@%s | jq .predicate > %s", st.name(), a.blob, made[a.blob]))
			}
			attest(a.Type, made[a.blob])
		}
		for _, f := range files {
			attest(f.Type, f.Name)
		}
		commands = append(commands, "cosign sign --yes "+image)
	}
	return commands, warnings, nil
}
