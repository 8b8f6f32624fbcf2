package sbom

// The part of CycloneDX 1.6 that is written (ECMA-424, cyclonedx.org/docs/1.6/json).
type (
	cdxDocument struct {
		Schema       string          `json:"$schema"`
		Format       string          `json:"bomFormat"`
		SpecVersion  string          `json:"specVersion"`
		Serial       string          `json:"serialNumber,omitempty"`
		Version      int             `json:"version"`
		Metadata     cdxMetadata     `json:"metadata"`
		Components   []cdxComponent  `json:"components"`
		Dependencies []cdxDependency `json:"dependencies"`
		// Compositions says of which parts of the document everything is listed.
		Compositions []cdxComposition `json:"compositions,omitempty"`
	}
	cdxMetadata struct {
		Timestamp    string        `json:"timestamp,omitempty"`
		Tools        cdxTools      `json:"tools"`
		Manufacturer *cdxPerson    `json:"manufacturer"` // of the document
		Component    cdxComponent  `json:"component"`
		Properties   []cdxProperty `json:"properties,omitempty"` // the reasons for which the document is incomplete
	}
	cdxComposition struct {
		Aggregate    Completeness `json:"aggregate"`
		Assemblies   []string     `json:"assemblies,omitempty"`
		Dependencies []string     `json:"dependencies,omitempty"`
	}
	cdxTools struct {
		Components []cdxComponent `json:"components"`
	}
	cdxComponent struct {
		Ref          string         `json:"bom-ref,omitempty"`
		Type         string         `json:"type"`
		Supplier     *cdxPerson     `json:"supplier,omitempty"`
		Manufacturer *cdxPerson     `json:"manufacturer,omitempty"`
		Group        string         `json:"group,omitempty"`
		Name         string         `json:"name"`
		Version      string         `json:"version,omitempty"`
		Desc         string         `json:"description,omitempty"`
		Hashes       []cdxHash      `json:"hashes,omitempty"`
		Licenses     []cdxLicense   `json:"licenses,omitempty"`
		CPE          string         `json:"cpe,omitempty"`
		Purl         string         `json:"purl,omitempty"`
		References   []cdxReference `json:"externalReferences,omitempty"`
		Properties   []cdxProperty  `json:"properties,omitempty"`
		Evidence     *cdxEvidence   `json:"evidence,omitempty"`
	}
	cdxPerson struct {
		Name    string       `json:"name,omitempty"`
		URL     []string     `json:"url,omitempty"`
		Contact []cdxContact `json:"contact,omitempty"`
	}
	cdxContact struct {
		Email string `json:"email"`
	}
	cdxHash struct {
		Algorithm string `json:"alg"`
		Content   string `json:"content"`
	}
	cdxLicense struct {
		License         *cdxLicenseName `json:"license,omitempty"`
		Expression      string          `json:"expression,omitempty"`
		Acknowledgement string          `json:"acknowledgement,omitempty"` // of Expression
	}
	cdxLicenseName struct {
		ID              string `json:"id,omitempty"`
		Name            string `json:"name,omitempty"`
		Acknowledgement string `json:"acknowledgement"`
	}
	cdxReference struct {
		Type   string    `json:"type"`
		URL    string    `json:"url"`
		Hashes []cdxHash `json:"hashes,omitempty"`
	}
	cdxProperty struct {
		Name  string `json:"name"`
		Value string `json:"value"`
	}
	cdxEvidence struct {
		Occurrences []cdxOccurrence `json:"occurrences"`
	}
	cdxOccurrence struct {
		Location string `json:"location"`
	}
	cdxDependency struct {
		Ref       string   `json:"ref"`
		DependsOn []string `json:"dependsOn,omitempty"`
	}
)

// declared says of a licence that the component's own metadata has it.
const declared = "declared"
