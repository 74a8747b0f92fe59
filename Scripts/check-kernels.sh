#!/bin/sh
# Builds the C kernels alone under the address and undefined-behaviour sanitizers and compares each fast one with its plain
# version on random shapes.
#
# usage: check-kernels.sh [SEEDS]
set -eu
cd "$(dirname "$0")/.."
compiler="$(dirname "$(readlink -f "$(command -v swift)")")/clang"
[ -x "$compiler" ] || compiler=clang
# The three left out take most of the compiler's time, and what they look for ends at the address sanitizer.
sanitizers="-fsanitize=address,undefined -fno-sanitize=null,pointer-overflow,object-size -fno-sanitize-recover=all"
Scripts/compile-kernels.sh .build/kernels-sanitized "$compiler" -O1 -gline-tables-only $sanitizers
"$compiler" $sanitizers -fuse-ld=lld .build/kernels-sanitized/*.o -ldnnl -ldl -lpthread -lm -o .build/check-kernels
.build/check-kernels "${1:-24}"
