package keep

import (
	"bytes"
	"context"
	stdelf "debug/elf"
	"encoding/binary"
	"flag"
	"fmt"
	"maps"
	"math/rand"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"github.com/slimimage/slim/analyzer"
	"github.com/slimimage/slim/analyzer/accounts"
	"github.com/slimimage/slim/analyzer/elf/elftest"
	"github.com/slimimage/slim/analyzer/rules"
	"github.com/slimimage/slim/layers"
	"github.com/slimimage/slim/layers/layerstest"
)

var update = flag.Bool("update", false, "rewrite the WANT part of testdata/rules")

// wantName is the part of a script that says what comes out; -update writes it.
const wantName = "WANT"

// script is one txtar of testdata/rules: an image, what a run of it showed, the request, and the plan that is expected. Its comment holds,
// a line each,
//
//	files PATH...              small text files
//	program PATH [NEED...]     an ELF program; also key=value: runpath, rpath, interp, soname, machine (386, arm64), strings, symbols
//	                           (several by commas)
//	library PATH [NEED...]     an ELF library, likewise
//	pyc PATH SECONDS SIZE      bytecode of Python for a source of that time and size
//	package NAME GLOB...       a dpkg package that owns the files that match; "essential" and "lib" packages are the system's
//	owned GLOB...              each file that matches and has no package is one of its own
//	open|exec|interp|stat|list|write|create|hop|connect|readlink|chdir PATH...
//	reads EXE PATH             a program opened a path
//	process EXE UID:GID        a program that ran
//	argv|env|workdir|user|volume|health WORD...   the image's config
//	keep LEVEL, include|exclude|include-exe|include-package|disable WORD..., include-shell, as USER, repair PATH...
//	show layers|records        more in WANT
//	error TEXT                 the analysis fails so
//
// and the directives of layerstest.TreeFromTxtar. Programs (in a bin folder, or with a first line "#!") are executable.
// WANT has "+ PATH  RULES" for what is kept, "- PATH  RULE" for what is dropped, "! WARNING", and the user where it is not 65532.
type script struct {
	req      analyzer.Request
	evidence *analyzer.Evidence
	show     map[string]bool
	err      string
	want     string

	paths    map[layers.Path][]analyzer.Op
	reads    map[layers.Path]layers.Path // path to the program that opened it
	tree     []string                    // directives of TreeFromTxtar
	files    map[string][]byte
	packages [][]string
	owned    []string
}

func parseScript(t *testing.T, data []byte) *script {
	t.Helper()
	s := &script{req: analyzer.Request{Image: "sha256:1", Platform: "linux/amd64"},
		evidence: observation(analyzer.Run{Name: "default", Kind: analyzer.KindCommand}), show: map[string]bool{},
		paths: map[layers.Path][]analyzer.Op{}, reads: map[layers.Path]layers.Path{}, files: map[string][]byte{}}
	archive := txtar.Parse(data)
	for _, f := range archive.Files {
		if f.Name == wantName {
			s.want = string(f.Data)
			continue
		}
		s.files[f.Name] = f.Data
	}
	for _, line := range strings.Split(string(archive.Comment), "\n") {
		words := strings.Fields(line)
		if len(words) == 0 || words[0] == "#" {
			continue
		}
		if err := s.directive(words[0], words[1:]); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(s.paths)) {
		by := s.reads[name]
		if by == "" {
			by = "usr/bin/someone"
		}
		s.evidence.Paths = append(s.evidence.Paths, analyzer.PathUse{Path: name, Ops: s.paths[name], By: []layers.Path{by},
			UIDs: []uint32{0}})
	}
	return s
}

var scriptOps = []analyzer.Op{analyzer.OpOpen, analyzer.OpExec, analyzer.OpInterp, analyzer.OpStat, analyzer.OpList, analyzer.OpWrite,
	analyzer.OpCreate, analyzer.OpHop, analyzer.OpConnect, analyzer.OpReadlink, analyzer.OpChdir}

