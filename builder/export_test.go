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
	address := engine.Engine{Kind: engine.KindAddress}
	containerd := engine.Engine{Kind: engine.KindDocker, OCILayout: true}
	for _, test := range []struct {
		name   string
		engine engine.Engine
		export Export
		want   []string // type and attributes of each
		fail   string
	}{
		{"into Docker through its BuildKit", containerd, Export{Load: true, Names: []string{"a", "b"}},
			[]string{"moby a,b uncompressed"}, ""},
		{"from Docker to a registry", containerd, Export{Push: true, Names: []string{"r/a"}}, []string{"image r/a gzip"}, ""},
		{"from Docker's classic store to a registry", engine.Engine{Kind: engine.KindDocker}, Export{Push: true, Names: []string{"r/a"}},
			[]string{"moby r/a uncompressed"}, ""},
		{"into Docker from another engine", engine.Engine{Kind: engine.KindEmbedded}, Export{Load: true, Names: []string{"a"}},
			[]string{"docker a uncompressed"}, ""},
		{"to a registry", address, Export{Push: true, Names: []string{"r/a"}, Compression: "zstd"}, []string{"image r/a zstd"}, ""},
		{"to a registry without a name", address, Export{Push: true}, nil, "--push needs a name"},
		{"files", address, Export{Outputs: []Output{{Type: "oci", Dest: "x.tar"}, {Type: "local", Dest: "d"}}},
			[]string{"oci  gzip", "local  gzip"}, ""},
		{"a file without a place", address, Export{Outputs: []Output{{Type: "oci"}}}, nil, "needs dest=PATH"},
		{"an unknown type", address, Export{Outputs: []Output{{Type: "zip", Dest: "x"}}}, nil, "unknown type"},
	} {
		b := testBuild(Options{Engine: &test.engine, Epoch: &epoch})
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
	other := &engine.Engine{Kind: engine.KindAddress, OCILayout: true}
	containerd, classic := &engine.Engine{Kind: engine.KindDocker, OCILayout: true}, &engine.Engine{Kind: engine.KindDocker}
	oci, tar := Output{Type: bkclient.ExporterOCI}, Output{Type: bkclient.ExporterTar}
	docker := Output{Type: bkclient.ExporterImage, Attrs: map[string]string{"oci-mediatypes": "false"}}
	for _, test := range []struct {
		engine *engine.Engine
		export Export
		want   bool
	}{
		{other, Export{}, false},
		{other, Export{Push: true}, true},
		{other, Export{Push: true, NoAttest: true}, false},
		{other, Export{Push: true, Load: true}, false},
		{other, Export{Load: true}, false},
		{other, Export{Outputs: []Output{oci}}, true},
		{other, Export{Outputs: []Output{oci, tar}}, false},
		{other, Export{Outputs: []Output{docker}}, false},
		{containerd, Export{}, false},
		{containerd, Export{Load: true}, true},
		{containerd, Export{Load: true, NoAttest: true}, false},
		{containerd, Export{Load: true, Push: true, Outputs: []Output{oci}}, true},
		{containerd, Export{Load: true, Outputs: []Output{tar}}, false},
		{classic, Export{Load: true}, false},
		{classic, Export{Push: true}, false},
	} {
		if got := test.export.attested(test.engine); got != test.want {
			t.Errorf("%+v.attested(%+v) = %t, want %t", test.export, test.engine, got, test.want)
		}
	}
}
