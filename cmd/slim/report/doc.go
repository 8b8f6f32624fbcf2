// Package report turns results into words. A result goes in, lines of text or Markdown come out; the page (package html below it) uses the
// same words. Nothing here prints: cmd/slim does, and passes each line of text through printable.Text as it does so. Markdown is escaped
// here.
package report
