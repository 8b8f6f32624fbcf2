package html

import (
	"fmt"
	"slices"
	"strings"

	"github.com/slimimage/slim/analyzer/printable"
	"github.com/slimimage/slim/builder"
	"github.com/slimimage/slim/builder/profile"
	"github.com/slimimage/slim/cmd/slim/report"
	"github.com/slimimage/slim/layers"
)

func confinedCard(r *builder.Result) card {
	user := r.Plan.User
	c := card{Name: "Runs as", Value: fmt.Sprintf("%d:%d", user.UID, user.GID), Note: short(user.Reason), State: good}
	if user.UID == 0 {
		c.State = fair
	}
	return c
}

// profileSection says what confines the slim image where it runs, and where that is written.
func profileSection(r *builder.Result, files []string) section {
	s := section{ID: "profile", Title: "Profile"}
	t := table{Columns: columns("What", "Value"), Wide: true}
	add := func(name, value string) {
		if value != "" {
			t.Rows = append(t.Rows, []cell{text(name), text(value)})
		}
	}
	user := r.Plan.User
	add("User", strings.TrimSpace(fmt.Sprintf("%d:%d %s", user.UID, user.GID, user.Name)))
	if m := r.Profile; m != nil {
		add("Root filesystem", "read-only")
		add("Writable", orNone(writable(m.Writable)))
		add("Capabilities", orNone(m.Capabilities))
		add("System calls", seccomp(m))
		add("Ports", orNone(ports(m.Ports)))
		add("Remote ends", listed(peers(m.Peers)))
		add("Health check", strings.Join(m.Health, " "))
		if m.PeakMemory > 0 {
			add("Memory", report.Bytes(m.PeakMemory)+" at most")
		}
	}
	add("Entrypoint", strings.Join(r.Config.Entrypoint, " "))
	add("Command", strings.Join(r.Config.Cmd, " "))
	add("Changed in the config", strings.Join(r.Config.Edits, "; "))
	add("Attached", strings.Join(r.Attested, ", "))
	s.Tables = []table{t}
	if m := r.Profile; m != nil && len(m.Warnings) > 0 {
		doubts := table{Title: "Doubts", Columns: columns("Warning")}
		for _, w := range m.Warnings {
			doubts.Rows = append(doubts.Rows, []cell{text(w)})
		}
		s.Tables = append(s.Tables, doubts.cut(maxAnswers, ""))
	}
	s.Links = links(files)
	return s
}

// seccomp is the filter of system calls as a clause.
func seccomp(m *profile.Model) string {
	allowed := profile.Allowed(*m)
	if len(allowed) == 0 {
		return ""
	}
	return fmt.Sprintf("%d allowed, the others fail (seccomp.json)", len(allowed))
}

func writable(dirs []profile.Writable) []string {
	var list []string
	for _, w := range dirs {
		name := w.Path.String()
		switch {
		case w.Volume:
			name += " (volume)"
		case w.Populated:
			name += " (holds files)"
		}
		list = append(list, name)
	}
	return list
}

func ports(all []profile.Port) []string {
	var list []string
	for _, p := range all {
		name := fmt.Sprintf("%d/%s", p.Number, p.Network)
		if p.Scheme != "" {
			name += " " + p.Scheme
		}
		if !p.Seen {
			name += " (declared, not seen)"
		}
		list = append(list, name)
	}
	return list
}

func peers(all []profile.Peer) []string {
	var list []string
	for _, p := range all {
		list = append(list, fmt.Sprintf("%s port %d", p.Address, p.Port))
	}
	return list
}

// listed joins words, up to maxFacts of them.
func listed(list []string) string {
	if more := len(list) - maxFacts; more > 0 {
		list = append(slices.Clone(list[:maxFacts]), fmt.Sprintf("and %d more", more))
	}
	return strings.Join(list, ", ")
}

func orNone(list []string) string {
	if len(list) == 0 {
		return "none"
	}
	return listed(list)
}

func joined(paths []layers.Path) string {
	list := make([]string, len(paths))
	for i, p := range paths {
		list[i] = p.String()
	}
	return listed(list)
}

// links are the files beside the page.
func links(names []string) []cell {
	list := slices.Clone(names)
	slices.Sort(list)
	cells := make([]cell, len(list))
	for i, name := range list {
		cells[i] = cell{Text: printable.Text(name), Link: "./" + name, Code: true}
	}
	return cells
}
