package accounts

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const passwd = `root:x:0:0:root:/root:/bin/sh
web:x:101:102:web:/srv:/sbin/nologin
1000:x:7:8::/seven:

app:x:1000:1001::/home/app
short:x:9
web:x:5:5::/second:/bin/sh
`

const group = "root:x:0:\nweb:x:102:\nmail:x:12:web,app\nlog:x:4:web\n44:x:55:\nmail:x:13:web\n"

// TestResolve has the cases in which resolvers differ; the answers are those of moby/sys, user.GetExecUser.
func TestResolve(t *testing.T) {
	files := Parse([]byte(passwd), []byte(group))
	web := Identity{UID: 101, GID: 102, Groups: []uint32{4, 12, 13}, Name: "web", Home: "/srv"}
	for spec, want := range map[string]Identity{
		"":          {Name: "root", Home: "/root"},
		"web":       web,
		"101":       web,
		"web:":      web,
		"web:mail":  {UID: 101, GID: 12, Name: "web", Home: "/srv"},
		"web:44":    {UID: 101, GID: 44, Name: "web", Home: "/srv"},
		"1000":      {UID: 1000, GID: 1001, Groups: []uint32{12}, Name: "app", Home: "/home/app"},
		"4000":      {UID: 4000},
		"4000:4001": {UID: 4000, GID: 4001},
		"short":     {UID: 9, Name: "short"},
		":mail":     {GID: 12, Name: "root", Home: "/root"},
	} {
		if got, err := files.Resolve(spec); err != nil || !cmp.Equal(got, want) {
			t.Errorf("Resolve(%q) = %+v, %v, want %+v", spec, got, err, want)
		}
	}
	for spec, want := range map[string]string{
		"ghost":         `user "ghost" is not in the image's /etc/passwd`,
		"web:ghost":     `group "ghost" is not in the image's /etc/group`,
		"-1":            "user -1 is not between 0 and 2147483647",
		"0:99999999999": "group 99999999999 is not between 0 and 2147483647",
	} {
		if _, err := files.Resolve(spec); err == nil || err.Error() != want {
			t.Errorf("Resolve(%q): error %v, want %s", spec, err, want)
		}
	}
}

func TestParseMalformed(t *testing.T) {
	files := Parse([]byte("# comment\nx:x:1:y:::\nok:x:1:1::/:/bin/sh:more\n"), []byte("g\nh:x:7:\n"))
	var got []string
	for _, u := range files.Users {
		got = append(got, fmt.Sprint(u.Name, u.UID, u.GID, u.Malformed))
	}
	for _, g := range files.Groups {
		got = append(got, fmt.Sprint(g.Name, g.GID, g.Malformed))
	}
	want := []string{"# comment0 0 true", "x1 0 true", "ok1 1 false", "g0 true", "h7 false"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Parse (-want +got):\n%s", diff)
	}
	if n := len(Parse([]byte(strings.Repeat("a:x:1:1::/:\n", maxEntries+5)), nil).Users); n != maxEntries {
		t.Errorf("Parse reads %d entries, want %d", n, maxEntries)
	}
}

func FuzzResolve(f *testing.F) {
	f.Add([]byte(passwd), []byte(group), "web:mail")
	f.Add([]byte(":::"), []byte(""), "0:0")
	f.Fuzz(func(t *testing.T, passwd, group []byte, spec string) {
		id, err := Parse(passwd, group).Resolve(spec)
		if err == nil && id.Name == "" && id.Groups != nil {
			t.Errorf("Resolve(%q) = %+v: groups of a user without a name", spec, id)
		}
	})
}
