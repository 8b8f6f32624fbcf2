#!/bin/bash
# The tests inside the virtual machine of `make e2e-arm64`: see e2e.sh beside it. It goes on after a failure and ends with how many failed.
set -uo pipefail
failed=0

# step NAME COMMAND...: runs and times one test, if /work/run, a regular expression, is in its name.
step() {
  local name=$1 begin=$SECONDS && shift
  grep -qE -f /work/run <<<"$name" || { echo "not run: $name"; return; }
  echo "== $name"
  if "$@"; then echo "ok: $name ($((SECONDS - begin)) s)"; else echo "FAILED: $name ($((SECONDS - begin)) s)"; failed=$((failed + 1)); fi
}

# unit PACKAGE: the unit tests of a package, in its directory.
unit() {
  local flags= && [ "$1" != analyzer/trace ] || flags="-patience 10m"
  (cd "/work/src/$1" && "/work/bin/${1//\//-}.test" -test.timeout 90m -test.v $flags | grep -E '^ *(--- (FAIL|SKIP)|[a-z_]+_test.go|panic|ok|PASS|FAIL|fatal)')
}

# app NAME: slim runs the image, and checks the slim one under its profile. It leaves its files at HOME.
app() {
  local name=$1
  slim build "docker-archive:/work/images/$name.tar" --strict --timeout 10m --report ~/"$name.json" --artifacts ~/"$name.profile" \
    --output "type=oci,dest=$HOME/$name.slim.tar" --progress plain 2>~/log || { tail -50 ~/log; return 1; }
  grep '^slim: ' ~/log
  grep -q "checked: .* identical to the original's" ~/log
}

# as_user COMMAND...: as the ordinary user of this machine.
as_user() { HOME=/home/user SLIM_CACHE=/home/user/cache setpriv --reuid 1000 --regid 1000 --clear-groups "$@"; }

printf 'root:x:0:0:root:/root:/bin/bash\nuser:x:1000:1000::/home/user:/bin/bash\nnobody:x:65534:65534::/nonexistent:/bin/false\n' >/etc/passwd
printf 'root:x:0:\nuser:x:1000:\nnogroup:x:65534:\n' >/etc/group
echo user:100000:65536 | tee /etc/subuid >/etc/subgid
mkdir -p /root /home/user && chown 1000:1000 /home/user && chmod 755 /work
ip link set lo up
mkdir -p /usr/local/bin && cp /work/bin/slim /usr/local/bin/slim
uname -a
slim version

for name in nginx-light python3-flask redis-server; do step "slim build $name" app "$name"; done
step "slim build nginx-light as an ordinary user" as_user bash -c "$(declare -f app); app nginx-light"
for package in analyzer/trace analyzer/elf analyzer/probe layers; do step "$package" unit "$package"; done
df -h / | tail -1
exit "$failed"
