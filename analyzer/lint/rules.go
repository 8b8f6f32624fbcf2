package lint

import "slices"

// Rule is one check.
type Rule struct {
	ID     string   `json:"id"`             // stable
	Item   string   `json:"item,omitempty"` // of the checklist; "" for what only other linters check
	Same   []string `json:"same,omitempty"` // ids of the same check in Dockle (CIS-DI, DKL), Trivy (DS), Docker Scout (scout:)
	Title  string   `json:"title"`          // what must be so
	Level  Level    `json:"level"`          // of its findings, unless one says otherwise
	Source string   `json:"source"`         // who asks for it
	Next   string   `json:"next"`           // what to do, unless a finding says otherwise

	// check returns findings; without findings, the reason is why it could not check, "" if it could.
	check func(*facts) (found []Finding, reason string)
}

// Rules lists every rule, in the order of reports.
func Rules() []Rule { return rules() }

// Sources.
const (
	cis      = "CIS Docker Benchmark 1.6, section 4"
	nist     = "NIST SP 800-190, "
	bsi      = "BSI IT-Grundschutz SYS.1.6."
	bsiQA    = "BSI TR-03185-2 "
	ociNames = "OCI image-spec, annotations"
)

// rules is the table.
func rules() []Rule {
	return slices.Concat(baseRules(), buildRules(), componentRules(), secretRules(), userRules(), runtimeRules(), attachedRules(),
		otherRules())
}

func baseRules() []Rule {
	return []Rule{
		{ID: "B1-stray", Item: "B1", Same: []string{"DKL-LI-0003"}, Title: "no files of a workplace", Level: Warning, Source: nist + "4.1.2",
			Next: "list it in .dockerignore, or delete it in the step that makes it", check: checkStray},
		{ID: "B1-cache", Item: "B1", Same: []string{"DKL-DI-0004", "DKL-DI-0005", "DS-0015", "DS-0019", "DS-0020", "DS-0025"},
			Title: "no caches of package managers", Level: Warning, Source: nist + "4.1.2",
			Next: "delete it in the step that fills it, or use a cache mount", check: checkCaches},
		{ID: "B2-name", Item: "B2", Same: []string{"scout:approved-base-images"}, Title: "the base image is named", Level: Note, Source: ociNames,
			Next: "set the label org.opencontainers.image.base.name to the whole reference", check: checkBaseName},
		{ID: "B3-digest", Item: "B3", Same: []string{"scout:up-to-date-base-images"}, Title: "the base image is known by digest", Level: Warning,
			Source: nist + "4.2.2",
			Next:   "write FROM NAME@sha256:..., and set the label org.opencontainers.image.base.digest", check: checkBaseDigest},
		{ID: "B3-latest", Item: "B3", Same: []string{"DKL-DI-0006", "DS-0001"}, Title: "the image's tag says which version it is", Level: Warning,
			Source: nist + "4.2.2",
			Next:   "tag it with its version, refer to it by digest", check: checkLatest},
	}
}

func buildRules() []Rule {
	p9 := func(id string, level Level, title, next string, check func(*facts) ([]Finding, string)) Rule {
		return Rule{ID: id, Item: "P9", Title: title, Level: level, Source: bsiQA + "QA.05", Next: next, check: check}
	}
	return []Rule{
		{ID: "P5-compiler", Item: "P5", Title: "no compilers and build tools", Level: Warning, Source: nist + "4.5.1",
			Next: "build in a stage of its own, and copy the result", check: checkCompilers},
		{ID: "P5-packages", Item: "P5", Title: "no packages that are for building", Level: Warning, Source: nist + "4.5.1",
			Next: "install it in a build stage only", check: checkDevPackages},
		{ID: "P5-headers", Item: "P5", Title: "no headers and static libraries", Level: Note, Source: nist + "4.5.1",
			Next: "build in a stage of its own, and copy the result", check: checkHeaders},
		p9("P9-pie", Warning, "programs are position independent", "build it with -pie (Go: -buildmode=pie)", checkPIE),
		p9("P9-nx", Warning, "no executable stack, no segment that is writable and executable",
			"link it with -z noexecstack, and mark assembler files with .note.GNU-stack", checkNX),
		p9("P9-relro", Note, "relocations are read-only after start", "link it with -z relro -z now", checkRELRO),
		p9("P9-canary", Note, "stack protector", "compile it with -fstack-protector-strong", checkCanary),
		p9("P9-fortify", Note, "FORTIFY_SOURCE", "compile it with -O2 -D_FORTIFY_SOURCE=3", checkFortify),
	}
}

