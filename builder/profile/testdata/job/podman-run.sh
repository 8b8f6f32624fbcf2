#!/bin/sh
# Starts registry.example.com/tools/job:3 confined. More arguments are the program's.
# Warning: no process was recorded: user 65532:65532 is assumed
# Warning: no system calls were recorded: seccomp.json is Docker's default for a container without capabilities
# With AppArmor: apparmor_parser --replace apparmor.profile, and --security-opt apparmor=slim-job
cd -- "$(dirname -- "$0")" || exit 1
exec podman run --rm --read-only --read-only-tmpfs=false --cap-drop ALL --security-opt no-new-privileges --security-opt seccomp=seccomp.json --user 65532:65532 --pids-limit 512 --memory 256m --cpus 1 --network none registry.example.com/tools/job:3 "$@"
