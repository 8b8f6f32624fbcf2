package layers

import (
	"archive/tar"
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
)

func TestInspect(t *testing.T) {
	img := image(t, pack(t, h{Name: "usr/bin/su", Mode: 0o4755, Size: 9}, h{Name: "usr/lib/x", Size: 100},
		h{Name: "tmp/", Typeflag: dir, Mode: 0o1777}),
		pack(t, h{Name: "usr/lib/x", Size: 50}, h{Name: "usr/lib/y", Typeflag: link, Linkname: "usr/lib/x"},
			h{Name: "ping", Mode: 0o755, PAXRecords: map[string]string{paxCapability: "x"}, Uid: 5}))
	config, err := img.ConfigFile()
	must(t, err)
	config = config.DeepCopy()
	config.History = []v1.History{{CreatedBy: "ENV A=b", EmptyLayer: true}, {CreatedBy: "COPY one"}, {CreatedBy: "RUN two"}}
	img, err = mutate.ConfigFile(img, config)
	must(t, err)
	got, err := Inspect(img)
	must(t, err)
	for i := range got.Layers {
		if got.Layers[i].Digest == "" || got.Layers[i].DiffID == "" || got.Layers[i].Size == 0 {
			t.Errorf("layer %d = %+v", i, got.Layers[i])
		}
		got.Layers[i].Digest, got.Layers[i].DiffID, got.Layers[i].Size = "", "", 0
	}
	got.Size = 0
	want := &Inspection{Schema: "slim/inspection/v1", Digest: digest(t, img).String(), Platform: "linux/amd64", Bytes: 59, Files: 4, Dirs: 5,
		Wasted:        100,
		Layers:        []LayerInfo{{Bytes: 109, Files: 2, Wasted: 100, Command: "COPY one"}, {Bytes: 50, Files: 3, Command: "RUN two"}},
		Folders:       []Folder{{"usr", 3, 59}, {"usr/lib", 2, 50}, {"usr/bin", 1, 9}},
		Setuid:        []Special{{Path: "usr/bin/su", Mode: "-rwsr-xr-x"}},
		Capabilities:  []Special{{Path: "ping", Mode: "-rwxr-xr-x", UID: 5}},
		WorldWritable: []Special{{Path: "tmp", Mode: "drwxrwxrwt"}}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("inspection (-want +got):\n%s", diff)
	}
	if _, err := json.Marshal(got); err != nil {
		t.Error(err)
	}
}

func TestDiff(t *testing.T) {
	shared := pack(t, h{Name: "same", Size: 4})
	a := index(t, shared, pack(t, h{Name: "bytes", Size: 6}, h{Name: "gone"}, h{Name: "grown", Size: 1},
		h{Name: "l", Typeflag: symlink, Linkname: "x"},
		h{Name: "mode"}, h{Name: "null", Typeflag: tar.TypeChar, Devminor: 3}, h{Name: "type"}, h{Name: "empty"}))
	b := index(t, shared, pack(t, h{Name: "type/", Typeflag: dir}, h{Name: "bytes2", Size: 6}, h{Name: "new\n", Size: 2},
		h{Name: "grown", Size: 2}, h{Name: "empty"},
		h{Name: "l", Typeflag: symlink, Linkname: "y"}, h{Name: "mode", Mode: 0o4755, Uid: 1},
		h{Name: "null", Typeflag: tar.TypeChar, Devminor: 5},
		h{Name: "bytes", Typeflag: link, Linkname: "bytes2"}))
	got, err := Diff(a, b)
	must(t, err)
	want := []Change{
		{Path: "bytes", Change: Changed, What: []string{"content"}, Before: 6, After: 6},
		{Path: "bytes2", Change: Added, After: 6},
		{Path: "gone", Change: Removed},
		{Path: "grown", Change: Changed, What: []string{"size"}, Before: 1, After: 2},
		{Path: "l", Change: Changed, What: []string{"link"}},
		{Path: "mode", Change: Changed, What: []string{"mode", "owner"}},
		{Path: "new\n", Change: Added, After: 2},
		{Path: "null", Change: Changed, What: []string{"device"}},
		{Path: "type", Change: Changed, What: []string{"type"}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("diff (-want +got):\n%s", diff)
	}
	if same, err := Diff(a, a); err != nil || len(same) != 0 {
		t.Errorf("Diff(a, a) = %v, %v", same, err)
	}
}
