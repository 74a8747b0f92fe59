#!/bin/sh
# Builds the C kernels for AArch64, NEON and portable, and compares each fast one with its plain version under qemu-user. It shows that the
# kernels compile there and compute the right values; it shows nothing about speed, and nothing about oneDNN, which they do without there.
#
# usage: check-kernels-aarch64.sh [SEEDS]      needs qemu-user-static, libc6-dev-arm64-cross and libgcc-*-dev-arm64-cross (Debian)
set -eu
cd "$(dirname "$0")/.."
compiler="$(dirname "$(readlink -f "$(command -v swift)")")/clang"
[ -x "$compiler" ] || compiler=clang
libraries="$(ls -d /usr/lib/gcc-cross/aarch64-linux-gnu/* 2>/dev/null | tail -1)"
if ! command -v qemu-aarch64-static >/dev/null 2>&1 || [ -z "$libraries" ]; then
    echo "check-kernels-aarch64: skipped: no qemu-aarch64-static, or no C library for AArch64" >&2
    exit 0
fi
Scripts/compile-kernels.sh .build/kernels-aarch64 "$compiler" --target=aarch64-linux-gnu -O2 -isystem /usr/aarch64-linux-gnu/include
"$compiler" --target=aarch64-linux-gnu -fuse-ld=lld -static -nostartfiles -L/usr/aarch64-linux-gnu/lib -L"$libraries" \
    /usr/aarch64-linux-gnu/lib/crt1.o /usr/aarch64-linux-gnu/lib/crti.o "$libraries/crtbeginT.o" .build/kernels-aarch64/*.o \
    -lpthread -lm "$libraries/crtend.o" /usr/aarch64-linux-gnu/lib/crtn.o -o .build/check-kernels-aarch64
qemu-aarch64-static .build/check-kernels-aarch64 "${1:-4}"
