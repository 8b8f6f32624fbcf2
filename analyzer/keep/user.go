package keep

import (
	"fmt"
	"slices"
	"strings"

	"github.com/slimimage/slim/analyzer"
	"github.com/slimimage/slim/analyzer/accounts"
	"github.com/slimimage/slim/analyzer/rules"
	"github.com/slimimage/slim/layers"
)

// reasonNonroot is the reason of a user that neither the image nor the application has chosen.
const reasonNonroot = "the image ran as root and did not need to name a user"

// readAccounts reads the image's /etc/passwd and /etc/group; a file that is not there is empty.
func (w *worklist) readAccounts() accounts.Files {
	passwd, _ := w.im.read("etc/passwd", accounts.MaxSize)
	group, _ := w.im.read("etc/group", accounts.MaxSize)
	return accounts.Parse(passwd, group)
}

// decideUser says who the slim image runs as: the image's own user unless that is root; root where the evidence does not carry giving it
// up; the user that the program dropped to; or nonroot.
func (w *worklist) decideUser() (analyzer.User, error) {
	files := w.readAccounts()
	if spec := w.req.Options.User; spec != "" {
		return namedUser(spec, files, "asked for with --user")
	}
	own, err := namedUser(w.req.Process.User, files, "the image's own")
	if err != nil {
		return own, err
	}
	if own.UID != 0 {
		return own, nil
	}
	if why := w.req.NeedsRoot; why != "" {
		own.Reason = "the application needs root; as another user: " + why
		return own, nil
	}
	rights := rootRights{seen: w.seen, functions: w.identityFunctions, base: w.baseSystem}
	switch got := rights.decide(); {
	case got.why != "":
		own.Reason = "the application needs root: " + got.why
		return own, nil
	case got.exe != "":
		e, _ := files.ByUID(got.uid)
		gid := got.gids[len(got.gids)-1]
		if slices.Contains(got.gids, e.GID) {
			gid = e.GID
		}
		return analyzer.User{UID: got.uid, GID: gid, Name: e.Name, Home: e.Home, Reason: "the user that " + got.exe.String() + " dropped to"}, nil
	}
	e, _ := files.ByUID(accounts.Nonroot)
	if e.Name == "" {
		e = accounts.User{Name: "nonroot", UID: accounts.Nonroot, GID: accounts.Nonroot, Home: "/home/nonroot"}
	}
	return analyzer.User{UID: e.UID, GID: e.GID, Name: e.Name, Home: e.Home, Reason: reasonNonroot}, nil
}

// namedUser resolves the USER of a config or of --user. root needs no entry in /etc/passwd: 0 is its number everywhere.
func namedUser(spec string, files accounts.Files, reason string) (analyzer.User, error) {
	if spec == "root" || strings.HasPrefix(spec, "root:") {
		spec = "0" + strings.TrimPrefix(spec, "root")
	}
	id, err := files.Resolve(spec)
	return analyzer.User{UID: id.UID, GID: id.GID, Name: id.Name, Home: id.Home, Reason: reason}, err
}

// baseSystem says whether a program belongs to the distribution's base system.
func (w *worklist) baseSystem(exe layers.Path) bool {
	pkg, ok := w.db.Owner(string(exe))
	return ok && pkg.Essential
}

// identityFunctions are the functions that a program imports, itself or in libraries of its own, to change its user or root directory.
func (w *worklist) identityFunctions(exe layers.Path) []string {
	if rules.GeneralPurpose(string(exe)) {
		return nil
	}
	obj, err := w.binaries.resolver.Open(string(exe), nil)
	if err != nil {
		return nil // a script, or a program that the image does not have
	}
	imports := slices.Clone(obj.File.Imports)
	for _, dep := range w.binaries.resolver.Closure(obj) {
		for _, found := range dep.Need.Found {
			if found.File != nil && w.sameSource(string(exe), found.Path) {
				imports = append(imports, found.File.Imports...)
			}
		}
	}
	return rules.IdentityFunctions(imports)
}

// sameSource says whether two files were made together: their packages have one source package, or neither has a package.
func (w *worklist) sameSource(a, b string) bool {
	one, owned := w.db.Owner(a)
	other, too := w.db.Owner(b)
	return owned == too && (!owned || one.Source == other.Source)
}

// passwdFiles gives the user a name and a home where the image has none for it.
func (p *planner) passwdFiles() {
	if p.user.UID == 0 {
		return
	}
	_, known := p.readAccounts().ByUID(p.user.UID)
	if known || p.user.Name == "" {
		return
	}
	u := p.user
	entry := fmt.Sprintf("%s:x:%d:%d:%s:%s:/sbin/nologin\n", u.Name, u.UID, u.GID, u.Name, u.Home)
	p.edit("etc/passwd", entry, "root:x:0:0:root:/root:/sbin/nologin\n")
	p.edit("etc/group", fmt.Sprintf("%s:x:%d:\n", u.Name, u.GID), "root:x:0:\n")
	home := strings.TrimPrefix(u.Home, "/")
	if p.files["home"] == nil && !p.im.has("home") {
		p.fresh("home", "dir", 0o755, nil)
	}
	if !p.im.has(home) {
		f := p.fresh(home, "dir", 0o700, nil)
		f.UID, f.GID = &p.user.UID, &p.user.GID
	}
}
