package main

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slimimage/slim/analyzer"
	"github.com/slimimage/slim/layers"
)

func TestLayerItems(t *testing.T) {
	id := uint32(65532)
	plan := &analyzer.Plan{Layers: []analyzer.Layer{{Name: "os"}, {Name: "app"}}, Files: []analyzer.File{
		{Path: ".", Kind: "dir", Mode: &id},
		{Path: "etc", Kind: "dir", Layer: 0},
		{Path: "etc/passwd", Kind: "file", Layer: 0, Content: []byte("x"), Edited: true},
		{Path: "srv", Kind: "dir", Layer: 0, UID: &id},
		{Path: "srv/app", Kind: "file", Layer: 1},
		{Path: "srv/new", Kind: "file", Layer: 1, New: true},
	}}
	items, dirs := layerItems(plan, 1)
	want := []layers.Item{{Path: "srv/app", Kind: "file"}, {Path: "srv/new", Kind: "file", New: true, HasContent: true},
		{Path: ".", Kind: "dir", Mode: &id}}
	if diff := cmp.Diff(want, items); diff != "" {
		t.Errorf("items (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string]layers.Item{"etc": {Path: "etc", Kind: "dir"}, "srv": {Path: "srv", Kind: "dir", UID: &id}},
		dirs); diff != "" {
		t.Errorf("directories (-want +got):\n%s", diff)
	}
	if items, _ := layerItems(plan, 0); len(items) != 4 || !items[1].HasContent {
		t.Errorf("items of layer 0 = %+v", items)
	}
}
