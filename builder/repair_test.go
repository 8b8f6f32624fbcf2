package builder

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slimimage/slim/analyzer"
	"github.com/slimimage/slim/builder/lock"
	"github.com/slimimage/slim/layers"
)

// lacking is evidence of a run that answered otherwise because a look-up failed.
func lacking(name layers.Path, errno string) *analyzer.Evidence {
	e := evidenceOf("wrong")
	e.Missing = []analyzer.MissingPath{{Path: name, Errno: errno, Ops: []analyzer.Op{analyzer.OpOpen}}}
	e.Normalize()
	return e
}

// writableIn reports whether a directory is writable under a profile.
func writableIn(c *analyzer.Confinement, dir layers.Path) bool {
	return slices.Contains(c.Volumes, dir) || slices.ContainsFunc(c.Tmpfs, func(t analyzer.Tmpfs) bool { return t.Path == dir })
}

// isCheck reports whether a step runs the slim image.
func isCheck(title string) bool { return strings.HasPrefix(title, "check") }

func withSyscalls(e *analyzer.Evidence, names ...string) *analyzer.Evidence {
	e.Syscalls = names
	return e
}

// TestShrink: what the slim image answers decides which steps follow, and what the result says.
func TestShrink(t *testing.T) {
	for _, test := range []struct {
		name    string
		observe func(title string, job *analyzer.Job) *analyzer.Evidence
		root    bool   // the slim image runs as root
		steps   string // titles, without those of pack
		verdict analyzer.Verdict
		found   analyzer.Findings
	}{
		{
			name:    "passes",
			observe: func(string, *analyzer.Job) *analyzer.Evidence { return evidenceOf("right") },
			steps:   "analyze, check, check as any user",
			verdict: analyzer.Verdict{OK: true, Confined: true, AnyUser: true},
		},
		{
			name: "only an arbitrary user fails",
			observe: func(title string, job *analyzer.Job) *analyzer.Evidence {
				if job.Process.User == arbitraryUser {
					return evidenceOf("wrong")
				}
				return evidenceOf("right")
			},
			steps:   "analyze, check, check as any user, observe again, check as any user again, check as any user again 2",
			verdict: analyzer.Verdict{OK: true, Confined: true, AnyUserWhy: "output, body: wrong"},
		},
		{
			name: "the answer differs in every run of the original",
			observe: func(title string, _ *analyzer.Job) *analyzer.Evidence {
				if title == "check" {
					return evidenceOf("wrong")
				}
				if title == "observe again" {
					return evidenceOf("another")
				}
				return evidenceOf("right")
			},
			steps:   "analyze, check, observe again, check as any user",
			verdict: analyzer.Verdict{OK: true, Confined: true, AnyUser: true},
		},
		{
			name: "the filter refuses a system call",
			observe: func(_ string, job *analyzer.Job) *analyzer.Evidence {
				switch {
				case job.Confine == nil:
					return evidenceOf("right")
				case job.Confine.Seccomp == nil || strings.Contains(string(job.Confine.Seccomp), `"mlockall"`):
					return withSyscalls(evidenceOf("right"), "mlockall")
				}
				return evidenceOf("wrong")
			},
			steps: "analyze, check, observe again, check again, check again 2, check without the seccomp filter, " +
				"check with more system calls, check as any user",
			verdict: analyzer.Verdict{OK: true, Confined: true, AnyUser: true},
			found:   analyzer.Findings{Syscalls: []string{"mlockall"}},
		},
		{
			name: "root lacks a capability",
			root: true,
			observe: func(_ string, job *analyzer.Job) *analyzer.Evidence {
				if job.Confine != nil && !slices.Contains(job.Confine.Capabilities, "CAP_SETFCAP") && job.Process.User != arbitraryUser {
					return evidenceOf("wrong")
				}
				return evidenceOf("right")
			},
			steps: "analyze, check, observe again, check again, check again 2, " +
				"check without the seccomp filter, with Docker's capabilities, check with more capabilities, check as any user",
			verdict: analyzer.Verdict{OK: true, Confined: true, AnyUser: true},
			found:   analyzer.Findings{Capabilities: analyzer.DefaultCapabilities()},
		},
		{
			name: "the check cannot give the whole profile",
			observe: func(_ string, job *analyzer.Job) *analyzer.Evidence {
				e := evidenceOf("right")
				if job.Confine != nil {
					e.Runs[0].Unfaithful = []string{"something lacks"}
				}
				return e
			},
			steps:   "analyze, check, check as any user",
			verdict: analyzer.Verdict{OK: true, Confined: true, AnyUser: true, Unfaithful: []string{"something lacks"}},
		},
		{
			name: "a directory must be writable",
			observe: func(title string, job *analyzer.Job) *analyzer.Evidence {
				if isCheck(title) && !writableIn(job.Confine, "srv/data") {
					return lacking("srv/data/new", "EROFS")
				}
				return evidenceOf("right")
			},
			steps: "analyze, check, observe again, check again, check again 2, " +
				"check without the seccomp filter, check without the seccomp filter again, check without the seccomp filter again 2, " +
				"analyze: repair round 1, check, check as any user",
			verdict: analyzer.Verdict{OK: true, Confined: true, AnyUser: true},
			found:   analyzer.Findings{Repair: [][]layers.Path{nil}, Writable: []layers.Path{"srv/data"}},
		},
		{
			name: "only the profile is in the way",
			observe: func(title string, job *analyzer.Job) *analyzer.Evidence {
				if isCheck(title) && job.Confine != nil {
					return evidenceOf("wrong")
				}
				return evidenceOf("right")
			},
			steps: "analyze, check, observe again, check again, check again 2, " +
				"check without the seccomp filter, check without the seccomp filter again, check without the seccomp filter again 2, " +
				"check without a profile",
			verdict: analyzer.Verdict{OK: true, Unconfined: "output, body: wrong"},
		},
	} {
		fake := &fakeBuildKit{t: t, observe: test.observe}
		if test.root {
			fake.analyze = func(req *analyzer.Request) *analyzer.Plan {
				plan := planOf(req)
				plan.User = analyzer.User{Reason: "the default"}
				return plan
			}
		}
		b := testBuild(Options{})
		got, err := b.shrink(t.Context(), fake, testInput(t), &observation{evidence: withSyscalls(evidenceOf("right"), "read")})
		if err != nil {
			t.Errorf("%s: shrink() = %v", test.name, err)
			continue
		}
		if steps := strings.Join(notPack(fake.titles), ", "); steps != test.steps {
			t.Errorf("%s: steps\n got %s\nwant %s", test.name, steps, test.steps)
		}
		v := *got.verdict
		v = analyzer.Verdict{OK: v.OK, Confined: v.Confined, Unconfined: v.Unconfined, AnyUser: v.AnyUser, AnyUserWhy: v.AnyUserWhy,
			Unfaithful: v.Unfaithful}
		if diff := cmp.Diff(test.verdict, v); diff != "" {
			t.Errorf("%s: verdict (-want +got):\n%s", test.name, diff)
		}
		if diff := cmp.Diff(test.found, got.findings); diff != "" {
			t.Errorf("%s: findings (-want +got):\n%s", test.name, diff)
		}
	}
}