func componentRules() []Rule {
	return []Rule{
		{ID: "C1-os", Item: "C1", Title: "scanners can tell the distribution", Level: Error,
			Source: bsiQA + "QA.01, and what Trivy, Syft and Grype read",
			Next:   "keep the file: without it scanners find no vulnerability of the distribution", check: checkIdentity},
		{ID: "C1-records", Item: "C1", Title: "the package database is there and whole", Level: Error, Source: nist + "4.1.1",
			Next: "keep the package manager's database: without it scanners find nothing", check: checkRecords},
		{ID: "C1-unowned", Item: "C1", Title: "every program and library belongs to a package, or names its own version", Level: Note,
			Source: nist + "4.1.1",
			Next:   "install it as a package, or list it in the bill of materials", check: checkUnowned},
		{ID: "C2-version", Item: "C2", Title: "package URLs can name the distribution's release", Level: Warning, Source: nist + "4.1.1",
			Next: "use a released version of the distribution, whose os-release has VERSION_ID", check: checkRelease},
		{ID: "C3-checksums", Item: "C3", Title: "files are those of their packages", Level: Error,
			Source: "SLSA; dpkg and apk record a checksum of each file",
			Next:   "find out who changed it; change configuration and own files instead of a package's", check: checkSums},
		{ID: "C6-remote", Item: "C6", Title: "no tools for access from outside", Level: Error, Source: bsi + "A16",
			Next: "do not install it; use docker exec, kubectl debug or a mount instead", check: checkRemote},
		{ID: "C6-port", Item: "C6", Same: []string{"DS-0004"}, Title: "the SSH port is not exposed", Level: Error, Source: bsi + "A16",
			Next: "remove EXPOSE 22", check: checkSSHPort},
	}
}

func secretRules() []Rule {
	s1 := func(id, title string, level Level, next string, check func(*facts) ([]Finding, string), same ...string) Rule {
		return Rule{ID: id, Item: "S1", Same: same, Title: title, Level: level, Source: nist + "4.1.4; " + bsi + "A8", Next: next, check: check}
	}
	mount := "give it at run time as a file or a variable, and change it: it is known to all who have the image"
	return []Rule{
		s1("S1-env", "no secrets in the environment", Error, mount, checkSecretEnv, "CIS-DI-0010", "DS-0031"),
		s1("S1-labels", "no secrets in labels", Error, "remove the label, and change the secret", checkSecretLabels, "DS-0031"),
		s1("S1-history", "no secrets in the history", Error, "use RUN --mount=type=secret, and change the secret", checkSecretHistory,
			"CIS-DI-0010", "DS-0031"),
		s1("S1-files", "no secrets in files", Error, mount, checkSecretFiles),
		s1("S1-names", "no files that usually hold secrets", Warning, "mount it at run time instead", checkSecretNames, "CIS-DI-0010"),
	}
}

