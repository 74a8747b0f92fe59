#!/bin/sh
# Builds the C kernels alone under the address and undefined-behaviour sanitizers and compares each fast one with its plain
# version on random shapes.
#
# usage: check-kernels.sh [SEEDS]
set -eu
cd "$(dirname "$0")/.."
compiler="$(dirname "$(readlink -f "$(command -v swift)")")/clang"
[ -x "$compiler" ] || compiler=clang
mkdir -p .build
"$compiler" -std=gnu17 -O1 -g -Wall -Wextra -Werror -fsanitize=address,undefined -fno-sanitize-recover=all -fuse-ld=lld \
    -DKERNEL_CHECKS_MAIN -ISources/CKernels/include -ITests/KernelChecks/include \
    Sources/CKernels/*.c Tests/KernelChecks/kernel_checks.c -ldnnl -ldl -lpthread -lm -o .build/check-kernels
.build/check-kernels "${1:-24}"
