package builder

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"

	"github.com/slimimage/slim/analyzer"
	"github.com/slimimage/slim/analyzer/vuln"
	"github.com/slimimage/slim/builder/profile"
)

// Artifacts makes the files that describe a slim image: evidence, plan, verdict, and the profiles that confine it (profile.Files). name
// is the reference of the image in the files; if it is empty, it is the first name of the result.
func Artifacts(result *Result, name string) (map[string][]byte, error) {
	files := map[string][]byte{}
	if result.Profile != nil {
		model := *result.Profile
		if name == "" && len(result.Names) > 0 {
			name = result.Names[0]
		}
		if name != "" {
			model.Image = name
		}
		var err error
		if files, err = profile.Files(model); err != nil {
			return nil, fmt.Errorf("making the profiles: %w", err)
		}
	}
	if result.Evidence != nil {
		var buf bytes.Buffer
		if err := result.Evidence.Write(&buf); err != nil {
			return nil, err
		}
		files["evidence.json"] = buf.Bytes()
	}
	maps.Copy(files, result.Materials)
	for file, value := range map[string]any{"plan.json": result.Plan, "verdict.json": result.Verdict} {
		data, err := json.MarshalIndent(value, "", " ")
		if err != nil {
			return nil, fmt.Errorf("writing %s: %w", file, err)
		}
		files[file] = append(data, '\n')
	}
	devGuardFiles(result, files)
	if err := scanFiles(result, files); err != nil {
		return nil, err
	}
	return files, nil
}

// scanFiles adds a scan's report and VEX documents, with the digest of the image where it was exported.
func scanFiles(result *Result, files map[string][]byte) error {
	if result.Scan == nil {
		return nil
	}
	product := result.product(analyzer.Arch(result.Platform), result.Names)
	documents, err := vexStatements(result.Scan, product, result.scanned)
	if err != nil {
		return err
	}
	maps.Copy(files, documents)
	if files[fileSARIF], err = vuln.SARIF(result.Scan, product.Repository, ""); err != nil {
		return err
	}
	report := *result.Scan
	report.Image = result.Manifest
	data, err := json.MarshalIndent(report, "", "  ")
	if err != nil {
		return fmt.Errorf("writing %s: %w", fileScan, err)
	}
	files[fileScan] = append(data, '\n')
	return nil
}

// reportJSON is the report as --report writes it, for slim explain.
func reportJSON(result *Result) ([]byte, error) {
	data, err := json.MarshalIndent(result, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("writing the report: %w", err)
	}
	return append(data, '\n'), nil
}
