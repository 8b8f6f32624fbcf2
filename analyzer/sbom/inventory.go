package sbom

import (
	"encoding/json"
	"fmt"
	"slices"
)

// InventorySchema names the version of Inventory.
const InventorySchema = "slim/inventory/v1"

// Inventory is the part of a bill of materials that a search for vulnerabilities needs: small, and without the time of a document.
type Inventory struct {
	Schema   string             `json:"schema"`
	Packages []InventoryPackage `json:"packages"` // sorted by purl
	// Applications are the modules of programs, with those that Packages leaves out: they say what the others are there for.
	Applications []InventoryPackage `json:"applications,omitempty"`
	Warnings     []string           `json:"warnings,omitempty"`
	// Incomplete are those of Warnings after which packages, or files of packages, are missing here.
	Incomplete []string `json:"incomplete,omitempty"`
}

// InventoryPackage is one package that somebody may have published something about.
type InventoryPackage struct {
	Purl  string   `json:"purl"`
	Files []string `json:"files,omitempty"` // physical paths of those it accounts for, sorted
	// physical paths of the files that a language's package was read from, sorted
	Locations []string `json:"locations,omitempty"`
	// package URLs of the packages that a language's package needs, sorted
	Depends []string `json:"depends,omitempty"`
}

// Inventory lists the packages. A program's own module without a version is left out: it was built of a working copy, which nobody can
// have published anything about.
func (d *Document) Inventory() Inventory {
	files := map[string][]string{}
	for _, file := range d.Files {
		if file.Owner != "" {
			files[file.Owner] = append(files[file.Owner], string(file.Path))
		}
	}
	inv := Inventory{Schema: InventorySchema, Packages: []InventoryPackage{}, Warnings: d.Warnings, Incomplete: d.Incomplete}
	for _, pkg := range d.Packages {
		one := InventoryPackage{Purl: pkg.Purl, Files: files[pkg.Ref]}
		if !slices.Contains([]string{"deb", "apk", "rpm"}, pkg.Type) {
			one.Locations, one.Depends = pkg.Locations, pkg.Depends
		}
		if pkg.Application {
			inv.Applications = append(inv.Applications, one)
		}
		if !pkg.Application || pkg.Version != "" {
			inv.Packages = append(inv.Packages, one)
		}
	}
	return inv
}

// ReadInventory reads what Inventory's JSON form says.
func ReadInventory(data []byte) (Inventory, error) {
	var inv Inventory
	if err := json.Unmarshal(data, &inv); err != nil {
		return inv, fmt.Errorf("reading an inventory: %w", err)
	}
	if inv.Schema != InventorySchema {
		return inv, fmt.Errorf("reading an inventory: its schema is %q, not %q", inv.Schema, InventorySchema)
	}
	return inv, nil
}
