#!/bin/sh
# Slims IMAGE in any CI, and fails when the result is not good enough. Flags of `slim build` may follow the name.
#   examples/ci/slim.sh registry.example.com/app:2 --tag registry.example.com/app:2-slim --push
# Needs slim on PATH and nothing else: no Docker, no root (docs/ci.md). What it leaves is in slim-out/: the report, the artifacts, the findings
# as SARIF, a summary in Markdown. OSV_DIR names a directory of OSV exports (ECOSYSTEM/all.zip) to compare with.
set -eu

image=$1
shift
out=slim-out
cache=${SLIM_CI_CACHE:-.slim-cache}
mkdir -p "$out" "$cache"

# What BuildKit had to do for the last build of this image is not done again.
cached=--cache-to=type=local,dest=$cache/new,mode=max
if [ -f "$cache/last/index.json" ]; then
  set -- --cache-from "type=local,src=$cache/last" "$@"
fi

# Exit codes: 1 failure, 2 wrong usage, 3 the image did not run or its slim version does not answer like it. Each fails the job.
slim build "$image" "$cached" --output "type=oci,dest=$out/slim.oci.tar" --artifacts "$out/artifacts" --report "$out/report.json" --summary "$out/summary.md" --progress plain "$@"
rm -rf "$cache/last"
mv "$cache/new" "$cache/last"

# First the findings for whoever shows them, then the gates.
slim lint "oci-archive:$out/slim.oci.tar" --format sarif -o "$out/lint.sarif"
slim lint "oci-archive:$out/slim.oci.tar" --fail-on error
if [ -n "${OSV_DIR:-}" ]; then
  slim scan "oci-archive:$out/slim.oci.tar" --vuln-db "$OSV_DIR" --before "$image" --format sarif -o "$out/scan.sarif"
  slim scan "oci-archive:$out/slim.oci.tar" --vuln-db "$OSV_DIR" --before "$image" --fail-on high
fi