func userRules() []Rule {
	return []Rule{
		{ID: "R2-user", Item: "R2", Same: []string{"CIS-DI-0001", "DS-0002", "scout:default-non-root-user"}, Title: "the user is not root",
			Level: Error, Source: cis + " (4.1); " + bsi + "A18",
			Next: "USER 65532:65532", check: checkUser},
		{ID: "R2-numeric", Item: "R2", Title: "the user is a number", Level: Warning,
			Source: "Kubernetes runAsNonRoot cannot resolve a user name",
			Next:   "USER 65532:65532", check: checkNumericUser},
		{ID: "R2-high", Item: "R2", Title: "the user's number is above 1000", Level: Note,
			Source: "the guide; kube-score and KSV-0020 ask for more than 10000",
			Next:   "USER 65532:65532", check: checkHighUser},
		{ID: "R2-password", Item: "R2", Same: []string{"DKL-LI-0001"}, Title: "no account without a password", Level: Error,
			Source: "shadow(5), passwd(5)",
			Next:   "lock it: write * or ! as its password", check: checkPasswords},
		{ID: "R2-ids", Item: "R2", Same: []string{"DKL-LI-0002"}, Title: "each uid and gid has one name", Level: Warning,
			Source: "passwd(5), group(5)",
			Next:   "give each account a number of its own", check: checkDuplicateIDs},
		{ID: "R9-readable", Item: "R9", Title: "any user can read the files that the image's user can read", Level: Warning,
			Source: "ig-bvc; OpenShift runs images as any uid of group 0",
			Next:   "chmod -R o+rX, or g+rX and chgrp 0", check: checkReadable},
		{ID: "R9-writable", Item: "R9", Title: "any user of group 0 can write where the image's user can", Level: Note,
			Source: "ig-bvc; OpenShift runs images as any uid of group 0",
			Next:   "chgrp 0 and chmod g=u, or write to a volume", check: checkGroupZero},
		{ID: "R12-setuid", Item: "R12", Same: []string{"CIS-DI-0008"}, Title: "no setuid and setgid files", Level: Warning,
			Source: cis + " (4.8)",
			Next:   "chmod a-s, or remove it", check: checkSetuid},
		{ID: "R12-capabilities", Item: "R12", Title: "no files with capabilities", Level: Warning, Source: bsi + "A18; capabilities(7)",
			Next: "setcap -r, or list in the deployment why it is needed", check: checkCapabilities},
		{ID: "R12-sudo", Item: "R12", Same: []string{"DKL-DI-0001", "DS-0010"}, Title: "no sudo", Level: Error, Source: bsi + "A18",
			Next: "use USER for the steps that need root, and remove sudo", check: checkSudo},
	}
}

func runtimeRules() []Rule {
	return []Rule{
		{ID: "R1-labels", Item: "R1", Title: "labels describe the image and its needs", Level: Note, Source: nist + "5.3; " + bsi + "A15",
			Next: "set the label", check: checkLabels},
		{ID: "R4-writable", Item: "R4", Title: "nobody may replace the files of others", Level: Warning, Source: bsi + "A23",
			Next: "chmod o-w, or +t where everybody must write", check: checkWorldWritable},
		{ID: "R5-temporary", Item: "R5", Title: "no temporary files", Level: Note, Source: bsi + "A23",
			Next: "delete it in the step that makes it; mount a tmpfs there", check: checkTemporary},
		{ID: "R8-health", Item: "R8", Same: []string{"CIS-DI-0006", "DS-0026"}, Title: "a health check", Level: Note, Source: cis + " (4.6)",
			Next: "HEALTHCHECK CMD [\"PROGRAM\", ...], or probes in the deployment", check: checkHealth},
		{ID: "R8-exec", Item: "R8", Title: "the health check needs no shell, and its program is there", Level: Warning,
			Source: "a health check in shell form dies with the shell",
			Next:   "HEALTHCHECK CMD [\"PROGRAM\", ...]", check: checkHealthForm},
		{ID: "R10-shell", Item: "R10", Title: "no shell", Level: Warning, Source: bsi + "A9",
			Next: "remove it: slim build IMAGE keeps none that the application does not start", check: checkShells},
		{ID: "R10-manager", Item: "R10", Title: "no package manager", Level: Warning, Source: bsi + "A9",
			Next: "remove it: slim build IMAGE keeps none, and keeps its database", check: checkManagers},
		{ID: "R10-start", Item: "R10", Title: "the program is started without a shell", Level: Note,
			Source: bsi + "A9; a shell does not pass signals on",
			Next:   "write ENTRYPOINT and CMD as JSON lists", check: checkStart},
		{ID: "R14-logs", Item: "R14", Title: "no log files", Level: Note, Source: bsi + "A7",
			Next: "log to standard output, or link it to /dev/stdout", check: checkLogs},
	}
}

