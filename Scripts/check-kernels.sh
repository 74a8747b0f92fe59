#!/bin/sh
# Builds the C kernels alone under the address and undefined-behaviour sanitizers and compares each fast one with its plain
# version on random shapes.
#
# usage: check-kernels.sh [SEEDS]
set -eu
cd "$(dirname "$0")/.."
compiler="$(dirname "$(readlink -f "$(command -v swift)")")/clang"
[ -x "$compiler" ] || compiler=clang
sanitizers="-fsanitize=address,undefined -fno-sanitize-recover=all"
Scripts/compile-kernels.sh .build/kernels-sanitized "$compiler" -O1 -g $sanitizers
"$compiler" $sanitizers -fuse-ld=lld .build/kernels-sanitized/*.o -ldnnl -ldl -lpthread -lm -o .build/check-kernels
.build/check-kernels "${1:-24}"
