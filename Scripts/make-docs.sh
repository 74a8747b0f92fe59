#!/bin/sh
# Writes the pages of the products to .build/docs, from what the last release build left. Open them with
# `docc preview`, or serve the folder: python3 -m http.server -d .build/docs
#
# usage: make-docs.sh [MODULE...]        by default every module that has a catalogue
set -eu
cd "$(dirname "$0")/.."
docc="$(dirname "$(readlink -f "$(command -v swift)")")/docc"
if [ ! -x "$docc" ]; then
    echo "docc is missing: it comes with the toolchains of swift.org" >&2
    exit 1
fi
if [ $# -eq 0 ]; then
    for catalogue in Sources/*/*.docc; do set -- "$@" "$(basename "$catalogue" .docc)"; done
fi

output=.build/docs
rm -rf "$output"
mkdir -p "$output/archives"
for module in "$@"; do
    Scripts/symbol-graphs.sh "$output/graphs/$module" "$module"
    # Not every parameter is described: many are what their name says.
    "$docc" convert "Sources/$module/$module.docc" --additional-symbol-graph-dir "$output/graphs/$module" \
        --output-path "$output/archives/$module.doccarchive" --fallback-display-name "$module" \
        --fallback-bundle-identifier "interlinear.$module" --ide-console-output >"$output/log" 2>&1 || { cat "$output/log" >&2; exit 1; }
    if grep -E 'warning|error' "$output/log" | grep -v 'is missing documentation' >&2; then
        echo "$module: its pages name something that is not there" >&2
        exit 1
    fi
done
"$docc" merge "$output"/archives/*.doccarchive --output-path "$output/interlinear" \
    --synthesized-landing-page-name Interlinear
rm -rf "$output/graphs" "$output/archives" "$output/log"
echo "$output/interlinear"