func notPack(titles []string) []string {
	return slices.DeleteFunc(slices.Clone(titles), func(title string) bool { return strings.HasPrefix(title, "pack") })
}

// Each round gives the analysis the paths that the check before it missed; after maxRounds the build stops.
func TestRepairRounds(t *testing.T) {
	original := evidenceOf("right")
	for i := range 9 {
		original.Paths = append(original.Paths,
			analyzer.PathUse{Path: layers.Path(fmt.Sprintf("etc/%d", i)), Ops: []analyzer.Op{analyzer.OpOpen}})
	}
	original.Normalize()
	for _, needed := range []int{0, 1, maxRounds, maxRounds + 1} {
		var fake *fakeBuildKit
		fake = &fakeBuildKit{t: t, observe: func(title string, _ *analyzer.Job) *analyzer.Evidence {
			kept := len(fake.requests[len(fake.requests)-1].Repair)
			if isCheck(title) && kept < needed {
				return lacking(layers.Path(fmt.Sprintf("etc/%d", kept)), "ENOENT")
			}
			return original
		}}
		got, err := testBuild(Options{}).shrink(t.Context(), fake, testInput(t), &observation{evidence: original})
		if err != nil {
			t.Fatal(err)
		}
		rounds := min(needed, maxRounds)
		if want := needed <= maxRounds; got.verdict.OK != want {
			t.Errorf("%d paths lack: verdict OK %t, want %t", needed, got.verdict.OK, want)
		}
		if len(fake.requests) != rounds+1 {
			t.Errorf("%d paths lack: %d analyses, want %d", needed, len(fake.requests), rounds+1)
		}
		var want [][]layers.Path
		for i := range rounds {
			want = append(want, []layers.Path{layers.Path(fmt.Sprintf("etc/%d", i))})
		}
		if diff := cmp.Diff(want, fake.requests[len(fake.requests)-1].Repair); diff != "" {
			t.Errorf("%d paths lack: repair of the last request (-want +got):\n%s", needed, diff)
		}
	}
}

