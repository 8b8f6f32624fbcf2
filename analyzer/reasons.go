package analyzer

import (
	"slices"
	"strconv"
	"strings"
)

// Rule is why a path is kept, as the words that stand before what it came from: "opened by", "data of". Plans hold these words.
type Rule string

// The rules by which paths are kept. ranked and unranked below say what each means.
const (
	RuleEntrypoint       Rule = "entrypoint"
	RuleHealthCheck      Rule = "health check"
	RuleRunBy            Rule = "run by"
	RuleInterpreterOf    Rule = "interpreter of"
	RuleOpenedBy         Rule = "opened by"
	RuleConnectedToBy    Rule = "connected to by"
	RuleNeededBy         Rule = "needed by"
	RuleReadByLoaderOf   Rule = "read by the loader of"
	RuleLoadedBy         Rule = "loaded by"
	RuleIncluded         Rule = "included"
	RuleCalledBy         Rule = "called by"
	RuleSourcedBy        Rule = "sourced by"
	RuleImportedBy       Rule = "imported by"
	RuleUsedBy           Rule = "used by"
	RuleRequiredBy       Rule = "required by"
	RuleStartedBy        Rule = "started by"
	RuleNamedBy          Rule = "named by"
	RuleReadAsLinkBy     Rule = "read as a link by"
	RuleLookedAtBy       Rule = "looked at by"
	RuleListedBy         Rule = "listed by"
	RuleLinkTargetOf     Rule = "link target of"
	RuleSourceOf         Rule = "source of"
	RuleBytecodeOf       Rule = "bytecode of"
	RuleDataOf           Rule = "data of"
	RulePackageOf        Rule = "package of"
	RuleAskedFor         Rule = "asked for"
	RulePartOf           Rule = "part of the runtime"
	RuleOpenEnded        Rule = "open-ended job"
	RuleFollowedBy       Rule = "followed by"
	RuleWrittenBy        Rule = "written by"
	RuleEnteredBy        Rule = "entered by"
	RuleWorkingDirectory Rule = "working directory"
	RuleAppFile          Rule = "app file"
	RuleIdentity         Rule = "identity"
	RuleVolume           Rule = "volume"
	RuleWrittenByRun     Rule = "written by the run"
	RuleReadAsRoot       Rule = "read by the run as root"
	RuleState            Rule = "state of the application"
	RulePackageRecord    Rule = "package record"
	RuleBillOf           Rule = "bill of materials of"
	RuleCopyrightOf      Rule = "copyright of"
	RuleParentOf         Rule = "parent of"
	RuleSkeleton         Rule = "skeleton"
)

// DropExcluded is the Rule of a dropped path that --exclude names.
const DropExcluded = "excluded"

// DropSensitive is the Rule of a dropped file of credentials, or device, that nothing is known to use.
const DropSensitive = "sensitive"

// The rules that carry a number or a name.
const (
	checkRound = "check round "
	familyRule = "rule "
)

// RuleCheckRound is the rule of a path that round n of the check found missing, counted from 1.
func RuleCheckRound(n int) Rule { return Rule(checkRound + strconv.Itoa(n)) }

// RuleFamily is the rule of a path that an entry of the rule table keeps (rules.Families).
func RuleFamily(name string) Rule { return Rule(familyRule + name) }

// CheckRound is the round of the check that found a path missing, and whether the rule is one of those.
func (r Rule) CheckRound() (int, bool) {
	number, ok := strings.CutPrefix(string(r), checkRound)
	if !ok {
		return 0, false
	}
	n, err := strconv.Atoi(number)
	return n, err == nil
}

// RuleText is one row of the table of rules.
type RuleText struct {
	Rule    Rule
	Meaning string
}