func (s *script) directive(verb string, words []string) error {
	p, o := &s.req.Process, &s.req.Options
	switch {
	case slices.Contains(scriptOps, analyzer.Op(verb)):
		for _, word := range words {
			s.paths[layers.Path(word)] = append(s.paths[layers.Path(word)], analyzer.Op(verb))
		}
		return nil
	case verb == "reads":
		s.reads[layers.Path(words[1])] = layers.Path(words[0])
		return s.directive("open", words[1:2])
	case len(words) == 0 && verb != "include-shell":
		return fmt.Errorf("what?")
	}
	switch verb {
	case "files":
		for _, word := range words {
			if s.files[word] == nil {
				s.files[word] = []byte("x\n")
			}
		}
	case "sqlite": // an empty database; a file of a txtar ends with a new line
		for _, word := range words {
			s.files[word] = append(append([]byte(sqliteMagic), make([]byte, 511-len(sqliteMagic))...), '\n')
		}
	case "pyc":
		var seconds, size uint32
		if _, err := fmt.Sscan(strings.Join(words[1:], " "), &seconds, &size); err != nil {
			return err
		}
		header := []byte{0xa7, 0x0d, '\r', '\n', 0, 0, 0, 0}
		s.files[words[0]] = append(binary.LittleEndian.AppendUint32(binary.LittleEndian.AppendUint32(header, seconds), size), '\n')
	case "program", "library":
		s.files[words[0]] = elfOf(verb, words)
	case "package":
		s.packages = append(s.packages, words)
	case "owned":
		s.owned = append(s.owned, words...)
	case "process":
		var ran analyzer.Process
		ran.Exe, ran.Argv = layers.Path(words[0]), words[:1]
		if _, err := fmt.Sscanf(words[1], "%d:%d", &ran.UID, &ran.GID); err != nil {
			return err
		}
		s.evidence.Processes = append(s.evidence.Processes, ran)
	case "privileged":
		for _, word := range words {
			s.evidence.Privileged = append(s.evidence.Privileged, layers.Path(word))
		}
	case "argv":
		p.Argv = words
		if len(words) > 2 && words[1] == "-c" {
			p.Argv = []string{words[0], "-c", strings.Join(words[2:], " ")}
		}
	case "env":
		p.Env = words
	case "workdir":
		p.Dir = words[0]
	case "user":
		p.User = words[0]
	case "volume":
		p.Volumes = words
	case "health":
		p.Healthcheck = &analyzer.Healthcheck{Test: []string{words[0], strings.Join(words[1:], " ")}}
	case "keep":
		o.Keep = analyzer.Keep(words[0])
	case "include":
		o.Include = words
	case "exclude":
		o.Exclude = words
	case "include-exe":
		o.IncludeExe = words
	case "include-package":
		o.IncludePackage = words
	case "include-shell":
		o.IncludeShell = true
	case "disable":
		o.DisableRules = words
	case "as":
		o.User = words[0]
	case "repair":
		var round []layers.Path
		for _, word := range words {
			round = append(round, layers.Path(word))
		}
		s.req.Repair = append(s.req.Repair, round)
	case "show":
		for _, word := range words {
			s.show[word] = true
		}
	case "error":
		s.err = strings.Join(words, " ")
	default:
		s.tree = append(s.tree, verb+" "+strings.Join(words, " "))
	}
	return nil
}

func elfOf(verb string, words []string) []byte {
	spec := elftest.Spec{Interp: "/lib64/ld-linux-x86-64.so.2"}
	if verb == "library" {
		spec = elftest.Spec{Soname: path.Base(words[0])}
	}
	for _, word := range words[1:] {
		key, value, _ := strings.Cut(word, "=")
		switch key {
		case "runpath":
			spec.Runpath = value
		case "rpath":
			spec.Rpath = value
		case "interp":
			spec.Interp = value
		case "soname":
			spec.Soname = value
		case "machine":
			spec.Machine = map[string]stdelf.Machine{"386": stdelf.EM_386, "arm64": stdelf.EM_AARCH64}[value]
		case "strings":
			spec.Strings = strings.Split(value, ",")
		case "symbols":
			spec.Symbols = strings.Split(value, ",")
		default:
			spec.Needed = append(spec.Needed, word)
		}
	}
	return elftest.Build(spec)
}

// image is the script's root filesystem.
func (s *script) image(t *testing.T) layers.RootFS {
	t.Helper()
	s.dpkg(t)
	archive := &txtar.Archive{}
	for _, name := range slices.Sorted(maps.Keys(s.files)) {
		archive.Files = append(archive.Files, txtar.File{Name: name, Data: s.files[name]})
		if dir := path.Base(path.Dir(name)); dir == "bin" || dir == "sbin" || bytes.HasPrefix(s.files[name], []byte("#!")) {
			s.tree = append([]string{"mode " + name + " 755"}, s.tree...)
		}
	}
	archive.Comment = []byte(strings.Join(s.tree, "\n") + "\n")
	root, err := layerstest.TreeFromTxtar(txtar.Format(archive))
	if err != nil {
		t.Fatal(err)
	}
	return root
}

