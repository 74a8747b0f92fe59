#!/bin/sh
# Builds the programs of Examples/Outside, which use the library as another package does, runs them on the bundled pair and looks at what they
# print. Run it after a release build, whose folder they share: nothing of the library is compiled again.
set -eu
cd "$(dirname "$0")/.."
build=.build/release
if [ ! -d "$build/Modules" ]; then
    echo "$build: holds no modules; run swift build -c release first" >&2
    exit 1
fi

place="${TMPDIR:-/tmp}/interlinear-outside.$$"
mkdir -p "$place"
# The package manager keeps its plan of a build in the build folder, and does not ask whose plan it is. Ours is put back.
plan=".build/workspace-state.json .build/release.yaml $build/description.json"
put_back() {
    for file in $plan; do
        rm -f "$file"
        if [ -f "$place/$(basename "$file")" ]; then cp -p "$place/$(basename "$file")" "$file"; fi
    done
    rm -rf "$place"
}
for file in $plan; do
    if [ -f "$file" ]; then cp -p "$file" "$place/"; fi
done
trap put_back EXIT

# The same versions of everything, or it would be another build.
if [ -f Package.resolved ]; then cp Package.resolved Examples/Outside/Package.resolved; fi
swift build -c release --package-path Examples/Outside --scratch-path .build

tab="$(printf '\t')" number='-?[0-9]+(\.[0-9]+)?(e-?[0-9]+)?'
# Runs a program, shows what it prints, and counts the lines that look as they should.
expect() {
    count=$1 pattern=$2 program=$3
    shift 3
    echo "$program" "$@"
    "$build/$program" "$@" >"$place/output"
    cat "$place/output"
    found="$(grep -c -E "$pattern" "$place/output" || true)"
    if [ "$found" != "$count" ]; then
        echo "$program: $found lines like $pattern, not $count" >&2
        exit 1
    fi
}

pair=Models/tiny
couplet="We sat beneath the fragrant pine,
and rubbed some ointment on the"
spine='The couplet is about the body. It will rhyme on spine. It ends with "ointment on the".'
stone='The couplet is about the body. It will rhyme on stone. It ends with "ointment on the".'
expect 2 "cosine $number\$" explain "$pair"
expect 3 "${tab}mse $number${tab}cosine $number\$" score "$pair" "$couplet" "$spine" "$stone"
expect 2 "^(as it was|steered)$tab." steer "$pair" "$couplet" "$spine" "$stone"
expect 2 "^step [12]${tab}reward $number\$" custom-reward "$pair" "$place/run"
echo "The programs of Examples/Outside build and run."
