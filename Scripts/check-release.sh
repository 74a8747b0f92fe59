#!/bin/sh
# Tries a release archive in bare systems, each a folder of its own made with debootstrap: no Swift, none of the build's libraries. Says
# the sizes, what runs, and how long the program takes to start. Needs root and debootstrap; what a mirror does not have is said and
# left out.
#
# usage: check-release.sh ARCHIVE [SUITE[=MIRROR]...]     bookworm (Debian 12), trixie (Debian 13) and noble (Ubuntu 24.04) by default
set -eu
archive="${1:?usage: check-release.sh ARCHIVE [SUITE[=MIRROR]...]}"
shift
[ $# -gt 0 ] || set -- bookworm trixie noble=http://archive.ubuntu.com/ubuntu
if [ "$(id -u)" != 0 ] || ! command -v debootstrap >/dev/null 2>&1; then
    echo "check-release.sh: it needs root, and debootstrap" >&2
    exit 1
fi
roots="${INTERLINEAR_ROOTS:-${TMPDIR:-/tmp}/interlinear-roots}"
mkdir -p "$roots"
text="We sat beneath the fragrant pine, and rubbed some ointment on the"
tried=0

try() {
    root="$1" place="$2"
    inside() { chroot "$root" /usr/bin/env -i PATH=/usr/bin:/bin HOME=/tmp LC_ALL=C "$@"; }
    echo "   glibc $(inside ldd --version | sed -n '1s/.* //p')"
    inside "$place/bin/nla" --version --verbose | sed 's/^/   /'
    inside "$place/bin/nla" explain --nla "$place/Models/tiny" --quiet --positions=-1 --text "$text" | sed 's/^/   /'

    # Without libcurl nothing is fetched, and a line says so.
    if inside "$place/bin/nla" pull nobody/nothing >"$root/tmp/pull" 2>&1; then
        echo "check-release.sh: nla pull fetched what is not there" >&2
        return 1
    fi
    sed 's/^/   nla pull: /' "$root/tmp/pull"
    [ "$(wc -l <"$root/tmp/pull")" = 1 ]

    for command in serve studio; do
        set -- --nla "$place/Models/tiny" --port 0
        [ "$command" = serve ] || set -- "$@" --no-open --library /tmp/library.sqlite
        rm -f "$root/tmp/address"
        # Not `inside`: a function in the background is a shell that signals would reach in its place.
        chroot "$root" /usr/bin/env -i PATH=/usr/bin:/bin HOME=/tmp LC_ALL=C \
            "$place/bin/nla" "$command" "$@" >"$root/tmp/address" 2>"$root/tmp/log" &
        server=$!
        waited=0
        until [ -s "$root/tmp/address" ]; do
            waited=$((waited + 1))
            if [ $waited -gt 600 ] || ! kill -0 $server 2>/dev/null; then
                cat "$root/tmp/log" >&2
                return 1
            fi
            sleep 0.1
        done
        python3 - "$(cat "$root/tmp/address")" "$command" "$text" <<'PYTHON'
import json, sys, urllib.request
address, command, text = sys.argv[1:]
request = urllib.request.Request(
    address + "/tokenize", json.dumps({"text": text}).encode(), {"Content-Type": "application/json"})
answer = json.load(urllib.request.urlopen(request, timeout=60))
page = urllib.request.Request(address + "/", headers={"Accept": "text/html"})
page = urllib.request.urlopen(page, timeout=60).read().decode() if command == "studio" else "<html"
assert "<html" in page, page[:200]
print(f"   nla {command}: answers, {len(json.dumps(answer))} characters" + (", and has its page" if command == "studio" else ""))
PYTHON
        # `chroot` became the program. A script's background programs ignore the interrupt.
        kill -TERM $server
        wait $server || true
    done

    for _ in 1 2 3 4 5 6 7 8 9 10; do
        begin=$(date +%s%N)
        inside "$place/bin/nla" --version >/dev/null
        echo $((($(date +%s%N) - begin) / 100000))
    done | sort -n | awk '{ times[NR] = $1 } END { printf "   start-up: %.1f ms, the median of %d\n", (times[5] + times[6]) / 20, NR }'
}

for system in "$@"; do
    suite="${system%%=*}" mirror=""
    [ "$suite" = "$system" ] || mirror="${system#*=}"
    root="$roots/$suite"
    if [ ! -f "$root/whole" ]; then
        rm -rf "$root"
        # Ubuntu's suites have one script, which an older debootstrap does not know by the newer names.
        script=""
        case "$mirror" in *ubuntu*) [ -e "/usr/share/debootstrap/scripts/$suite" ] || script=/usr/share/debootstrap/scripts/gutsy ;; esac
        # shellcheck disable=SC2086
        if ! debootstrap --variant=minbase "$suite" "$root" $mirror $script >"$root.log" 2>&1; then
            echo "$suite: not tried, for it cannot be had here: $(tail -n 1 "$root.log")"
            rm -rf "$root"
            continue
        fi
        touch "$root/whole"
    fi
    rm -rf "$root"/opt/*
    zstd -q -d -c "$archive" | tar -C "$root/opt" -xf -
    place="/opt/$(ls "$root/opt")"
    echo "$suite: archive $(wc -c <"$archive") bytes, unpacked $(du -sb "$root$place" | cut -f1), nla $(wc -c <"$root$place/bin/nla")"
    mount --bind /proc "$root/proc" 2>/dev/null || mount -t proc proc "$root/proc"
    # Not as a condition, in which a failing command would be passed over.
    set +e
    (set -e; try "$root" "$place")
    code=$?
    set -e
    umount "$root/proc"
    [ $code = 0 ] || { echo "$suite: the archive does not work there" >&2; exit 1; }
    tried=$((tried + 1))
done
[ $tried -gt 0 ] || { echo "check-release.sh: no system could be had" >&2; exit 1; }