// dpkg writes the database: the first package whose glob matches a file owns it.
func (s *script) dpkg(t *testing.T) {
	t.Helper()
	if len(s.packages)+len(s.owned) == 0 {
		return
	}
	names := slices.Collect(maps.Keys(s.files))
	for _, line := range s.tree {
		if words := strings.Fields(line); words[0] == "symlink" || words[0] == "hardlink" || words[0] == "file" {
			names = append(names, words[1])
		}
	}
	slices.Sort(names)
	matches := func(globs []string, name string) bool {
		return slices.ContainsFunc(globs, func(pattern string) bool { return rules.MustCompile(pattern).Match(name) })
	}
	lists, order := map[string][]string{}, []string{}
	for _, name := range slices.Compact(names) {
		pkg := ""
		if i := slices.IndexFunc(s.packages, func(p []string) bool { return matches(p[1:], name) }); i >= 0 {
			pkg = s.packages[i][0]
		} else if matches(s.owned, name) {
			pkg = fmt.Sprintf("single%d", len(order))
		} else {
			continue
		}
		if lists[pkg] == nil {
			order = append(order, pkg)
		}
		lists[pkg] = append(lists[pkg], "/"+name)
	}
	var status strings.Builder
	for _, pkg := range order {
		fmt.Fprintf(&status, "Package: %s\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1\n", pkg)
		if pkg == "essential" {
			status.WriteString("Essential: yes\n")
		}
		fmt.Fprintf(&status, "Conffiles:\n /etc/%s.conf 0\n\n", pkg)
		s.files["var/lib/dpkg/info/"+pkg+".list"] = []byte(strings.Join(lists[pkg], "\n") + "\n")
	}
	if _, given := s.files["var/lib/dpkg/status"]; !given {
		s.files["var/lib/dpkg/status"] = []byte(status.String())
	}
}

// result is the plan as lines.
func (s *script) result(plan *analyzer.Plan) string {
	var b strings.Builder
	if plan.User.UID != accounts.Nonroot || s.show["user"] {
		fmt.Fprintf(&b, "user %d:%d %s %s, %s\n", plan.User.UID, plan.User.GID, plan.User.Name, plan.User.Home, plan.User.Reason)
	}
	for _, name := range plan.Writable {
		if name == "home/nonroot" && !s.show["user"] {
			continue
		}
		fmt.Fprintf(&b, "writable %s\n", name)
	}
	for _, name := range plan.Setuid {
		fmt.Fprintf(&b, "setuid %s\n", name)
	}
	for i := range plan.Files {
		f := &plan.Files[i]
		record := strings.HasPrefix(string(f.Path), "var/lib/dpkg/")
		if f.Kind == "dir" && (f.Mode == nil || f.New) || record && !s.show["records"] || f.New && !record && !s.show["user"] || f.Edited &&
			!record && !s.show["user"] {
			continue
		}
		fmt.Fprintf(&b, "+ %s  %s", f.Path, rulesOf(f.Reasons))
		if s.show["layers"] {
			fmt.Fprintf(&b, "  @%s", plan.Layers[f.Layer].Name)
		}
		if f.NoCapability {
			b.WriteString("  without its capabilities")
		}
		if len(f.Capabilities) > 0 {
			b.WriteString("  " + strings.Join(f.Capabilities, " "))
		}
		if f.Mode != nil && !f.New {
			fmt.Fprintf(&b, "  mode %o", *f.Mode)
		}
		if f.UID != nil && !f.New {
			fmt.Fprintf(&b, "  uid %d", *f.UID)
		}
		b.WriteString("\n")
		if f.Content != nil {
			b.WriteString("\t" + strings.ReplaceAll(strings.TrimRight(string(f.Content), "\n"), "\n", "\n\t") + "\n")
		}
	}
	for _, d := range plan.Dropped {
		if !strings.HasPrefix(string(d.Path), "var/lib/dpkg/") {
			b.WriteString(strings.TrimRight(fmt.Sprintf("- %s  %s", d.Path, d.Rule), " ") + "\n")
		}
	}
	for _, warning := range plan.Warnings {
		fmt.Fprintf(&b, "! %s\n", warning)
	}
	return b.String()
}

func rulesOf(reasons []analyzer.Reason) string {
	var names []string
	for _, r := range reasons {
		names = append(names, string(r.Rule))
	}
	slices.Sort(names)
	return strings.Join(slices.Compact(names), ", ")
}

