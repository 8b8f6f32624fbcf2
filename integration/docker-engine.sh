#!/usr/bin/env bash
# Builds the current Docker engine, buildx and Compose from their Go modules, once, and runs a command with a fresh engine, as root:
#
#   integration/docker-engine.sh STORE [COMMAND...]      STORE: containerd or classic
#
# The command gets DOCKER_HOST, DOCKER_CONFIG (with the plug-ins) and SLIM_TEST_DOCKER_STORE. Command and engine have a network namespace
# of their own, with loopback and the engine's bridges alone: an engine of this machine and its filter are not touched. Nothing is left.
set -euo pipefail
store=${1:?containerd or classic}; shift
cache=${SLIM_TEST_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/slim-test}
tools=${SLIM_TEST_DOCKER_TOOLS:-$cache/docker-engine}

MOBY=v2.0.0-beta.24 CONTAINERD=v2.4.2 BUILDX=v0.38.2
COMPOSE=v2.40.3 # later ones need a newer Go

# get PROGRAM PACKAGE@VERSION: some minutes each, the first time. A module that requires only this one: go install refuses modules with
# replace or exclude directives.
get() {
  local stamp="$tools/$1-${2##*@}" module
  [ -e "$stamp" ] && [ -x "$tools/$1" ] && return
  echo "building $1 from $2" >&2
  module=$(mktemp -d)
  (cd "$module" && export CGO_ENABLED=0 GOFLAGS=-buildvcs=false GOWORK=off && go mod init tools && go get "$2" &&
    nice go build -p 2 -ldflags '-s -w' -o "$tools/$1" "${2%@*}") >"$module/log" 2>&1 || { tail -20 "$module/log" >&2; exit 1; }
  rm -rf "$module"
  touch "$stamp"
}
mkdir -p "$tools"
get dockerd github.com/moby/moby/v2/cmd/dockerd@$MOBY
get docker-proxy github.com/moby/moby/v2/cmd/docker-proxy@$MOBY
get containerd github.com/containerd/containerd/v2/cmd/containerd@$CONTAINERD
get containerd-shim-runc-v2 github.com/containerd/containerd/v2/cmd/containerd-shim-runc-v2@$CONTAINERD
get docker-buildx github.com/docker/buildx/cmd/buildx@$BUILDX
get docker-compose github.com/docker/compose/v2/cmd@$COMPOSE
[ $# -gt 0 ] || exit 0

[ "$(id -u)" = 0 ] || { echo "a Docker engine needs root" >&2; exit 1; }
for tool in ip iptables runc docker; do
  command -v $tool >/dev/null || { echo "needs $tool: apt-get install iproute2 iptables runc docker.io" >&2; exit 1; }
done
if [ -z "${_SLIM_ENGINE_NETNS:-}" ]; then
  exec unshare --net --mount env _SLIM_ENGINE_NETNS=1 "$0" "$store" "$@"
fi
ip link set lo up

work=$(mktemp -d "${TMPDIR:-/tmp}/slim-engine-XXXXXX")
engine=
stop() {
  if [ -n "$engine" ]; then
    kill "$engine" 2>/dev/null || true
    wait "$engine" 2>/dev/null || true
  fi
  # What an engine that was killed has left mounted.
  awk -v d="$work/" 'index($5, d) == 1 {print $5}' /proc/self/mountinfo | sort -r | xargs -r umount -l 2>/dev/null || true
  rm -rf "$work"
}
trap stop EXIT
trap 'exit 130' INT TERM

snapshotter=true; [ "$store" = containerd ] || snapshotter=false
getent group docker >/dev/null || groupadd --system docker
# runc before 1.2, which Debian 12 has, knows no time namespaces.
cat >"$work/daemon.json" <<JSON
{"features": {"containerd-snapshotter": $snapshotter, "time-namespaces": false}}
JSON
mkdir -p "$work/docker/cli-plugins"
cp "$tools/docker-buildx" "$tools/docker-compose" "$work/docker/cli-plugins/"
PATH="$tools:$PATH" dockerd --config-file "$work/daemon.json" --data-root "$work/data" --exec-root "$work/exec" --pidfile "$work/pid" \
  --host "unix://$work/docker.sock" --group docker \
  --userland-proxy-path "$tools/docker-proxy" >"$work/log" 2>&1 &
engine=$!
chmod 755 "$work" # ordinary users reach the socket
export DOCKER_HOST="unix://$work/docker.sock" DOCKER_CONFIG="$work/docker" SLIM_TEST_DOCKER_STORE="$store"
for _ in $(seq 300); do
  docker version >/dev/null 2>&1 && break
  kill -0 "$engine" 2>/dev/null || { tail -20 "$work/log" >&2; exit 1; }
  sleep 0.2
done
docker version --format 'Docker {{.Server.Version}}' >/dev/null || { tail -20 "$work/log" >&2; exit 1; }
code=0
"$@" || code=$?
[ $code = 0 ] || grep -iE 'level=(error|fatal)' "$work/log" | tail -5 >&2 || true
exit $code
