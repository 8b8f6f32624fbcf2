package lint_test

import (
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/slimimage/slim/layers"
)

const accounts = "-- etc/passwd --\nroot:x:0:0:root:/root:/sbin/nologin\napp:x:500:500::/app:/sbin/nologin\n-- etc/group " +
	"--\nroot:x:0:\napp:x:500:\n"

func user(name string) v1.Config { return v1.Config{User: name} }

var userRows = map[string]row{
	"R2-user": {
		bad:  image{tree: accounts, config: user("0:500")},
		want: []string{`error config.User: "0:500" is root`},
		good: image{tree: accounts, config: user("app")},
	},
	"R2-numeric": {
		bad:  image{tree: accounts, config: user("app:500")},
		want: []string{`warning config.User: "app:500" is a name: nobody but the image knows its number`},
		good: image{config: user("65532")},
	},
	"R2-high": {
		bad:  image{tree: accounts, config: user("app")},
		want: []string{"note config.User: uid 500 may be somebody on the host"},
		good: image{config: user("65532:0")},
	},
	"R2-password": {
		bad:  image{tree: "-- etc/passwd --\nroot::0:0:::\n-- etc/shadow --\nroot:*:1::::::\napp::1::::::\n"},
		want: []string{`error /etc/passwd: "root" has no password`, `error /etc/shadow: "app" has no password`},
		good: image{tree: "-- etc/passwd --\nroot:x:0:0:::\n-- etc/shadow --\nroot:*:1::::::\n"},
	},
	"R2-ids": {
		bad:  image{tree: "-- etc/passwd --\nroot:x:0:0:::\ntoor:x:0:0:::\n-- etc/group --\na:x:5:\nb:x:5:\n"},
		want: []string{`warning /etc/passwd: "root" and "toor" have the same uid 0`, `warning /etc/group: "a" and "b" have the same gid 5`},
		good: image{tree: accounts},
	},
	"R9-readable": {
		bad: image{config: user("500:500"), tree: "dir a\nfile a/in\ndir a-b\nfile a.txt\nmode a.txt 640\nowner a.txt 500:500\nfile " +
			"zero\nmode zero 640\nowner zero 500:0\nmode a 700\nowner a 500:500\nfile other\nmode other 600\ndir empty\nmode empty 700\nowner " +
			"empty 500:500\n"},
		want: []string{"warning /a: only uid 500 and gid 500 may read it (-rwx------)",
			"warning /a.txt: only uid 500 and gid 500 may read it (-rw-r-----)"},
		good: image{config: user("500:500"), tree: "file a\n"},
	},
	"R9-writable": {
		bad: image{config: user("500:500"), tree: "dir data\nowner data 500:500\ndir data/in\nowner data/in 500:500\ndir data-2\nowner " +
			"data-2 500:0\nmode data-2 775\n"},
		want: []string{"note /data: of all users, only uid 500 may write to it"},
		good: image{config: user("500"), tree: "dir data\nmode data 1777\nowner data 500:500\n"},
	},
	"R12-setuid": {
		bad: image{tree: "file bin/su\nmode bin/su 4755\nfile bin/wall\nmode bin/wall 2755\nowner bin/wall 0:5\ndir var/mail\nmode var/mail " +
			"2775\n"},
		want: []string{"warning /bin/su: it runs as uid 0, whoever starts it", "warning /bin/wall: it runs as gid 5, whoever starts it"},
		good: image{tree: "file bin/su\nmode bin/su 755\n"},
	},
	"R12-capabilities": {
		bad:  image{tree: "file bin/ping\nfile capable\n", capable: "capable"},
		want: []string{"warning /capable: it has rights of root, whoever starts it"},
		good: image{tree: "file bin/ping\n"},
	},
	"R12-sudo": {
		bad: image{tree: "file usr/bin/sudo\nmode usr/bin/sudo 755\n", history: []string{"RUN /bin/sh -c true && sudo make install # buildkit"}},
		want: []string{"error /usr/bin/sudo: sudo makes a user root",
			`error history[0]: a step uses sudo: "RUN /bin/sh -c true && sudo make install"`},
		good: image{history: []string{"RUN /bin/sh -c echo no-sudo # buildkit"}},
	},
}