// TestRules: each script of testdata/rules gives its WANT, whatever order the evidence comes in, and a rule that is switched off is off.
func TestRules(t *testing.T) {
	files, err := filepath.Glob("testdata/rules/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal("no scripts", err)
	}
	proven := map[string]bool{}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			s := parseScript(t, data)
			root := s.image(t)
			plan, err := Plan(context.Background(), root, s.req, []*analyzer.Evidence{s.evidence})
			if s.err != "" || err != nil {
				if err == nil || err.Error() != s.err {
					t.Fatalf("error %v, want %q", err, s.err)
				}
				return
			}
			got := s.result(plan)
			if *update {
				s.write(t, file, data, got)
				s.want = got
			}
			if diff := cmp.Diff(s.want, got); diff != "" {
				t.Errorf("plan (-want +got):\n%s", diff)
			}
			if !strings.Contains(got, "\n- ") {
				t.Error("the script shows nothing that is dropped")
			}
			s.permuted(t, root, plan)
			s.switchedOff(t, root, plan, proven)
		})
	}
	if t.Failed() {
		return
	}
	for _, name := range rules.Names() {
		if !proven[name] {
			t.Errorf("no script of testdata/rules shows rule %s", name)
		}
	}
}

func (s *script) write(t *testing.T, file string, data []byte, want string) {
	t.Helper()
	archive := txtar.Parse(data)
	archive.Files = slices.DeleteFunc(archive.Files, func(f txtar.File) bool { return f.Name == wantName })
	archive.Files = append(archive.Files, txtar.File{Name: wantName, Data: []byte(want)})
	if err := os.WriteFile(file, txtar.Format(archive), 0o644); err != nil {
		t.Fatal(err)
	}
}

// permuted checks that evidence in another order, and in several parts, gives the same plan.
func (s *script) permuted(t *testing.T, root layers.RootFS, want *analyzer.Plan) {
	t.Helper()
	random := rand.New(rand.NewSource(1))
	parts := make([]*analyzer.Evidence, 3)
	for i := range parts {
		parts[i] = observation(s.evidence.Runs...)
	}
	for _, i := range random.Perm(len(s.evidence.Paths)) {
		part := parts[random.Intn(len(parts))]
		part.Paths = append(part.Paths, s.evidence.Paths[i])
	}
	for _, i := range random.Perm(len(s.evidence.Processes)) {
		part := parts[random.Intn(len(parts))]
		part.Processes = append(part.Processes, s.evidence.Processes[i])
	}
	for _, name := range s.evidence.Privileged {
		part := parts[random.Intn(len(parts))]
		part.Privileged = append(part.Privileged, name)
	}
	got, err := Plan(context.Background(), root, s.req, parts)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("evidence in another order (-want +got):\n%s", diff)
	}
}

// switchedOff checks for each rule that had a part in the plan that without it nothing is kept or dropped for it, and the plan differs.
func (s *script) switchedOff(t *testing.T, root layers.RootFS, plan *analyzer.Plan, proven map[string]bool) {
	t.Helper()
	keepers, droppers := rulesIn(plan)
	for _, name := range rules.Names() {
		if !keepers[name] && !droppers[name] {
			continue
		}
		proven[name] = true
		req := s.req
		req.Options.DisableRules = append(slices.Clone(req.Options.DisableRules), name)
		without, err := Plan(context.Background(), root, req, []*analyzer.Evidence{s.evidence})
		if err != nil {
			t.Fatal(err)
		}
		if keepers, droppers := rulesIn(without); keepers[name] || droppers[name] {
			t.Errorf("rule %s is switched off and works", name)
		}
	}
}

// rulesIn lists the families that kept something and the junk that was dropped.
func rulesIn(plan *analyzer.Plan) (keepers, droppers map[string]bool) {
	keepers, droppers = map[string]bool{}, map[string]bool{}
	for _, f := range plan.Files {
		for _, r := range f.Reasons {
			if name, ok := strings.CutPrefix(string(r.Rule), "rule "); ok {
				keepers[name] = true
			}
		}
	}
	for _, d := range plan.Dropped {
		droppers[d.Rule] = true
	}
	return keepers, droppers
}

// TestFamiliesUnused: without a run that used them the families keep nothing, but for those that count for every image.
func TestFamiliesUnused(t *testing.T) {
	always := map[string]bool{}
	for _, f := range rules.Families() {
		always[f.Name] = slices.Contains(f.When, "**")
	}
	files, err := filepath.Glob("testdata/rules/family-*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal("no scripts", err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		s := parseScript(t, data)
		s.req.Options = analyzer.Options{}
		plan, err := Plan(context.Background(), s.image(t), s.req, []*analyzer.Evidence{observation(s.evidence.Runs...)})
		if err != nil {
			t.Fatal(err)
		}
		keepers, _ := rulesIn(plan)
		for name := range keepers {
			if !always[name] {
				t.Errorf("%s: rule %s keeps files of what is not used", filepath.Base(file), name)
			}
		}
	}
}

// observation is evidence of the image "sha256:1" with these runs.
func observation(runs ...analyzer.Run) *analyzer.Evidence {
	return &analyzer.Evidence{Schema: analyzer.EvidenceSchema, Image: "sha256:1", Platform: "linux/amd64", Runs: runs}
}