// ranked lists the rules from the one that says most of why a path is needed: what the run did, then what that needs.
var ranked = []RuleText{
	{RuleEntrypoint, "The image's config starts it."},
	{RuleHealthCheck, "The image's HEALTHCHECK starts it."},
	{RuleRunBy, "The run executed it."},
	{RuleInterpreterOf, "The kernel opens it to start a program: the dynamic loader, or what the first line of a script names."},
	{RuleOpenedBy, "The run opened it."},
	{RuleConnectedToBy, "The run connected to this Unix socket."},
	{RuleNeededBy, "A kept ELF file links this library (DT_NEEDED)."},
	{RuleReadByLoaderOf, "The dynamic loader reads it to start a kept ELF file."},
	{RuleLoadedBy, "A kept ELF file calls dlopen and has this library's name among its strings, or nsswitch.conf or a file of PAM names it."},
	{RuleIncluded, "An --include option names it."},
	{checkRound + "N", "Round N of the check found that the slim image lacks it."},
	{RuleCalledBy, "A kept shell script calls this command."},
	{RuleSourcedBy, "A kept shell script sources it."},
	{RuleImportedBy, "A kept Python source imports it."},
	{RuleUsedBy, "A kept Perl source uses it."},
	{RuleRequiredBy, "A kept Ruby or JavaScript source requires it."},
	{RuleStartedBy, "A source of the application starts this program by name, or a kept program that starts others has the name in its data."},
	{RuleNamedBy, "A kept script, source or setting has this absolute path in its text, or a kept program that starts others in its data. " +
		"Of a file of credentials also the end of its path, in the same application or in the image's config."},
	{RuleReadAsLinkBy, "The run read the target of this symlink."},
	{RuleLookedAtBy, "The run called stat on it."},
	{RuleListedBy, "The run listed this directory, or the directory it is in."},
	{RuleLinkTargetOf, "A kept symlink leads to it."},
	{RuleSourceOf, "It is the Python source of a kept bytecode file."},
	{RuleBytecodeOf, "It is valid bytecode of a kept Python source, for a version of Python in use."},
	{RuleDataOf, "It is configuration or data of a package in use."},
	{RulePackageOf, "It belongs to a package in use, under --keep package."},
	{RuleAskedFor, "It is of a package that the image's author asked for by name: a library, or what extends a program that ran."},
	{RulePartOf, "It is of a package from the same source as a program that ran, and in that program's own folder."},
	{RuleOpenEnded, "The job is what the user brings: it is of a package that was asked for or is depended on, or a program of every shell."},
}

// unranked lists the rules that say the least; all have the same strength.
var unranked = []RuleText{
	{RuleFollowedBy, "It is a symlink on the way to a kept path."},
	{RuleWrittenBy, "The run changed it."},
	{RuleEnteredBy, "The run made this directory its working directory."},
	{RuleWorkingDirectory, "The image's config names it as the working directory."},
	{RuleAppFile, "No package owns it, and no junk rule drops it: it is the application's own."},
	{familyRule + "NAME", "The entry NAME of the rule table keeps it, because the kept path after \"for\" is in use, or imports a function " +
		"of the entry."},
	{RuleIdentity, "It says what the system is or who its users are."},
	{RuleVolume, "The image's config names this directory as a volume, and the image does not have it."},
	{RuleWrittenByRun, "The run wrote in this directory; it becomes the user's."},
	{RuleReadAsRoot, "The run read it as root; it becomes the user's."},
	{RuleState, "Its name or its place says that the application writes in it; it becomes the user's."},
	{RulePackageRecord, "It is a record of the kept packages for scanners."},
	{RuleBillOf, "It is the bill of materials of a kept program."},
	{RuleCopyrightOf, "It is the licence of a kept package."},
	{RuleParentOf, "It is a directory above a kept path."},
	{RuleSkeleton, "It is an empty directory, or one of whose files none is kept."},
}

// Rules lists all rules with their meaning, the strongest first. Of a rule with a number or a name the row has "N" or "NAME" in its place.
func Rules() []RuleText { return slices.Concat(ranked, unranked) }

// weak lists the rules that keep a path for the place where it lies, or because it was listed or looked at.
var weak = []Rule{RuleLookedAtBy, RuleListedBy, RuleLinkTargetOf, RuleDataOf, RulePackageOf, RuleAskedFor, RulePartOf, RuleOpenEnded,
	RuleFollowedBy, RuleAppFile, RuleIdentity}

// ShowsUse reports whether the rule shows that something uses a file that it keeps.
func (r Rule) ShowsUse() bool { return !slices.Contains(weak, r) }

// rank orders rules: the strongest has 0, and those of which none is stronger than another have the same.
func (r Rule) rank() int {
	if _, ok := r.CheckRound(); ok {
		r = checkRound + "N"
	}
	if i := slices.IndexFunc(ranked, func(row RuleText) bool { return row.Rule == r }); i >= 0 {
		return i
	}
	return len(ranked)
}
