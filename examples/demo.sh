#!/usr/bin/env bash
# Makes an example image from Debian packages, slims it with the BuildKit inside slim, runs the result and shows before and
# after. With Docker it is loaded and run there, without it runs in runc. Run by `make demo`, as root.
set -euo pipefail
cd "$(dirname "$0")/.."
work=$PWD/.cache/demo
slim=$PWD/bin/slim
port=18080
mkdir -p "$work"

die() { echo "demo: $*" >&2; exit 1; }
say() { printf '\n== %s\n' "$*"; }

# need PROGRAM PACKAGE: installs what is missing.
need() {
  command -v "$1" >/dev/null && return
  [ "$(id -u)" = 0 ] || die "$1 is missing: run this as root, or apt-get install $2"
  [ -n "${updated:-}" ] || { apt-get update -q; updated=yes; }
  DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "$2"
}

# get HOST PORT PATH: the answer to one HTTP request, without curl.
get() {
  exec 3<>"/dev/tcp/$1/$2" || return 1
  printf 'GET %s HTTP/1.0\r\nHost: demo\r\n\r\n' "$3" >&3
  cat <&3
  exec 3>&-
}

# wait_for HOST: until the server answers.
wait_for() {
  for _ in $(seq 50); do
    (get "$1" $port /) >/dev/null 2>&1 && return
    sleep 0.2
  done
  die "the slim image does not answer on $1:$port"
}

# bundle DIR USER: a runc bundle that runs the slim image's command on the host's network.
bundle() {
  cat >"$1/config.json" <<JSON
{ "ociVersion": "1.0.2",
  "root": { "path": "rootfs" },
  "process": { "cwd": "/", "args": ["nginx", "-g", "daemon off;"], "noNewPrivileges": true,
    "env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],
    "user": { "uid": ${2%:*}, "gid": ${2#*:} }, "capabilities": {} },
  "mounts": [
    { "destination": "/proc", "type": "proc", "source": "proc" },
    { "destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "mode=755"] } ],
  "linux": { "namespaces": [ { "type": "pid" }, { "type": "mount" }, { "type": "ipc" }, { "type": "uts" } ] } }
JSON
}

need runc runc
need mmdebstrap mmdebstrap

if [ ! -f "$work/context/rootfs.tar" ]; then
  say "an example image: nginx from Debian packages"
  rm -rf "$work/context" "$work/new" && cp -r examples/nginx "$work/new"
  (cd "$work/new" && ./prepare.sh)
  mv "$work/new" "$work/context"
fi

if command -v docker >/dev/null && docker info >/dev/null 2>&1; then
  say "slim build -f Dockerfile . --tag slim-demo:slim --load"
  "$slim" build --engine embedded -f "$work/context/Dockerfile" "$work/context" --tag slim-demo:slim --load --report "$work/report.json"
  say "docker run slim-demo:slim"
  id=$(docker run -d --rm slim-demo:slim)
  trap 'docker rm -f "$id" >/dev/null' EXIT
  host=$(docker inspect -f '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}' "$id")
else
  say "slim build -f Dockerfile . --output type=oci,dest=slim.oci.tar --output type=tar,dest=rootfs.tar"
  "$slim" build --engine embedded -f "$work/context/Dockerfile" "$work/context" --tag slim-demo:slim --report "$work/report.json" \
    --output "type=oci,dest=$work/slim.oci.tar" --output "type=tar,dest=$work/rootfs.tar"
  say "runc run, on the unpacked image"
  rm -rf "$work/bundle" && mkdir -p "$work/bundle/rootfs"
  tar -xpf "$work/rootfs.tar" -C "$work/bundle/rootfs"
  user=$(sed -n 's/.*"user": "\([0-9]*:[0-9]*\)".*/\1/p' "$work/report.json" | head -1)
  bundle "$work/bundle" "${user:-65532:65532}"
  runc delete -f slim-demo >/dev/null 2>&1 || true
  runc run -b "$work/bundle" slim-demo >"$work/nginx.log" 2>&1 &
  trap 'runc kill slim-demo KILL >/dev/null 2>&1; wait; runc delete -f slim-demo >/dev/null 2>&1 || true' EXIT
  host=127.0.0.1
fi

wait_for "$host"
say "GET /"
get "$host" $port / | tail -4
say "before and after"
sed -n '/"before": {/,/}/p; /"after": {/,/}/p' "$work/report.json" | tr -d ' \n"{}' | sed 's/before:/before: /; s/,after:/\nafter:  /; s/files:/files /g; s/,bytes:/, bytes /g; s/,$//'
echo
