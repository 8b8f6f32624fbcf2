// Package keep decides which paths of an image are kept: evidence in, plan out. It starts no process, uses no network and reads no
// clock, and the same image, request and evidence give the same plan.
//
// Plan runs two steps. First the worklist (worklist.go) collects the paths that are needed, each with its reasons, until nothing new
// comes. Then the planner (plan.go) turns them into a plan. Each file decides one thing:
//
//	image.go     the root filesystem, listed once
//	platform.go  evidence of one platform, translated to another
//	worklist.go  the queue of kept paths, and where a kept symlink leads
//	seed.go      what is kept to begin with: the entrypoint, what the run used, --include, the application's own files
//	binaries.go  what an ELF file needs: libraries, the loader and its files; nss.go: the modules of the name service switch
//	imports.go   what the functions reach that an ELF file imports; helpers.go: the programs that it starts; calls.go: its system calls
//	scripts.go   what a shell script calls, and the interpreter of a script; words.go: scripts in other languages
//	literals.go  what a source or a setting names by path or by command
//	packages.go  the data and the settings of a package in use
//	asked.go     what the image's author asked for; extends.go: what extends a program that ran; openended.go: jobs that the user brings
//	clr.go       what a .NET assembly names
//	families.go  the rule tables of analyzer/rules: what a runtime reaches, and what is not for run time
//	language.go  which language a source is of and whether its interpreter is kept; python.go, perl.go, ruby.go, node.go and jvm.go: the
//	             modules that it imports; pythondist.go: what Python distributions require and advertise; bytecode.go: valid .pyc files
//
//	plan.go      the files of the plan, the directories, the sums
//	crontab.go   what the jobs of cron start
//	user.go      who the slim image runs as
//	privilege.go whether evidence carries giving up root
//	state.go     where an application that ran as root may write
//	rights.go    owners and modes: what becomes the user's, setuid bits, file capabilities
//	records.go   the package databases, with the kept packages only
//	layers.go    which layer a path is in
//
// A new rule about a runtime is a row in analyzer/rules and needs no code here. A new language is a row in rules.Runtimes, a file with
// its state, an entry of readers and a field of worklist. A new reason is a constant in analyzer/reasons.go; TestReasonTable lists it in
// docs/design.md.
package keep
