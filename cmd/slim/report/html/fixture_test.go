package html

import (
	"fmt"
	"io/fs"

	"github.com/slimimage/slim/analyzer"
	"github.com/slimimage/slim/builder"
	"github.com/slimimage/slim/builder/profile"
	"github.com/slimimage/slim/layers"
)

// hostile are names that an image may give its files, and what must not happen with them.
var hostile = []string{
	`</script><script>alert(1)</script>`, `<img src=x onerror=alert(1)>`, `"><svg onload=alert(1)>`, "new\nline", "\xff\xfe\x80",
	"tab\tbell\a",
	`javascript:alert(1)`, `<!--`, `-->`, `]]>`, `{{.}}`, `${alert(1)}`, "\u202egpj.exe", "\u2028", "zero\u200bwidth", `back\slash`,
	`'"&;`, "\x00", "é✓", "<!--<script>",
}

// testResult is a result with every part filled, and each name as a kept and as a dropped path.
func testResult(names ...string) *builder.Result {
	root := uint32(0)
	plan := &analyzer.Plan{
		Schema: analyzer.PlanSchema, Platform: "linux/amd64", User: analyzer.User{UID: 33, GID: 33, Name: "www-data",
			Reason: "the user that /usr/sbin/web dropped to"},
		Layers: []analyzer.Layer{{Name: "os", Files: 2, Bytes: 300}, {Name: "app", Files: 1, Bytes: 20}},
		Before: analyzer.Totals{Files: 9, Bytes: 5000}, After: analyzer.Totals{Files: 3, Bytes: 320}, Floor: analyzer.Totals{Files: 1,
			Bytes: 200},
		Files: []analyzer.File{
			{Path: "srv", Kind: "dir", Reasons: []analyzer.Reason{{Rule: analyzer.RuleSkeleton}}},
			{Path: "usr/lib/libc.so", Kind: "file", Size: 200, Package: "libc6",
				Reasons: []analyzer.Reason{{Rule: analyzer.RuleNeededBy, From: "/usr/sbin/web"}}},
			{Path: "usr/sbin/web", Kind: "file", Size: 100, Package: "web", Reasons: []analyzer.Reason{{Rule: analyzer.RuleEntrypoint},
				{Rule: analyzer.RuleCheckRound(2)}}, UID: &root, GID: &root},
			{Path: "usr/sbin/web2", Kind: "file", Size: 100, Again: true,
				Reasons: []analyzer.Reason{{Rule: analyzer.RuleOpenedBy, From: "/usr/sbin/web"}}},
		},
		Dropped: []analyzer.Dropped{{Path: "usr/bin/perl", Size: 4000, Package: "perl-base"}, {Path: "usr/share/doc/web", Size: 10,
			Rule: "docs"}},
		Packages: []analyzer.Package{{Type: "deb", Name: "web", Version: "1-2", Files: 1}},
	}
	r := &builder.Result{
		Schema: builder.ResultSchema, Input: "web:1", Image: "sha256:aaaa", Platform: "linux/amd64", Names: []string{"web.slim:1"}, Plan: plan,
		Verdict: &analyzer.Verdict{Checked: 2, OK: true, Confined: true, Volatile: []string{"GET http://127.0.0.1:80/now"}},
		Evidence: &analyzer.Evidence{Runs: []analyzer.Run{{Name: "default", Kind: "server", Answers: []analyzer.Answer{
			{Probe: "GET http://127.0.0.1:80/", OK: true, Status: 200, Size: 12}, {Probe: "GET http://127.0.0.1:80/now", OK: true, Status: 200,
				Size: 8}}}},
			Processes: []analyzer.Process{{Exe: "usr/sbin/web", Argv: []string{"web", "-f"}, UID: 33, GID: 33}}},
		Profile: &profile.Model{Name: "web", Image: "web.slim:1", Platform: "linux/amd64", UID: 33, GID: 33, Syscalls: []string{"read",
			"write"}, Writable: []profile.Writable{{Path: "tmp"}}},
	}
	for _, name := range names {
		plan.Files = append(plan.Files, analyzer.File{Path: layers.Path("srv/" + name), Kind: "file", Layer: 1, Size: 20, Package: name,
			Reasons: []analyzer.Reason{{Rule: analyzer.Rule(name), From: name}}})
		plan.Dropped = append(plan.Dropped, analyzer.Dropped{Path: layers.Path("tmp/" + name), Size: 5, Package: name, Rule: name})
		plan.Warnings = append(plan.Warnings, name)
		run := &r.Evidence.Runs[0]
		run.Answers = append(run.Answers, analyzer.Answer{Probe: name, Error: name})
		r.Evidence.Processes = append(r.Evidence.Processes, analyzer.Process{Exe: layers.Path(name), Argv: []string{name, name}})
		r.Verdict.Differences = append(r.Verdict.Differences, analyzer.Difference{Run: name, Probe: name, What: name, Want: name, Got: name})
		r.Names = append(r.Names, name)
		r.Config.Entrypoint = append(r.Config.Entrypoint, name)
	}
	return r
}

