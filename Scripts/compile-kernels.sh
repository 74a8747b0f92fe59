#!/bin/sh
# Compiles the C kernels and the program that checks them, as many files at once as there are processors.
#
# usage: compile-kernels.sh FOLDER COMPILER [FLAG…]      writes FOLDER/NAME.o for each file
set -eu
cd "$(dirname "$0")/.."
folder="$1"
shift
rm -rf "$folder"
mkdir -p "$folder"
ls Sources/CKernels/*.c Tests/KernelChecks/kernel_checks.c | xargs -P "$(getconf _NPROCESSORS_ONLN)" -I FILE sh -c '
    folder="$1" source="$2"
    shift 2
    "$@" -std=gnu17 -Wall -Wextra -Werror -DKERNEL_CHECKS_MAIN -ISources/CKernels/include -ITests/KernelChecks/include \
        -c "$source" -o "$folder/$(basename "$source" .c).o"' compile "$folder" FILE "$@"
