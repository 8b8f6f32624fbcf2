package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/slimimage/slim/analyzer/sbom"
	"github.com/slimimage/slim/analyzer/vex"
	"github.com/slimimage/slim/analyzer/vuln"
	"github.com/slimimage/slim/builder"
	"github.com/slimimage/slim/cmd/slim/report"
	"github.com/slimimage/slim/layers"
)

func printScan(w io.Writer, scan *vuln.Report) error {
	out := &printer{w: w}
	for _, line := range report.ScanTable(scan) {
		out.line("%s", line)
	}
	return out.err
}

// productOf names an image for VEX.
func productOf(in *layers.Input) vex.Product {
	p := vex.Product{Repository: in.Repo, Tag: in.Tag, Digest: in.Digest.String(), Arch: in.Platform.Architecture}
	if in.RepoDigest != "" && in.RepoDigest != p.Digest {
		p.Platforms, p.Digest = []string{p.Digest}, in.RepoDigest
	}
	if p.Repository == "" {
		_, name, _ := strings.Cut(in.Name, ":")
		p.Repository = nameFrom(name)
	}
	return p
}

// Bounds on the files that are read ahead, in one pass over each layer. Others are read one by one.
const (
	maxAhead     = 512 << 20 // bytes together
	maxAheadFile = 16 << 20  // bytes of one file
)

// imagePackages lists the packages of an image, of its distribution and of language runtimes, with the files of each.
func imagePackages(ctx context.Context, in *layers.Input, index *layers.Index) (s vuln.Subject, warnings []string, err error) {
	var ahead int64
	err = index.Preload(maxAhead, func(e layers.Entry) bool {
		if e.Size > maxAheadFile || ahead+e.Size > maxAhead {
			return false
		}
		ahead += e.Size
		return true
	})
	if err != nil {
		return s, nil, err
	}
	incomplete, err := incompleteOf(in)
	if err != nil {
		return s, nil, err
	}
	document, err := sbom.Read(ctx, index, sbom.Options{Incomplete: incomplete})
	if err != nil {
		return s, nil, err
	}
	s, warnings = vuln.FromInventory(document.Inventory())
	return s, warnings, nil
}

// incompleteOf is why the package database of a slim image lacks packages; none for other images.
func incompleteOf(in *layers.Input) ([]string, error) {
	config, err := in.Image.ConfigFile()
	if err != nil {
		return nil, fmt.Errorf("reading the config: %w", err)
	}
	if reasons := config.Config.Labels[builder.LabelIncomplete]; reasons != "" {
		return []string{reasons}, nil
	}
	return nil, nil
}
