package main

import (
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/slimimage/slim/analyzer/jsonout"
	"github.com/slimimage/slim/builder/sign"
)

func (p *program) verifyCommand() *cli.Command {
	return &cli.Command{
		Name:      "verify",
		Usage:     "verify the signatures, attestations and bytes of an image",
		UsageText: "slim verify [flags] IMAGE --key PUBLIC-KEY",
		Description: `Reads IMAGE, in a registry or an OCI layout (oci:DIR), and checks of its index and of each platform: the signature, the
attestations and their subjects, and the bytes of every layer. If anything is wrong, it is listed and the exit code is 1.
Signatures by other keys are listed too. --policy is a YAML file:

   predicates: [cyclonedx, test-result]   # must be attested by the key
   non_root: true                         # the user is a number other than 0
   labels: {team: web}                    # of the image; "*" is any value
   annotations: {org.example.ticket: "*"} # of the index or the manifest

--rebuild builds the image again from the same input, with the evidence and flags of its build, and compares the manifest's digest.
An image that is not verified is not rebuilt: nothing that its labels name is fetched or run.

Examples:
   slim verify registry.example.com/app:2-slim --key cosign.pub
   slim verify registry.example.com/app:2-slim --key cosign.pub --policy policy.yaml --format json
   slim verify registry.example.com/app:2-slim --key cosign.pub --rebuild --evidence profile/evidence.json`,
		Flags: flags([]cli.Flag{
			text(groupInput, "key", "PEM FILE with the public key"),
			text(groupInput, "policy", "YAML FILE with further requirements"),
			toggle(groupInput, "manifests-only", "do not read the layers"),
			toggle(groupInput, "rebuild", "rebuild the image with the flags of its build, and compare the digest"),
			text(groupInput, "from", "with --rebuild: the IMAGE that it was made of, if its label does not name it"),
		}, optionFlags("verify"), engineFlags(), []cli.Flag{formatFlag()}),
		Action: p.verify,
	}
}

// unverified is the error of an image that failed its verification. Exit code 1.
type unverified struct{ report *sign.Report }

func (e *unverified) Error() string {
	more := ""
	if n := len(e.report.Problems); n > 1 {
		more = fmt.Sprintf(" (and %d more)", n-1)
	}
	return fmt.Sprintf("%s is not verified: %s%s", e.report.Image, e.report.Problems[0].Message, more)
}

// verify is the command.
func (p *program) verify(c *cli.Context) error {
	args, err := p.arguments(c, "IMAGE")
	if err != nil {
		return err
	}
	p.quiet = c.Bool("quiet")
	if err := oneOf("format", c.String("format"), "text", "json"); err != nil {
		return err
	}
	opt, err := p.verifyOptions(c)
	if err != nil {
		return err
	}
	var rebuilt *rebuild
	if c.Bool("rebuild") {
		if rebuilt, err = p.rebuildOptions(c); err != nil {
			return err
		}
	}
	report, err := sign.Verify(c.Context, args[0], opt)
	if err != nil {
		return err
	}
	if rebuilt != nil {
		if err := rebuilt.verified(c, p, args[0], report); err != nil {
			return err
		}
	}
	if c.String("format") == "json" {
		err = jsonout.Write(p.stdout, report)
	} else {
		err = p.printVerified(report)
	}
	if err == nil && !report.Verified {
		err = &unverified{report}
	}
	return err
}

func (p *program) verifyOptions(c *cli.Context) (opt sign.VerifyOptions, err error) {
	opt.ManifestsOnly = c.Bool("manifests-only")
	name := c.String("key")
	if name == "" {
		return opt, usagef("pass the public key of the key that signed it", "--key is missing")
	}
	data, err := p.readFile(name)
	if err != nil {
		return opt, err
	}
	if opt.Key, err = sign.ParsePublicKey(data); err != nil {
		return opt, &hintError{err: fmt.Errorf("--key %s: %w", name, err),
			hint: "cosign writes it as cosign.pub; `openssl pkey -in KEY -pubout` derives it from a PEM key"}
	}
	if name = c.String("policy"); name == "" {
		return opt, nil
	}
	if data, err = p.readFile(name); err != nil {
		return opt, err
	}
	if opt.Policy, err = sign.ReadPolicy(data); err != nil {
		return opt, &hintError{err: fmt.Errorf("--policy %s: %w", name, err), hint: "`slim verify --help` shows its form"}
	}
	return opt, nil
}

// printVerified prints the verified and the unverified facts, one a line.
func (p *program) printVerified(report *sign.Report) error {
	out := &printer{w: p.stdout}
	out.line("%s (%s)", report.Image, report.Digest)
	for _, s := range report.Subjects {
		name := s.Platform
		if name == "" {
			name = "index"
			if len(report.Subjects) == 1 {
				name = "image"
			}
		}
		if len(s.Signatures) > 0 {
			out.line("  %-12s signature (%s)", name, strings.Join(s.Signatures, ", "))
		}
		for _, a := range s.Attestations {
			out.line("  %-12s attestation %s (%s)", name, a.Type, strings.Join(a.Formats, ", "))
		}
		if s.Blobs > 0 {
			out.line("  %-12s bytes of the config and of %d layers", name, s.Blobs-1)
		}
		for _, other := range s.Others {
			out.line("  %-12s by another key, not verified: %s", name, other)
		}
	}
	if r := report.Rebuilt; r != nil && r.Same {
		out.line("  %-12s rebuilt from %s: the same manifest %s", r.Platform, r.Input, r.Manifest)
	}
	for _, problem := range report.Problems {
		out.line("NOT VERIFIED (%s) %s", problem.Kind, problem.Message)
	}
	if report.Verified {
		out.line("verified with the key %s", report.Key)
	}
	return out.err
}
