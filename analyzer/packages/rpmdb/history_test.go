package rpmdb_test

import (
	"bytes"
	_ "embed"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slimimage/slim/analyzer/packages/rpmdb"
)

// historyFile has the tables of dnf's history, made with SQLite: second was asked for, first is a dependency, and two packages changed
// their reason.
//
//go:embed testdata/history.sqlite
var historyFile []byte

func TestHistoryManual(t *testing.T) {
	got, err := rpmdb.HistoryManual(bytes.NewReader(historyFile), int64(len(historyFile)))
	want := map[string]bool{"second": true, "first": false, "later-asked": true, "later-clean": false}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("HistoryManual = %v (-want +got):\n%s", err, diff)
	}
	for size := range len(historyFile) / 64 { // a file that is cut anywhere is an error or a shorter answer, no panic
		_, _ = rpmdb.HistoryManual(bytes.NewReader(historyFile[:size*64]), int64(size*64))
	}
	if _, err := rpmdb.HistoryManual(bytes.NewReader(nil), 0); err == nil {
		t.Error("HistoryManual of an empty file gave no error")
	}
}
