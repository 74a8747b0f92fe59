#!/bin/sh
# Installs what is missing: oneDNN, PCRE2, libcurl, OpenSSL, SQLite, Zstandard and zlib, the C libraries the build needs; for the tests also Chromium and
# its driver, which open the studio's page. Asks the system's package manager only for what is not there.
#
# usage: install-dependencies.sh [test]
set -eu

if ! command -v swift >/dev/null 2>&1; then
    echo "Swift is missing: install Swift 6 from swift.org, then run this again." >&2
    exit 1
fi

compiler="$(dirname "$(readlink -f "$(command -v swift)")")/clang"
[ -x "$compiler" ] || compiler=cc

# Whether a header can be included.
has() { printf '%s\n#include <%s>\n' "${2:-}" "$1" | "$compiler" -fsyntax-only -x c - >/dev/null 2>&1; }

wanted=""
has oneapi/dnnl/dnnl.h || wanted="$wanted onednn"
has pcre2.h '#define PCRE2_CODE_UNIT_WIDTH 8' || wanted="$wanted pcre2"
has sqlite3.h || wanted="$wanted sqlite"
has zstd.h || wanted="$wanted zstd"
has zlib.h || wanted="$wanted zlib"
has curl/curl.h || wanted="$wanted curl"
# Apple's systems bring hashes of their own.
[ "$(uname -s)" = Darwin ] || has openssl/evp.h || wanted="$wanted openssl"

as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }

# Without a browser its tests are skipped: a failure here is said and stops nothing else.
install_browser() {
    command -v chromedriver >/dev/null 2>&1 && for name in chromium chromium-browser google-chrome; do
        command -v "$name" >/dev/null 2>&1 && return 0
    done
    echo "installing: chromium and its driver" >&2
    if command -v apt-get >/dev/null 2>&1; then
        as_root apt-get update -qq && as_root apt-get install -y -qq --no-install-recommends chromium chromium-driver
    elif command -v dnf >/dev/null 2>&1; then
        as_root dnf install -y chromium chromedriver
    elif command -v brew >/dev/null 2>&1; then
        brew install --cask chromium chromedriver
    else
        false
    fi || echo "Chromium could not be installed: the tests of the studio's page will be skipped." >&2
}

# Without an emulator the kernels are not tried for AArch64.
install_emulator() {
    command -v apt-get >/dev/null 2>&1 && [ "$(uname -m)" = x86_64 ] && ! command -v qemu-aarch64-static >/dev/null 2>&1 || return 0
    echo "installing: an AArch64 emulator and C library" >&2
    as_root apt-get update -qq
    as_root apt-get install -y -qq --no-install-recommends qemu-user-static libc6-dev-arm64-cross libgcc-12-dev-arm64-cross ||
        echo "The emulator could not be installed: the kernels will not be tried for AArch64." >&2
}

[ "${1:-}" = test ] && install_browser && install_emulator
[ -z "$wanted" ] && exit 0

echo "installing:$wanted" >&2
if command -v apt-get >/dev/null 2>&1; then
    packages="$(echo "$wanted" | sed 's/onednn/libdnnl-dev/; s/pcre2/libpcre2-dev/; s/sqlite/libsqlite3-dev/; s/zstd/libzstd-dev/; s/zlib/zlib1g-dev/
        s/ openssl/ libssl-dev/; s/ curl/ libcurl4-openssl-dev/')"
    as_root apt-get update -qq
    # shellcheck disable=SC2086
    as_root apt-get install -y -qq --no-install-recommends $packages
elif command -v dnf >/dev/null 2>&1; then
    packages="$(echo "$wanted" | sed 's/onednn/onednn-devel/; s/pcre2/pcre2-devel/; s/sqlite/sqlite-devel/; s/zstd/libzstd-devel/; s/zlib/zlib-devel/
        s/ openssl/ openssl-devel/; s/ curl/ libcurl-devel/')"
    # shellcheck disable=SC2086
    as_root dnf install -y $packages
elif command -v brew >/dev/null 2>&1; then
    # shellcheck disable=SC2086
    brew install $wanted
else
    echo "No known package manager: install oneDNN, PCRE2, libcurl, OpenSSL, SQLite, Zstandard and zlib with their headers." >&2
    exit 1
fi
