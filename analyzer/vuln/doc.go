// Package vuln matches the packages of an image against a local copy of the OSV vulnerability database, and decides what to do
// about each finding.
//
// Nothing is fetched. The database is a directory of OSV records (https://ossf.github.io/osv-schema/), as the project's own
// exports have them: one all.zip for each ecosystem, or loose JSON files. Records are read one at a time; only those that
// name a wanted package are decoded whole.
package vuln
