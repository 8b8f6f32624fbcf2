#!/bin/sh
# Rebuilds on a schedule, only when there is a reason: the base has moved, or newer packages close findings.
#   examples/ci/nightly.sh slim.lock examples/ci/slim.sh registry.example.com/app:2 --tag registry.example.com/app:2-slim --push
# The first argument is what slim check takes: a lock, or the image that was built last. The rest is the command that rebuilds it. OSV_DIR names
# a directory of OSV exports, WITHIN the days before the end of an accepted risk from which it is due (default 14).
set -eu

subject=$1
shift
out=slim-out
mkdir -p "$out"

code=0
if [ -n "${OSV_DIR:-}" ]; then
  slim check "$subject" --vuln-db "$OSV_DIR" --within "${WITHIN:-14}" --sarif "$out/drift.sarif" --summary "$out/summary.md" || code=$?
else
  slim check "$subject" --within "${WITHIN:-14}" --sarif "$out/drift.sarif" --summary "$out/summary.md" || code=$?
fi

# 0: nothing to do. 4: rebuild. 5: somebody has to decide, and the job fails to say so. Anything else: it could not be found out.
case $code in
  0) ;;
  4) exec "$@" ;;
  *) exit "$code" ;;
esac
