package sbom

// Labels that say something about an image (OCI image-spec, annotations.md).
const (
	labelAuthors  = "org.opencontainers.image.authors"
	labelVendor   = "org.opencontainers.image.vendor"
	labelLicenses = "org.opencontainers.image.licenses"
	labelSource   = "org.opencontainers.image.source"
	labelURL      = "org.opencontainers.image.url"
)

// Labels are the names of the labels that Options.Labels is read for.
var Labels = []string{labelAuthors, labelVendor, labelLicenses, labelSource, labelURL}

// image is what the document says about the image itself.
func (d *Document) image() Package {
	labels := map[string]string{}
	for _, key := range Labels {
		if value := d.opt.Labels[key]; plausible(value) {
			labels[key] = value
		}
	}
	pkg := Package{Licenses: licenseTerms(labels[labelLicenses]), Homepage: labels[labelURL], SourceURL: sourceURL(labels[labelSource]),
		Supplier: labels[labelVendor], Kind: &Kind{Archive: true, Structured: true}}
	if pkg.Supplier == "" {
		pkg.Supplier = labels[labelAuthors]
	}
	for _, f := range d.Files {
		pkg.Kind.Executable = pkg.Kind.Executable || f.Kind.Executable
	}
	return pkg
}
