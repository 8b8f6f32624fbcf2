#!/usr/bin/env bash
# image.sh DEBS ROOT CONFIG FILE: writes an image for linux/arm64 as a docker archive. ROOT gets the files of the packages in DEBS, beside what
# is there already, and dpkg's record of them; no script of a package runs. CONFIG is the "config" of the image, JSON.
set -euo pipefail
debs=$1 root=$2 config=$3 file=$4

for dir in bin sbin lib; do mkdir -p "$root/usr/$dir" && ln -sfn "usr/$dir" "$root/$dir"; done # merged /usr, as in Debian 12
mkdir -p "$root/var/lib/dpkg/info" "$root/tmp" "$root/run" "$root/proc" "$root/dev" "$root/etc" && chmod 1777 "$root/tmp"
for deb in "$debs"/*.deb; do
  dpkg-deb --fsys-tarfile "$deb" | tar -C "$root" --keep-directory-symlink -x
  name=$(dpkg-deb --field "$deb" Package)
  same=$(dpkg-deb --field "$deb" Multi-Arch)
  [ "$same" != same ] || name=$name:arm64
  dpkg-deb --fsys-tarfile "$deb" | tar -t | sed 's,^\.,,; s,/$,,; s,^$,/.,' >"$root/var/lib/dpkg/info/$name.list"
  { dpkg-deb --field "$deb" | sed '/^Package:/a Status: install ok installed'; echo; } >>"$root/var/lib/dpkg/status"
done
printf 'root:x:0:0:root:/root:/bin/sh\nwww-data:x:33:33::/var/www:/usr/sbin/nologin\nredis:x:100:100::/var/lib/redis:/usr/sbin/nologin\n' \
  >"$root/etc/passwd"
printf 'root:x:0:\nadm:x:4:\nwww-data:x:33:\nredis:x:100:\n' >"$root/etc/group"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
tar -C "$root" --sort=name --numeric-owner -cf "$work/layer.tar" .
diff=$(sha256sum "$work/layer.tar" | cut -d' ' -f1)
printf '{"architecture":"arm64","os":"linux","config":%s,"rootfs":{"type":"layers","diff_ids":["sha256:%s"]}}' "$config" "$diff" >"$work/config.json"
printf '[{"Config":"config.json","RepoTags":["%s:1"],"Layers":["layer.tar"]}]' "$(basename "$file" .tar)" >"$work/manifest.json"
tar -C "$work" -cf "$file" manifest.json config.json layer.tar
