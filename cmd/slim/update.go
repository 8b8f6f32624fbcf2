package main

import (
	"strings"

	fresh "github.com/slimimage/slim/analyzer/update"
	"github.com/slimimage/slim/builder"
)

// checkUpdate refuses what --update does not go with.
func checkUpdate(opt builder.Options) error {
	switch mode := opt.Update.Mode; {
	case mode == "" && opt.Update.From != "":
		return usagef("example: slim build --update --update-from debian:12 IMAGE", "--update-from needs --update")
	case mode == "":
		return nil
	case len(opt.Evidence) > 0:
		return usagef("leave out --evidence: the updated image is observed", "--evidence is of the image as it was, and not of the updated one")
	case strings.Contains(opt.Platform, ","):
		return usagef("build each platform on its own, on an engine of that platform",
			"--update is of one platform: the packages of an image that the engine cannot run are not updated")
	case mode == string(fresh.Fixable) && opt.Scan == nil && opt.Locked == nil:
		return usagef("example: slim build --update=fixable --vuln-db DIR IMAGE", "--update=fixable needs --vuln-db, which says what is fixable")
	}
	return nil
}
