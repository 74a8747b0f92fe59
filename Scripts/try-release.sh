#!/bin/sh
# Runs a release archive in a bare system: a Debian or Ubuntu of its own, made with debootstrap, without Swift and without the build's
# libraries. Needs root, and debootstrap.
#
# usage: try-release.sh ARCHIVE [SUITE [MIRROR]]     SUITE is bookworm by default
set -eu
archive="$1" suite="${2:-bookworm}"
root="$(mktemp -d "${TMPDIR:-/tmp}/interlinear-root.XXXXXX")"
trap 'rm -rf "$root"' EXIT
debootstrap --variant=minbase "$suite" "$root" ${3:+"$3"} >"$root.log" 2>&1 || {
    tail -n 5 "$root.log" >&2
    exit 1
}
rm -f "$root.log"
tar -C "$root/opt" -xzf "$archive"
place="/opt/$(ls "$root/opt")"
echo "archive: $(wc -c <"$archive") bytes; unpacked: $(du -sb "$root$place" | cut -f1) bytes; nla: $(wc -c <"$root$place/bin/nla") bytes"
chroot "$root" "$place/bin/nla" --version
begin=$(date +%s%N)
for _ in 1 2 3 4 5 6 7 8 9 10; do chroot "$root" "$place/bin/nla" --version >/dev/null; done
echo "start-up: $((($(date +%s%N) - begin) / 10000000)) ms, the mean of ten"
chroot "$root" "$place/bin/nla" explain --nla "$place/Models/tiny" --quiet \
    --text "We sat beneath the fragrant pine, and rubbed some ointment on the" --positions -1
