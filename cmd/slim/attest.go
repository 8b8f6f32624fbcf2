package main

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/slimimage/slim/analyzer/jsonout"
	"github.com/slimimage/slim/analyzer/predicates"
	"github.com/slimimage/slim/analyzer/shell"
	"github.com/slimimage/slim/builder"
	"github.com/slimimage/slim/builder/profile"
	"github.com/slimimage/slim/builder/sign"
	"github.com/slimimage/slim/cmd/slim/report"
)

func (p *program) attestCommand() *cli.Command {
	return &cli.Command{
		Name:      "attest",
		Usage:     "sign an image in a registry and its attestations",
		UsageText: "slim attest [flags] IMAGE --key KEY",
		Description: `Signs the index of IMAGE and the manifest of each platform, and attaches to each, signed, the attestations of --predicate.
The index may hold unsigned statements of BuildKit (bills of materials, provenance, trace, test result), and of anybody who can
write to the registry: only those that --attached names are signed, by type or by digest; a warning names the others. (slim build
--push --sign signs all statements of the image that it has just built.) KEY is cosign's, or a PEM file (ECDSA, RSA, Ed25519); the
password of an encrypted one is in COSIGN_PASSWORD or SLIM_KEY_PASSWORD. What the key has already signed is left alone. With
--keyless nothing is signed: the cosign commands that do it are printed.

Examples:
   slim attest registry.example.com/app:2-slim --key cosign.key --attached cyclonedx --attached spdxjson
   slim attest registry.example.com/app:2-slim --key cosign.key --predicate app.openvex.json --type openvex
   slim attest registry.example.com/app:2-slim --keyless`,
		Flags: []cli.Flag{
			text(groupInput, "key", "FILE with the private key"),
			texts(groupInput, "predicate", "attest the predicate in this JSON FILE too (repeatable, each with its --type)"),
			texts(groupInput, "attached", "sign this statement of the index: the TYPE of its predicate, or its digest (repeatable)"),
			texts(groupInput, "type", "TYPE of a predicate: a URI, or one of "+strings.Join(predicates.Names(), ", ")),
			attestFormatFlag(),
			toggle(groupOutput, "keyless", "print the commands with which cosign signs it without a key"),
			formatFlag(),
			quietFlag(),
		},
		Action: p.attest,
	}
}

func attestFormatFlag() cli.Flag {
	return withDefault(text(groupOutput, "attest-format",
		"FORMATS of signatures: legacy (cosign's tags), bundle (Sigstore bundles as referrers), or both"), "legacy,bundle")
}

// attest is the command.
func (p *program) attest(c *cli.Context) error {
	args, err := p.arguments(c, "IMAGE")
	if err != nil {
		return err
	}
	p.quiet = c.Bool("quiet")
	if err := oneOf("format", c.String("format"), "text", "json"); err != nil {
		return err
	}
	files, err := predicateFiles(c)
	if err != nil {
		return err
	}
	named := c.StringSlice("attached")
	for i := range named {
		named[i] = predicates.Type(named[i])
	}
	if c.Bool("keyless") {
		return p.keyless(c, args[0], files, named)
	}
	opt, err := p.signOptions(c, "key")
	if err != nil {
		return err
	}
	if opt == nil {
		return usagef("example: slim attest "+shell.Quote(args[0])+" --key cosign.key", "--key is missing")
	}
	opt.Attached = named
	for _, file := range files {
		data, err := p.readFile(file.Name)
		if err != nil {
			return err
		}
		predicate, err := sign.ReadPredicate(file.Type, data)
		if err != nil {
			return fmt.Errorf("--predicate %s: %w", file.Name, err)
		}
		opt.Predicates = append(opt.Predicates, predicate)
	}
	signed, err := p.signImage(c, args[0], *opt)
	if err != nil {
		return err
	}
	if c.String("format") == "json" {
		return jsonout.Write(p.stdout, signed)
	}
	_, err = fmt.Fprintln(p.stdout, digestOf(signed))
	return err
}

// keyless prints the commands that sign without a key.
func (p *program) keyless(c *cli.Context, image string, files []sign.PredicateFile, named []string) error {
	if c.String("key") != "" {
		return usagef("pass one of them", "--key and --keyless exclude each other")
	}
	commands, warnings, err := sign.Keyless(c.Context, image, files, named)
	if err != nil {
		return err
	}
	for _, warning := range warnings {
		p.infof("warning: %s", warning)
	}
	p.infof("nothing was signed; these commands do it with cosign, crane and jq:")
	out := &printer{w: p.stdout}
	for _, command := range commands {
		out.line("%s", command)
	}
	return out.err
}

