#!/bin/sh
# Makes rootfs.tar, a Debian with nginx, in the current folder.
exec mmdebstrap --quiet --variant=minbase --include=nginx-light bookworm rootfs.tar
