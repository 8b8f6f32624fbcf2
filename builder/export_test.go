package builder

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	bkclient "github.com/moby/buildkit/client"

	"github.com/slimimage/slim/builder/engine"
)

func TestExports(t *testing.T) {
	epoch := int64(9)
	for _, test := range []struct {
		name   string
		kind   string
		export Export
		want   []string // type and attributes of each
		fail   string
	}{
		{"into Docker through its BuildKit", engine.KindDocker, Export{Load: true, Names: []string{"a", "b"}},
			[]string{"moby a,b uncompressed"}, ""},
		{"into Docker from another engine", engine.KindEmbedded, Export{Load: true, Names: []string{"a"}}, []string{"docker a uncompressed"}, ""},
		{"to a registry", engine.KindAddress, Export{Push: true, Names: []string{"r/a"}, Compression: "zstd"}, []string{"image r/a zstd"}, ""},
		{"to a registry without a name", engine.KindAddress, Export{Push: true}, nil, "--push needs a name"},
		{"files", engine.KindAddress, Export{Outputs: []Output{{Type: "oci", Dest: "x.tar"}, {Type: "local", Dest: "d"}}},
			[]string{"oci  gzip", "local  gzip"}, ""},
		{"a file without a place", engine.KindAddress, Export{Outputs: []Output{{Type: "oci"}}}, nil, "needs dest=PATH"},
		{"an unknown type", engine.KindAddress, Export{Outputs: []Output{{Type: "zip", Dest: "x"}}}, nil, "unknown type"},
	} {
		b := testBuild(Options{Engine: &engine.Engine{Kind: test.kind}, Epoch: &epoch})
		got, err := b.exports(t.Context(), test.export)
		if (err == nil) != (test.fail == "") || err != nil && !strings.Contains(err.Error(), test.fail) {
			t.Errorf("%s: exports() = %v, want %q", test.name, err, test.fail)
			continue
		}
		var entries []string
		for _, e := range got {
			entries = append(entries, e.Type+" "+e.Attrs["name"]+" "+e.Attrs["compression"])
			if e.Attrs["source-date-epoch"] != "9" || e.Attrs["force-compression"] != "true" {
				t.Errorf("%s: attributes %v", test.name, e.Attrs)
			}
		}
		if err == nil && !cmp.Equal(entries, test.want) {
			t.Errorf("%s: exports() = %q, want %q", test.name, entries, test.want)
		}
	}
}

func TestAttested(t *testing.T) {
	oci, tar := Output{Type: bkclient.ExporterOCI}, Output{Type: bkclient.ExporterTar}
	docker := Output{Type: bkclient.ExporterImage, Attrs: map[string]string{"oci-mediatypes": "false"}}
	for _, test := range []struct {
		export Export
		want   bool
	}{
		{Export{}, false},
		{Export{Push: true}, true},
		{Export{Push: true, NoAttest: true}, false},
		{Export{Push: true, Load: true}, false},
		{Export{Outputs: []Output{oci}}, true},
		{Export{Outputs: []Output{oci, tar}}, false},
		{Export{Outputs: []Output{docker}}, false},
	} {
		if got := test.export.attested(); got != test.want {
			t.Errorf("%+v.attested() = %t, want %t", test.export, got, test.want)
		}
	}
}