var runtimeRows = map[string]row{
	"R1-labels": {
		bad: image{config: v1.Config{Labels: map[string]string{"org.opencontainers.image.title": "x",
			"org.opencontainers.image.resource.cpu": "1"}}},
		want: []string{"note config.Labels: org.opencontainers.image.description is not set",
			"note config.Labels: org.opencontainers.image.resource.memory is not set",
			"note config.Labels: org.opencontainers.image.resource.ephemeral-storage is not set"},
		good: image{config: v1.Config{Labels: map[string]string{"org.opencontainers.image.title": "x",
			"org.opencontainers.image.description": "x", "org.opencontainers.image.resource.cpu": "1",
			"org.opencontainers.image.resource.memory": "1", "org.opencontainers.image.resource.ephemeral-storage": "1"}}},
	},
	"R4-writable": {
		bad: image{tree: "mode . 777\ndir a\nmode a 777\nfile b\nmode b 666\ndir tmp\nmode tmp 1777\nsymlink l -> a\n"},
		want: []string{"warning /: everybody may replace its entries: it is not sticky",
			"warning /a: everybody may replace its entries: it is not sticky", "warning /b: everybody may write to it"},
		good: image{tree: "dir tmp\nmode tmp 1777\n"},
	},
	"R5-temporary": {
		bad:  image{tree: "-- tmp/x --\n12\n-- run/pid --\n1\n"},
		want: []string{"note /run/pid: a temporary file of 2 bytes", "note /tmp/x: a temporary file of 3 bytes"},
		good: image{tree: "dir tmp/x\n"},
	},
	"R8-health": {
		bad:  image{config: v1.Config{Healthcheck: &v1.HealthConfig{Test: []string{"NONE"}}}},
		want: []string{"note config.Healthcheck: it is missing"},
		good: image{config: v1.Config{Healthcheck: &v1.HealthConfig{Test: []string{"CMD", "/x"}}},
			history: []string{`HEALTHCHECK &{["CMD" "/x"]}`}},
	},
	"R8-exec": {
		bad:  image{config: v1.Config{Healthcheck: &v1.HealthConfig{Test: []string{"CMD-SHELL", "x"}}}},
		want: []string{`error config.Healthcheck: it is in shell form, and the image has no "/bin/sh"`},
		good: image{tree: "file opt/x\n", config: v1.Config{Healthcheck: &v1.HealthConfig{Test: []string{"CMD", "x"}},
			Env: []string{"PATH=/bin:/opt"}}},
	},
	"R10-shell": {
		bad:  image{tree: "file bin/bash\nmode bin/bash 755\nsymlink bin/sh -> bash\n"},
		want: []string{"warning /bin/bash: bash is a shell", "warning /bin/sh: sh is a shell (a link to /bin/bash)"},
		good: image{tree: "symlink bin/sh -> bash\ndir usr/bin/bash\nfile etc/zsh\nmode etc/zsh 755\n"},
	},
	"R10-manager": {
		bad:  image{tree: "file usr/bin/apt\nmode usr/bin/apt 755\nfile usr/local/bin/pip3.11\nmode usr/local/bin/pip3.11 755\n"},
		want: []string{"warning /usr/bin/apt: apt is a package manager", "note /usr/local/bin/pip3.11: pip3.11 is a language's package manager"},
		good: image{tree: "file var/lib/dpkg/status\n"},
	},
	"R10-start": {
		bad:  image{config: v1.Config{Entrypoint: []string{"/bin/sh", "-ec", "exec x"}}},
		want: []string{"note config.Entrypoint: it is in shell form"},
		good: image{config: v1.Config{Entrypoint: []string{"/bin/sh"}, Cmd: []string{"/start.sh", "x"}}},
	},
	"R14-logs": {
		bad:  image{tree: "file var/log/app/x.log\n"},
		want: []string{"note /var/log/app/x.log: a log file, not a link to standard output"},
		good: image{tree: "symlink var/log/x.log -> /dev/stdout\n"},
	},
}

