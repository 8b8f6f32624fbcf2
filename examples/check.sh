#!/usr/bin/env bash
# Compares what slim keeps of each example with its want.txt. Run by `make examples`, as root; UPDATE=1 rewrites them.
set -euo pipefail
cd "$(dirname "$0")/.."
failed=0
for want in examples/*/want.txt; do
  dir=$(dirname "$want")
  work=$PWD/.cache/examples/$(basename "$dir")
  mkdir -p "$(dirname "$work")" && rm -rf "$work" && cp -r "$dir" "$work"
  [ ! -x "$work/prepare.sh" ] || (cd "$work" && ./prepare.sh)
  read -ra flags < <(cat "$dir/flags" 2>/dev/null || echo)
  bin/slim analyze --quiet --engine embedded "${flags[@]}" -f "$work/Dockerfile" "$work" | cut -f1 >"$work/got.txt"
  [ -z "${UPDATE:-}" ] || cp "$work/got.txt" "$want"
  if diff -u "$want" "$work/got.txt"; then echo "ok   $dir"; else echo "FAIL $dir"; failed=1; fi
done
exit $failed
