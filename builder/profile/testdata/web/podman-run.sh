#!/bin/sh
# Starts registry.example.com/team/web:2 confined. More arguments are the program's.
# Warning: /var/log/web is written to and holds files of the image: docker and compose copy them into a volume, Kubernetes needs a volume that has them
# Warning: a port below 1024 is opened by an ordinary user: the sysctl net.ipv4.ip_unprivileged_port_start=0 allows it
# Warning: the program wrote in /etc, which stays read-only: give it another place
# Ports below 1024 are published 8000 higher, because podman may run without root: 80 as 8080.
# With AppArmor: apparmor_parser --replace apparmor.profile, and --security-opt apparmor=slim-web
cd -- "$(dirname -- "$0")" || exit 1
exec podman run --rm --read-only --read-only-tmpfs=false --tmpfs /run:rw,noexec,nosuid,nodev,size=64m,mode=0755,notmpcopyup,U --tmpfs /tmp:rw,noexec,nosuid,nodev,size=64m,mode=1777,notmpcopyup,U --tmpfs /var/cache/web:rw,noexec,nosuid,nodev,size=64m,mode=0755,notmpcopyup,U --volume /var/log/web --cap-drop ALL --security-opt no-new-privileges --security-opt seccomp=seccomp.json --user 33:33 --sysctl net.ipv4.ip_unprivileged_port_start=0 --pids-limit 512 --memory 160m --cpus 1 --publish 127.0.0.1:8080:80/tcp --publish 127.0.0.1:8125:8125/udp registry.example.com/team/web:2 "$@"