// manyFiles is a result with n paths, half of them kept, each with a reason of its own.
func manyFiles(n int) *builder.Result {
	r := testResult()
	for i := range n {
		p := layers.Path(fmt.Sprintf("usr/lib/python3/dist-packages/package%d/module%d/source_file_%d.py", i%500, i%5000, i))
		if i%2 == 0 {
			r.Plan.Files = append(r.Plan.Files, analyzer.File{Path: p, Kind: "file", Size: int64(i), Package: fmt.Sprintf("python3-package%d",
				i%500),
				Reasons: []analyzer.Reason{{Rule: analyzer.RuleImportedBy,
					From: fmt.Sprintf("/usr/lib/python3/dist-packages/package%d/module%d/source_file_%d.py", (i+2)%500, (i+2)%5000, i+2)},
					{Rule: analyzer.RuleDataOf, From: fmt.Sprint("package python3-package", i%500)}}})
		} else {
			r.Plan.Dropped = append(r.Plan.Dropped, analyzer.Dropped{Path: p, Size: int64(i), Package: fmt.Sprintf("python3-package%d", i%500)})
		}
	}
	return r
}

// testImage is an image's inspection with each name as a path.
func testImage(names ...string) Inspected {
	in := Inspected{Name: "web:1", Inspection: &layers.Inspection{Digest: "sha256:aaaa", Platform: "linux/amd64", Bytes: 100, Files: 2,
		Dirs: 1, Wasted: 7,
		Layers:  []layers.LayerInfo{{Bytes: 90, Files: 1, Command: "ADD rootfs"}, {Bytes: 17, Files: 1, Wasted: 7}},
		Folders: []layers.Folder{{Path: "usr/bin", Files: 2, Bytes: 90}}, Setuid: []layers.Special{{Path: "usr/bin/su", Mode: "-rwsr-xr-x"}}}}
	su := &layers.Inode{Mode: 0o755 | fs.ModeSetuid, Size: 90}
	in.Entries = []layers.Entry{{Path: ".", Inode: &layers.Inode{Mode: 0o755 | fs.ModeDir}}, {Path: "usr/bin/su", Inode: su},
		{Path: "usr/bin/sulink", Inode: su},
		{Path: "bin", Inode: &layers.Inode{Mode: fs.ModeSymlink | 0o777, Link: "usr/bin", Layer: 1}}}
	for _, name := range names {
		in.Entries = append(in.Entries, layers.Entry{Path: layers.Path("srv/" + name), Inode: &layers.Inode{Mode: 0o644, Size: 1, Link: name}})
		in.Inspection.Layers = append(in.Inspection.Layers, layers.LayerInfo{Command: name})
		in.Inspection.Setuid = append(in.Inspection.Setuid, layers.Special{Path: layers.Path(name), Mode: name})
		in.Inspection.Folders = append(in.Inspection.Folders, layers.Folder{Path: layers.Path(name)})
	}
	return in
}
