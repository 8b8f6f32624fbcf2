package lint

import "strings"

// Item is one of the 40 items of the DevGuard container hardening guide's checklist.
type Item struct {
	ID    string `json:"id"`
	Title string `json:"title"`
	// Rest is what no rule can see in an image, and who can; "" when the rules cover the item.
	Rest string `json:"rest,omitempty"`
}

// ItemResult is an item and what its rules say.
type ItemResult struct {
	Item
	Status Status   `json:"status"`
	Reason string   `json:"reason,omitempty"` // of NotChecked and Partly
	Rules  []string `json:"rules,omitempty"`  // ids
}

// Checklist lists the items in the guide's order.
func Checklist() []Item {
	return []Item{
		{"B1", "smallest possible base", "what the application needs is known after a run (slim build)"},
		{"B2", "provenance of the base image verified", "its signatures are checked where it is pulled"},
		{"B3", "base image by digest", ""},
		{"B4", "updates of the base image are noticed and deployed", "is a matter of the pipeline"},
		{"P1", "reproducible build", "needs two builds to compare"},
		{"P2", "isolated build environment", "is a matter of the builder"},
		{"P3", "provenance attested", "its content and level are checked with the builder's identity"},
		{"P4", "image signed", "a signature is verified with its key (cosign verify)"},
		{"P5", "nothing that is for building only", ""},
		{"P6", "how to build it is public", "is organisational"},
		{"P7", "changelog", "needs the previous release (slim diff)"},
		{"P8", "tests", "needs a run (slim build)"},
		{"P9", "measures for memory safety", ""},
		{"P10", "peer review", "is organisational"},
		{"P11", "source packages hold only what the repository holds", "is organisational"},
		{"P12", "nothing is loaded at run time that is not in the image", "needs a run (slim observe)"},
		{"C1", "every component is identified", ""},
		{"C2", "every component has a package URL", "packages of languages are listed by slim sbom"},
		{"C3", "checksums of components verified", "rpm's records, and packages of languages, are not compared"},
		{"C4", "components are updated", "needs a database of vulnerabilities (slim scan)"},
		{"C5", "updates are automatic", "is a matter of the pipeline"},
		{"C6", "no tools for remote access", ""},
		{"S1", "no secrets", "only known forms are found, in the first megabyte of text files"},
		{"R1", "needed resources are documented", "whether they are enough needs a run (slim build)"},
		{"R2", "a user who is not root", ""},
		{"R3", "a security profile", "needs a run (slim profile)"},
		{"R4", "read-only root filesystem", "whether it runs so needs a run (slim build)"},
		{"R5", "temporary data in ephemeral volumes", "where it writes needs a run (slim observe)"},
		{"R6", "read-only data in read-only volumes", "is a matter of the deployment (slim profile)"},
		{"R7", "restarts lose nothing", "needs a run (slim observe)"},
		{"R8", "health probes", "whether it answers needs a run (slim build)"},
		{"R9", "any uid", "whether it runs so needs a run (slim build)"},
		{"R10", "nothing in it can be changed at run time", ""},
		{"R11", "no privileged mode", "is a matter of the deployment (slim profile)"},
		{"R12", "no rights on the host", "user namespaces are a matter of the host"},
		{"R13", "forensic logging", "is organisational"},
		{"R14", "logs on standard output", "where it logs needs a run (slim observe)"},
		{"M1", "bill of materials attested", "its signature and content are verified with the signer's key"},
		{"M2", "vulnerabilities are managed in time", "needs a database of vulnerabilities (slim scan)"},
		{"M3", "VEX attested", "its signature and content are verified with the signer's key"},
	}
}

// itemResults says of each item what its rules say.
func itemResults(results []Result) []ItemResult {
	var list []ItemResult
	for _, item := range Checklist() {
		out := ItemResult{Item: item, Status: Passed, Reason: item.Rest}
		checked, unchecked := 0, 0
		for _, r := range results {
			if r.Item != item.ID {
				continue
			}
			out.Rules = append(out.Rules, r.ID)
			switch r.Status {
			case Failed:
				out.Status = Failed
			case Passed:
				checked++
			case NotChecked:
				unchecked++
				out.Reason = joinReasons(out.Reason, r.Reason)
			case Disabled:
				unchecked++
				out.Reason = joinReasons(out.Reason, r.ID+" is disabled")
			}
		}
		switch {
		case out.Status == Failed:
		case checked == 0:
			out.Status = NotChecked
		case unchecked > 0 || item.Rest != "":
			out.Status = Partly
		}
		list = append(list, out)
	}
	return list
}

func joinReasons(a, b string) string {
	if a == "" || strings.Contains(a, b) {
		return b
	}
	return a + "; " + b
}
