#!/bin/sh
# Asks the compiler what the products declare publicly: a symbol graph of each, from the modules that the last release build left.
#
# usage: symbol-graphs.sh FOLDER [MODULE...]        by default the products that Package.swift names
set -eu
cd "$(dirname "$0")/.."
folder=$1
shift
build="${INTERLINEAR_BUILD:-.build/release}"
if [ ! -d "$build/Modules" ]; then
    echo "$build: holds no modules; run swift build -c release first" >&2
    exit 1
fi
if [ $# -eq 0 ]; then
    # shellcheck disable=SC2046
    set -- $(sed -n '/^let stable = /,/]$/p; /^let unstable = /,/]$/p' Package.swift | grep -o '"[A-Za-z]*"' | tr -d '"')
fi

tools="$(dirname "$(readlink -f "$(command -v swift)")")"
target="$(swift -print-target-info | sed -n 's/^ *"triple": "\(.*\)",$/\1/p' | head -1)"
maps=""
for map in Sources/C*/module.modulemap "$build"/*.build/module.modulemap \
    "$build"/../../checkouts/*/Sources/*/include/module.modulemap; do
    [ -f "$map" ] && maps="$maps -Xcc -fmodule-map-file=$map"
done
if command -v xcrun >/dev/null 2>&1; then maps="$maps -sdk $(xcrun --show-sdk-path)"; fi

mkdir -p "$folder"
for module in "$@"; do
    # shellcheck disable=SC2086
    "$tools/swift-symbolgraph-extract" -module-name "$module" -I "$build/Modules" $maps -target "$target" \
        -minimum-access-level public -skip-synthesized-members -output-dir "$folder"
done