// An application that ran as root and fails as another user stays root, but only if it passes as root.
func TestRootOnlyIfItHelps(t *testing.T) {
	for _, test := range []struct {
		name         string
		uid, from    uint32 // of the original, at its end and at its start
		user         string // --user
		passesAsRoot bool
		wantOK       bool
		wantUID      uint32
	}{
		{"it passes as root", 0, 0, "", true, true, 0},
		{"it began as root", 33, 0, "", true, true, 0},
		{"it fails as root, too", 0, 0, "", false, false, 65532},
		{"the original was not root", 33, 33, "", true, false, 65532},
		{"the user was given", 0, 0, "65532", true, false, 65532},
	} {
		original := evidenceOf("right")
		original.Processes[0].UID, original.Processes[0].From = test.uid, test.from
		var fake *fakeBuildKit
		fake = &fakeBuildKit{t: t, observe: func(title string, _ *analyzer.Job) *analyzer.Evidence {
			asRoot := fake.requests[len(fake.requests)-1].NeedsRoot != ""
			if !isCheck(title) || asRoot && test.passesAsRoot {
				return original
			}
			return evidenceOf("wrong")
		}}
		b := testBuild(Options{Analyze: analyzer.Options{User: test.user}})
		got, err := b.shrink(t.Context(), fake, testInput(t), &observation{evidence: original})
		if err != nil {
			t.Fatal(err)
		}
		if got.verdict.OK != test.wantOK || got.plan.User.UID != test.wantUID {
			t.Errorf("%s: OK %t, UID %d, want %t, %d", test.name, got.verdict.OK, got.plan.User.UID, test.wantOK, test.wantUID)
		}
		if rooted := got.findings.NeedsRoot != ""; rooted != (test.wantUID == 0) {
			t.Errorf("%s: NeedsRoot %q", test.name, got.findings.NeedsRoot)
		}
	}
}

// The baseline is the observation, a run of the original if evidence was given, or nothing with a reason.
func TestBaseline(t *testing.T) {
	seen := &observation{evidence: evidenceOf("right")}
	failing := evidenceOf("right")
	failing.Runs[0].Failure = "it crashed"
	foreign := testBuild(Options{})
	foreign.foreign = true
	for _, test := range []struct {
		name      string
		b         *build
		runs      *analyzer.Evidence
		compared  bool
		unchecked string
		steps     int
	}{
		{"observed", testBuild(Options{}), nil, true, "", 0},
		{"no check", testBuild(Options{NoCheck: true}), nil, false, "", 0},
		{"foreign", foreign, nil, false, "this engine runs linux/amd64, not linux/amd64", 0},
		{"evidence", testBuild(Options{Evidence: []*analyzer.Evidence{seen.evidence}}), seen.evidence, true, "", 1},
		{"evidence, but it does not run here", testBuild(Options{Evidence: []*analyzer.Evidence{seen.evidence}}), failing, false,
			"the original does not run here: " + analyzer.DefaultRun + ": it crashed", 1},
		{"lock", testBuild(Options{Locked: &lock.Lock{Check: lock.Check{Checked: 2}}}), nil, false,
			"it was rebuilt from a lock that was written after a check", 0},
		{"lock without a check", testBuild(Options{Locked: &lock.Lock{}}), nil, false,
			"it was rebuilt from a lock that was written without a check", 0},
	} {
		fake := &fakeBuildKit{t: t, observe: func(string, *analyzer.Job) *analyzer.Evidence { return test.runs }}
		got, unchecked, err := test.b.baseline(t.Context(), fake, testInput(t), seen)
		if err != nil || (got != nil) != test.compared || unchecked != test.unchecked || len(fake.titles) != test.steps {
			t.Errorf("%s: baseline() = %v, %q, %v with %d steps, want %t, %q, %d steps", test.name, got, unchecked, err, len(fake.titles),
				test.compared, test.unchecked, test.steps)
		}
	}
}
