package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/slimimage/slim/analyzer/predicates"
	"github.com/slimimage/slim/builder/sign"
)

const (
	hostArch = runtime.GOARCH
	sums     = "SHA256SUMS"
)

// finish writes the provenance of all files, their checksums, and the signatures of both.
func (r *release) finish(ctx context.Context, keyFile string) error {
	key, err := readKey(keyFile)
	if err != nil {
		return fmt.Errorf("key: %w", err)
	}
	files, err := r.files()
	if err != nil {
		return err
	}
	predicate, err := r.provenance()
	if err != nil {
		return err
	}
	statement, err := sign.Statement(files, sign.Predicate{Type: predicates.Provenance, Data: predicate})
	if err != nil {
		return err
	}
	name := "slim_" + r.number() + ".provenance.json"
	if err := r.write(name, append(statement, '\n')); err != nil {
		return err
	}
	if key != nil {
		bundle, err := sign.Bundle(ctx, key, statement)
		if err != nil {
			return err
		}
		if err := r.write("slim_"+r.number()+".provenance.sigstore.json", append(bundle, '\n')); err != nil {
			return err
		}
	}
	return r.checksums(ctx, key)
}

// checksums are those of all files as sha256sum writes them, and their signature.
func (r *release) checksums(ctx context.Context, key *sign.PrivateKey) error {
	files, err := r.files()
	if err != nil {
		return err
	}
	var text strings.Builder
	for _, f := range files {
		fmt.Fprintf(&text, "%s  %s\n", f.SHA256, f.Name)
	}
	if err := r.write(sums, []byte(text.String())); err != nil {
		return err
	}
	if key == nil {
		fmt.Printf("%s: %d files of %s; unsigned: no key was given (KEY=FILE)\n", r.out, len(files)+1, r.version)
		return nil
	}
	signature, err := sign.Detached(ctx, key, []byte(text.String()))
	if err != nil {
		return err
	}
	fmt.Printf("%s: %d files of %s, signed\n", r.out, len(files)+2, r.version)
	return r.write(sums+".sig", signature)
}

// files are all files so far, in the order of their names.
func (r *release) files() (list []sign.File, err error) {
	entries, err := os.ReadDir(r.out)
	if err != nil {
		return nil, err
	}
	for _, entry := range entries {
		sum, err := r.sha256Of(entry.Name())
		if err != nil {
			return nil, err
		}
		list = append(list, sign.File{Name: entry.Name(), SHA256: sum})
	}
	return list, nil
}

// readKey reads the private key, nil without a file. The password of an encrypted key is in the environment, as for slim attest.
func readKey(file string) (*sign.PrivateKey, error) {
	if file == "" {
		return nil, nil
	}
	data, err := os.ReadFile(filepath.Clean(file))
	if err != nil {
		return nil, err
	}
	var password []byte
	for _, name := range []string{"SLIM_KEY_PASSWORD", "COSIGN_PASSWORD"} {
		if value, ok := os.LookupEnv(name); ok && password == nil {
			password = []byte(value)
		}
	}
	key, err := sign.ParsePrivateKey(data, password)
	if errors.Is(err, sign.ErrEncrypted) {
		err = fmt.Errorf("%w: set COSIGN_PASSWORD or SLIM_KEY_PASSWORD", err)
	}
	return key, err
}

// resource is a ResourceDescriptor of in-toto (spec/v1/resource_descriptor.md).
type resource struct {
	URI    string            `json:"uri"`
	Digest map[string]string `json:"digest,omitempty"`
}

// provenance is SLSA's predicate (https://slsa.dev/spec/v1.0/provenance): version and commit give every byte.
func (r *release) provenance() (json.RawMessage, error) {
	var p struct {
		Definition struct {
			Type         string            `json:"buildType"`
			Parameters   map[string]string `json:"externalParameters"`
			Internal     map[string]string `json:"internalParameters"`
			Dependencies []resource        `json:"resolvedDependencies"`
		} `json:"buildDefinition"`
		Run struct {
			Builder struct {
				ID string `json:"id"`
			} `json:"builder"`
		} `json:"runDetails"`
	}
	p.Definition.Type = source + "/blob/main/docs/releases.md#make-release"
	p.Definition.Parameters = map[string]string{"version": r.version}
	p.Definition.Internal = map[string]string{"SOURCE_DATE_EPOCH": fmt.Sprint(r.epoch.Unix()), "go": runtime.Version()}
	p.Definition.Dependencies = []resource{
		{"git+" + source + "@" + r.version, map[string]string{"gitCommit": r.commit}},
		{"https://go.dev/dl/" + runtime.Version(), nil},
	}
	p.Run.Builder.ID = r.builder
	return json.Marshal(p)
}