func attachedRules() []Rule {
	return []Rule{
		{ID: "P3-provenance", Item: "P3", Same: []string{"scout:supply-chain-attestations"}, Title: "provenance is attached", Level: Warning,
			Source: "SLSA build track",
			Next:   "build with provenance (buildx: --provenance=mode=max)", check: checkProvenance},
		{ID: "P4-signature", Item: "P4", Title: "a signature is attached", Level: Warning, Source: nist + "4.1.5; " + bsi + "A12",
			Next: "sign it (cosign sign)", check: checkSignature},
		{ID: "M1-sbom", Item: "M1", Same: []string{"scout:supply-chain-attestations"}, Title: "a bill of materials is attached", Level: Warning,
			Source: nist + "4.1.1; " + bsi + "A14",
			Next:   "slim build attaches one; slim sbom writes one to attest (cosign attest --type cyclonedx)", check: checkBill},
		{ID: "M3-vex", Item: "M3", Title: "a VEX document is attached", Level: Note, Source: nist + "4.1.1; " + bsi + "A14",
			Next: "slim scan IMAGE --format openvex writes one to attest (cosign attest --type openvex)", check: checkVEX},
	}
}

// otherRules are of other linters, and of no item of the guide.
func otherRules() []Rule {
	return []Rule{
		{ID: "L-add", Same: []string{"CIS-DI-0009", "DS-0005"}, Title: "COPY instead of ADD", Level: Note, Source: cis + " (4.9)",
			Next: "use COPY, or ADD --checksum for a download", check: checkADD},
		{ID: "L-update", Same: []string{"CIS-DI-0007", "DS-0017"}, Title: "no update of package lists without an installation", Level: Warning,
			Source: cis + " (4.7)",
			Next:   "write update and install in one RUN", check: checkUpdateAlone},
		{ID: "L-upgrade", Same: []string{"DKL-DI-0003", "DS-0024"}, Title: "no dist-upgrade", Level: Warning, Source: "Dockle",
			Next: "take a newer base image", check: checkDistUpgrade},
		{ID: "L-recommends", Same: []string{"DS-0029"}, Title: "no packages that are only recommended", Level: Note, Source: "Trivy",
			Next: "apt-get install --no-install-recommends", check: checkRecommends},
		{ID: "L-fetchers", Same: []string{"DS-0014"}, Title: "one program for downloads", Level: Note, Source: "Trivy",
			Next: "use either curl or wget, or ADD --checksum", check: checkFetchers},
		{ID: "L-maintainer", Same: []string{"DS-0022"}, Title: "no MAINTAINER", Level: Note, Source: "Trivy; Docker has deprecated it",
			Next: "set the label org.opencontainers.image.authors", check: checkMaintainer},
		{ID: "L-workdir", Same: []string{"DS-0009"}, Title: "the working directory is absolute", Level: Error, Source: "Trivy",
			Next: "write WORKDIR with a leading slash", check: checkWorkdir},
		{ID: "L-volumes", Same: []string{"DKL-DI-0002"}, Title: "no volumes on /dev, /proc and /sys", Level: Error, Source: "Dockle",
			Next: "remove the VOLUME", check: checkVolumes},
		{ID: "L-ports", Same: []string{"DS-0008"}, Title: "exposed ports exist", Level: Error, Source: "Trivy",
			Next: "EXPOSE a number from 1 to 65535", check: checkPorts},
	}
}