func attached(predicates ...string) image {
	return image{attached: &layers.Attached{Predicates: predicates}}
}

var attachedRows = map[string]row{
	"P3-provenance": {
		bad: attached("https://spdx.dev/Document"), want: []string{"warning attestations: no provenance is attached"},
		good: attached("https://slsa.dev/provenance/v1"),
	},
	"P4-signature": {
		bad: attached("https://slsa.dev/provenance/v1"), want: []string{"warning signatures: no signature is attached"},
		good: image{attached: &layers.Attached{Signed: true}},
	},
	"M1-sbom": {
		bad: attached("https://spdx.dev/DocumentX"), want: []string{"warning attestations: no bill of materials is attached"},
		good: attached("https://cyclonedx.org/bom/v1.6"),
	},
	"M3-vex": {
		bad: attached(), want: []string{"note attestations: no VEX document is attached"}, good: attached("https://openvex.dev/ns/v0.2.0"),
	},
}

var otherRows = map[string]row{
	"L-add": {
		bad:  image{history: []string{"ADD rootfs.tar / # buildkit", "/bin/sh -c #(nop) ADD file:x in /app "}},
		want: []string{`note history[1]: ADD: "/bin/sh -c #(nop) ADD file:x in /app"`},
		good: image{history: []string{"/bin/sh -c #(nop) ADD file:x in / ", "COPY x / # buildkit"}},
	},
	"L-update": {
		bad:  image{history: []string{"RUN /bin/sh -c apt-get update # buildkit"}},
		want: []string{`warning history[0]: the next step may use an old list: "RUN /bin/sh -c apt-get update"`},
		good: image{history: []string{"RUN /bin/sh -c apt-get update && apt-get -y install x # buildkit"}},
	},
	"L-upgrade": {
		bad:  image{history: []string{"RUN /bin/bash -c set -e; apt-get -y dist-upgrade # buildkit"}},
		want: []string{`warning history[0]: it may remove packages: "RUN /bin/bash -c set -e; apt-get -y dist-upgrade"`},
		good: image{history: []string{"RUN /bin/sh -c apt-get upgrade # buildkit"}},
	},
	"L-recommends": {
		bad:  image{history: []string{"|1 A=b /bin/sh -c apt-get install -y x"}},
		want: []string{`note history[0]: it also installs recommended packages: "|1 A=b /bin/sh -c apt-get install -y x"`},
		good: image{history: []string{"RUN /bin/sh -c apt-get install -y --no-install-recommends x"}},
	},
	"L-fetchers": {
		bad:  image{history: []string{"RUN /bin/sh -c curl https://a", "RUN /bin/sh -c wget https://a"}},
		want: []string{`note history[1]: another step uses curl: "RUN /bin/sh -c wget https://a"`},
		good: image{history: []string{"RUN /bin/sh -c wget https://a"}},
	},
	"L-maintainer": {
		bad:  image{history: []string{"/bin/sh -c #(nop)  MAINTAINER me"}},
		want: []string{`note history[0]: it is deprecated: "/bin/sh -c #(nop)  MAINTAINER me"`},
		good: image{history: []string{"LABEL maintainer=me"}},
	},
	"L-workdir": {
		bad:  image{config: v1.Config{WorkingDir: "app"}},
		want: []string{`error config.WorkingDir: "app" is relative`},
		good: image{config: v1.Config{WorkingDir: "/app"}},
	},
	"L-volumes": {
		bad:  image{config: v1.Config{Volumes: map[string]struct{}{"/proc/x": {}, "/data": {}}}},
		want: []string{`error config.Volumes: "/proc/x" is the kernel's`},
		good: image{config: v1.Config{Volumes: map[string]struct{}{"/process": {}}}},
	},
	"L-ports": {
		bad:  image{config: v1.Config{ExposedPorts: map[string]struct{}{"70000/tcp": {}, "80-81/tcp": {}, "x": {}}}},
		want: []string{`error config.ExposedPorts: "70000/tcp" is not a port`, `error config.ExposedPorts: "x" is not a port`},
		good: image{config: v1.Config{ExposedPorts: map[string]struct{}{"8080": {}}}},
	},
}