// predicateFiles pairs --predicate with --type.
func predicateFiles(c *cli.Context) ([]sign.PredicateFile, error) {
	names, types := c.StringSlice("predicate"), c.StringSlice("type")
	if len(names) != len(types) {
		return nil, usagef("example: --predicate app.openvex.json --type openvex", "there are %d --predicate and %d --type", len(names),
			len(types))
	}
	files := make([]sign.PredicateFile, len(names))
	for i := range names {
		files[i] = sign.PredicateFile{Type: predicates.Type(types[i]), Name: names[i]}
	}
	return files, nil
}

// signOptions reads the private key that a flag names, and --attest-format; nil where there is no key.
func (p *program) signOptions(c *cli.Context, flag string) (*sign.Options, error) {
	formats := strings.Split(c.String("attest-format"), ",")
	for _, format := range formats {
		if err := oneOf("attest-format", format, sign.FormatLegacy, sign.FormatBundle); err != nil {
			return nil, err
		}
	}
	name := c.String(flag)
	if name == "" {
		return nil, nil
	}
	data, err := p.readFile(name)
	if err != nil {
		return nil, err
	}
	key, err := sign.ParsePrivateKey(data, keyPassword())
	if errors.Is(err, sign.ErrEncrypted) {
		return nil, &hintError{err: fmt.Errorf("--%s %s: %w", flag, name, err), hint: "set COSIGN_PASSWORD or SLIM_KEY_PASSWORD"}
	}
	if err != nil {
		return nil, fmt.Errorf("--%s %s: %w", flag, name, err)
	}
	return &sign.Options{Key: key, Formats: formats}, nil
}

// keyPassword is the password of an encrypted key; nil where none is set, which differs from an empty one.
func keyPassword() []byte {
	for _, name := range []string{"SLIM_KEY_PASSWORD", "COSIGN_PASSWORD"} {
		if password, ok := os.LookupEnv(name); ok {
			return []byte(password)
		}
	}
	return nil
}

// signImage signs an image and prints a summary.
func (p *program) signImage(c *cli.Context, image string, opt sign.Options) (*sign.Signed, error) {
	signed, err := sign.Attest(c.Context, image, opt)
	if err != nil {
		return signed, err
	}
	for _, warning := range signed.Warnings {
		p.infof("warning: %s", warning)
	}
	p.infof("signed %s with the key %s: %d signatures and attestations, %d of them new", digestOf(signed), signed.Key, len(signed.Written),
		signed.New())
	return signed, nil
}

// digestOf is the image by digest.
func digestOf(signed *sign.Signed) string {
	return sign.ByDigest(signed.Image, signed.Digest)
}

// buildSigner reads --sign of build: nil without it.
func (p *program) buildSigner(c *cli.Context) (*sign.Options, error) {
	if c.String("sign") != "" && !c.Bool("push") {
		return nil, usagef("pass --push too; `slim attest` signs an image that is in a registry",
			"--sign needs --push: signatures are kept in the registry")
	}
	return p.signOptions(c, "sign")
}

// signResult signs what was pushed, by digest. An image that failed its check is not signed.
func (p *program) signResult(c *cli.Context, result *builder.Result, opt *sign.Options) error {
	if opt == nil {
		return nil
	}
	if report.Failed(result) {
		p.alertf("not signed, because it failed its check")
		return nil
	}
	own := *opt
	own.OwnBuild = true
	for _, name := range result.Names {
		if _, err := p.signImage(c, sign.ByDigest(name, result.Digest), own); err != nil {
			return &hintError{err: fmt.Errorf("pushed, but not signed: %w", err), hint: "slim attest " + shell.Quote(name) + " --key " +
				shell.Quote(c.String("sign"))}
		}
	}
	return nil
}

// admission adds admission.yaml to the artifacts of a signed image: policies that admit only images signed with this key to a cluster.
func admission(files map[string][]byte, result *builder.Result, opt *sign.Options) error {
	if opt == nil || len(result.Names) == 0 {
		return nil
	}
	model := profile.From(result.Evidence, result.Plan, result.Names[0])
	model.Predicates = result.Attested
	data, err := profile.Admission(model, opt.Key.Public.PEM())
	files["admission.yaml"] = data
	return err
}
