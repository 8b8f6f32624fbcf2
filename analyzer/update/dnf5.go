package update

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path"

	"github.com/slimimage/slim/analyzer/printable"
)

// dnf5Actions say what becomes of a package in a stored transaction (dnf5, libdnf5/transaction/transaction_item_action.cpp). "Replaced" is
// the old version of an upgrade or a downgrade, and what an obsoleting package replaces.
var dnf5Actions = map[string]struct{ comes, lower bool }{
	"Install": {comes: true}, "Upgrade": {comes: true}, "Reinstall": {comes: true}, "Downgrade": {comes: true, lower: true},
	"Remove": {}, "Replaced": {},
}

// simulateStored lets dnf 5 store the transaction instead of running it, which it can since 5.2 (dnf5(8), --store).
func (d *dnf) simulateStored(ctx context.Context, to []Package) (changes []Change, err error) {
	dir, err := os.MkdirTemp("", "slim-update-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	store := path.Join(dir, "store")
	if _, err := d.run(ctx, append([]string{"-q", "upgrade", "--best", "--store=" + store}, nevras(to)...)...); err != nil {
		return nil, err
	}
	data, err := os.ReadFile(path.Join(store, "transaction.json"))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil // nothing to do
	}
	if err != nil {
		return nil, err
	}
	changes, err = parseStored(data)
	return withRepositories(changes, d.offers), err
}

// parseStored reads a stored transaction (dnf5-replay(8); libdnf5/transaction/transaction_sr.cpp).
func parseStored(data []byte) ([]Change, error) {
	var stored struct {
		Rpms []struct{ Nevra, Action string }
	}
	if err := json.Unmarshal(data, &stored); err != nil {
		return nil, fmt.Errorf("reading what dnf5 would change: %w", err)
	}
	var t transaction
	for _, item := range stored.Rpms {
		pkg, named := parseNevra(item.Nevra)
		action, known := dnf5Actions[item.Action]
		if !named || !known {
			return nil, fmt.Errorf("dnf5 would change %s: %s", printable.Short(item.Nevra, maxField), printable.Short(item.Action, maxField))
		}
		t.add(pkg, action.comes, action.lower)
	}
	return t, nil
}
