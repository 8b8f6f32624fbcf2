#!/usr/bin/env bash
# Makes a virtual machine with Debian's arm64 kernel and packages, and tests slim in it; guest.sh is what runs inside. It needs root, Go,
# qemu-system-aarch64, mmdebstrap, mke2fs and cpio. Run by `make e2e-arm64`. ARM64_DIR is where it works (.cache/arm64); what
# was downloaded stays there; with QEMU's monitor, the socket "monitor", the machine can be stopped for a while. RUN, a regular expression, chooses tests by their names.
set -euo pipefail
cd "$(dirname "$0")/../.."
src=$PWD/integration/arm64
dir=${ARM64_DIR:-$PWD/.cache/arm64}
apps="nginx-light python3-flask redis-server"

die() { echo "e2e-arm64: $*" >&2; exit 1; }
for program in go qemu-system-aarch64 mmdebstrap mke2fs cpio; do command -v "$program" >/dev/null || die "$program is missing"; done
[ "$(id -u)" = 0 ] || die "run this as root: the files of the machine have owners"
mkdir -p "$dir/debs"

# apt COMMAND...: asks Debian for arm64 packages, with the lists that mmdebstrap fetched.
apt() {
  "$@" -o Dir="$dir/base" -o APT::Architecture=arm64 -o APT::Architectures::=arm64 -o Dir::State::status=/dev/null \
    -o APT::Install-Recommends=false -o APT::Sandbox::User=root -o Debug::NoLocking=1
}

# fetch NAME PACKAGE...: packages with what they depend on, into debs/NAME.
fetch() {
  local to=$dir/debs/$1 && shift
  mkdir -p "$to/partial"
  apt apt-get -q -y -o Dir::Cache::Archives="$to" --download-only install "$@" >"$dir/apt.log" 2>&1 || { cat "$dir/apt.log"; exit 1; }
}

if [ ! -e "$dir/fetched" ]; then
  # Debian's essential packages: extracted, never configured. No program of them runs here.
  rm -rf "$dir/base" "$dir/system" "$dir/debs"
  mmdebstrap --quiet --architectures=arm64 --variant=extract --skip=cleanup/apt --include='?essential' --include=mawk bookworm "$dir/base"
  fetch base '?essential' mawk
  fetch machine runc uidmap fuse-overlayfs iproute2
  for app in $apps; do fetch "$app" "$app"; done
  mkdir -p "$dir/debs/kernel"
  kernel=$(apt apt-cache depends linux-image-cloud-arm64 | sed -n 's/.*Depends: \(linux-image-[0-9].*\)/\1/p')
  (cd "$dir/debs/kernel" && apt apt-get -q download "$kernel")
  rm -rf "$dir/kernel" "$dir/base/var/lib/apt/lists" "$dir/base/var/cache/apt"
  dpkg-deb -x "$dir/debs/kernel"/*.deb "$dir/kernel"
  cp -a "$dir/base" "$dir/system"
  for deb in "$dir/debs/base"/*.deb "$dir/debs/machine"/*.deb; do dpkg-deb --fsys-tarfile "$deb" | tar -C "$dir/system" --keep-directory-symlink -x; done
  touch "$dir/fetched"
fi

mkdir -p "$dir/bin" && make -s sensors
export GOOS=linux GOARCH=arm64 CGO_ENABLED=0
go build -trimpath -ldflags '-s -w' -o "$dir/bin/slim" ./cmd/slim
go build -trimpath -ldflags '-s -w' -o "$dir/bin/boot" ./integration/arm64/boot
for package in analyzer/trace analyzer/elf analyzer/probe layers; do
  go test -c -o "$dir/bin/${package//\//-}.test" "./$package"
done

# The initial file system: boot and the modules for the disk.
rm -rf "$dir/initrd" && mkdir "$dir/initrd"
cp "$dir/bin/boot" "$dir/initrd/init"
for module in virtio virtio_ring virtio_mmio virtio_blk overlay fuse; do
  find "$dir/kernel/lib/modules" -name "$module.ko" -exec cp {} "$dir/initrd/" \;
done
(cd "$dir/initrd" && find . | cpio --quiet -o -H newc) >"$dir/initrd.cpio"

# The disk: the system, the packages, the programs and the sources with the data of the tests.
root=$dir/root
rm -rf "$root" && cp -a "$dir/system" "$root"
mkdir -p "$root/work/bin" "$root/work/src" "$root/root"
cp "$src/guest.sh" "$root/e2e.sh"
cp "$dir/bin"/slim "$dir/bin"/*.test "$root/work/bin/"
for package in analyzer/trace analyzer/elf analyzer/probe layers; do
  mkdir -p "$root/work/src/$package" && cp -a "$package/." "$root/work/src/$package/"
done
mkdir -p "$root/work/images"
echo "${RUN:-.}" >"$root/work/run"
for app in $apps; do
  image=$dir/image user= && rm -rf "$image" && mkdir "$image"
  case $app in # what the packages' scripts would do, as far as the application needs it
  nginx-light)
    mkdir -p "$image/etc/nginx/sites-enabled" && ln -s ../sites-available/default "$image/etc/nginx/sites-enabled/default"
    mkdir -p "$image/var/www/html" && echo '<h1>arm64</h1>' >"$image/var/www/html/index.html"
    command='"nginx","-g","daemon off;"' port=80 ;;
  python3-flask)
    mkdir "$image/app" && cp "$src/app.py" "$image/app/"
    command='"python3","-m","flask","--app","/app/app.py","run","--host","0.0.0.0"' port=5000 ;;
  redis-server)
    mkdir -p "$image/var/lib/redis" && chown 100:100 "$image/var/lib/redis"
    command='"redis-server","--protected-mode","no","--dir","/var/lib/redis"' port=6379 user=100:100 ;;
  esac
  config='{"Env":["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],"Cmd":['$command'],"User":"'$user'",'
  config+='"ExposedPorts":{"'$port'/tcp":{}}}'
  "$src/image.sh" "$dir/debs/$app" "$image" "$config" "$root/work/images/$app.tar"
done
rm -rf "$image"
rm -f "$dir/disk.img"
mke2fs -q -t ext4 -O ^has_journal -d "$root" "$dir/disk.img" 6G
rm -rf "$root"

: >"$dir/console.log"
timeout "${ARM64_TIMEOUT:-90m}" nice qemu-system-aarch64 -M virt -cpu "${ARM64_CPU:-max}" -smp "${ARM64_CPUS:-2}" -m 2G -nodefaults -nographic \
  -no-reboot -serial stdio -kernel "$dir/kernel/boot/"vmlinuz-* -initrd "$dir/initrd.cpio" \
  -append "console=ttyAMA0 quiet rdinit=/init panic=-1" -drive if=none,id=disk,format=raw,cache=unsafe,file="$dir/disk.img" \
  -device virtio-blk-device,drive=disk -monitor unix:"$dir/monitor",server=on,wait=off </dev/null | tee "$dir/console.log"
grep -q '^boot: e2e.sh: 0' "$dir/console.log" || die "it failed; the log is $dir/console.log, the disk $dir/disk.img"
rm -f "$dir/disk.img"
echo "e2e-arm64: all passed${RUN:+ of those with $RUN}"
