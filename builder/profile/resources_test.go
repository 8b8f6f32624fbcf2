package profile

import "testing"

func TestMemory(t *testing.T) {
	tests := []struct {
		name           string
		model          Model
		request, limit int64 // MiB
	}{
		{"nothing measured", Model{}, 128, 256},
		{"small", Model{PeakMemory: 16 << 20}, 64, 64},
		{"twice the peak", Model{PeakMemory: 100<<20 + 1}, 112, 208},
		{"a directory in memory", Model{PeakMemory: 100 << 20, Writable: []Writable{{Path: "tmp"}, {Path: "run"}}}, 112, 272},
		{"a heap", Model{PeakMemory: 256 << 20, Runtimes: []string{"glibc", "jvm"}}, 256, 1024},
		{"negative", Model{PeakMemory: -5}, 128, 256},
		{"a job that the user brings", Model{PeakMemory: 100 << 20, OpenEnded: true}, 112, 2048},
		{"absurd", Model{PeakMemory: 1 << 62}, 1 << 30, 1 << 31},
	}
	for _, test := range tests {
		request, limit := test.model.memory()
		if request != test.request<<20 || limit != test.limit<<20 {
			t.Errorf("%s: memory() = %d, %d MiB, want %d, %d", test.name, request>>20, limit>>20, test.request, test.limit)
		}
	}
}

func TestStorage(t *testing.T) {
	m := Model{Writable: []Writable{{Path: "data", Volume: true}, {Path: "tmp"}}}
	if request, limit := m.storage(); request != 64<<20 || limit != (64+1024+64)<<20 {
		t.Errorf("storage() = %d, %d MiB", request>>20, limit>>20)
	}
}
