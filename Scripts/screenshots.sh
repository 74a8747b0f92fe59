#!/bin/sh
# Makes the README's pictures, docs/images/*.png, from the running studio in a real browser.
#
# usage: screenshots.sh [RUNS]
#
# RUNS is a folder of training runs; the curves of one of them make a picture too.
set -eu
cd "$(dirname "$0")/.."
Scripts/install-dependencies.sh test
swift build -c release --build-tests
[ $# -gt 0 ] && export INTERLINEAR_RUNS="$(realpath "$1")"
INTERLINEAR_SCREENSHOTS="$PWD/docs/images" swift test -c release --skip-build --disable-xctest --filter BrowserTests.Screenshots
ls -l docs/images/*.png
