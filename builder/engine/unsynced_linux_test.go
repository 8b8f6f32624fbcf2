//go:build !frontend

package engine

import (
	"os"
	"path/filepath"
	"testing"

	bolt "go.etcd.io/bbolt"
)

// A state is discarded only if the machine ended before its engine.
func TestStateOfAnotherBoot(t *testing.T) {
	for _, test := range []struct {
		name, mark string
		kept       bool
	}{
		{"an engine that ended", "", true},
		{"one that was killed", "this boot", true},
		{"one that ended with the machine", "another boot", false},
	} {
		s, _ := open(t, filepath.Join(t.TempDir(), "buildkit"))
		write(t, filepath.Join(s.dir, "cache.db"), "x")
		if test.mark != "" {
			write(t, filepath.Join(s.dir, bootFile), test.mark)
		}
		var notices []string
		err := s.checkBoot(&Options{Notice: func(text string) { notices = append(notices, text) }}, "this boot")
		if kept := exists(filepath.Join(s.dir, "cache.db")); err != nil || kept != test.kept || len(notices) == 0 != test.kept {
			t.Errorf("%s: checkBoot() = %v, the state was kept %t, want %t; notices %q", test.name, err, kept, test.kept, notices)
		}
		s.close()
	}
}

// The databases are not written at each transaction, and the mark stays until they are.
func TestUnsynced(t *testing.T) {
	dir := t.TempDir()
	dbs, err := openUnsynced(dir)
	if err != nil {
		t.Fatal(err)
	}
	db, err := bolt.Open(filepath.Join(dir, "a.db"), 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	store, err := dbs.snapshots(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	if err := dbs.add(db.View); err != nil || !db.NoSync || len(dbs.views) != 2 {
		t.Errorf("add() = %v, NoSync %t, %d databases, want 2", err, db.NoSync, len(dbs.views))
	}
	mark := filepath.Join(dir, bootFile)
	if data, err := os.ReadFile(mark); err != nil || string(data) != bootID() {
		t.Errorf("the mark is %q, %v, want %q", data, err, bootID())
	}
	if err := dbs.settle(); err != nil || exists(mark) {
		t.Errorf("settle() = %v, the mark is there: %t", err, exists(mark))
	}
}

// Where the kernel does not tell its boots apart, everything is written at once.
func TestSyncedWithoutBoot(t *testing.T) {
	db, err := bolt.Open(filepath.Join(t.TempDir(), "a.db"), 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	dbs := &unsynced{dir: t.TempDir()}
	if err := dbs.add(db.View); err != nil || db.NoSync {
		t.Errorf("add() = %v, NoSync %t, want it off", err, db.NoSync)
	}
	if err := dbs.settle(); err != nil {
		t.Errorf("settle() = %v", err)
	}
}
