#!/bin/sh
# box.sh COMMAND...: runs a command as root where podman finds what it expects of a machine and leaves nothing behind: mounts, processes, a network
# and a store of its own. Run by `make e2e-podman`.
set -eu
if [ "${SLIM_PODMAN_BOX:-}" = "" ]; then
  SLIM_PODMAN_BOX=/tmp/slim-box-$$ # lower case: a name of an image may contain it
  mkdir -m 755 "$SLIM_PODMAN_BOX"
  export SLIM_PODMAN_BOX
  status=0
  unshare --mount --net --pid --fork --kill-child --mount-proc "$0" "$@" || status=$?
  rm -rf "$SLIM_PODMAN_BOX"
  exit "$status"
fi
ip link set lo up
# crun refuses a cgroup2 with controllers beside cgroup1 (hybrid).
if grep -qs . /sys/fs/cgroup/unified/cgroup.controllers; then umount /sys/fs/cgroup/unified; fi
for dir in /run/netns /run/podman /run/containers /run/libpod /run/crun /var/lib/containers /var/lib/cni /etc/containers/networks; do
  mkdir -p "$dir"
  mount -t tmpfs tmpfs "$dir"
done
if [ -e /dev/net/tun ]; then # slirp4netns opens it as an ordinary user
  mknod -m 666 "$SLIM_PODMAN_BOX/tun" c 10 200
  mount --bind "$SLIM_PODMAN_BOX/tun" /dev/net/tun
fi
mount --make-rshared /
# Without CAP_SYS_RESOURCE, podman's own limits of root's containers cannot be set: 1048576 files and 4194304 processes.
for runtime in crun runc; do
  cat >"$SLIM_PODMAN_BOX/$runtime.conf" <<CONF
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
[engine]
runtime = "$runtime"
cgroup_manager = "cgroupfs"
events_logger = "file"
CONF
done
exec "$@"
