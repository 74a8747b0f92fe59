#!/bin/sh
# Builds nla for machines without Swift and packs it into one archive: the program with the Swift runtime inside, the libraries that it
# needs, and the bundled pair. Only the C library is the machine's own.
#
# usage: make-release.sh [FOLDER]     writes FOLDER/interlinear-VERSION-SYSTEM-CPU.tar.gz (default: .build-release)
set -eu
cd "$(dirname "$0")/.."
folder="${1:-.build-release}"
scratch=.build-release/build
mkdir -p "$folder"

# The older kind of search path holds for the libraries' own libraries too.
swift build -c release --product nla --scratch-path "$scratch" --static-swift-stdlib \
    -Xlinker --disable-new-dtags -Xlinker -rpath -Xlinker '$ORIGIN/../lib'

version="$("$scratch/release/nla" --version)"
name="interlinear-$version-$(uname -s | tr 'A-Z' 'a-z')-$(uname -m)"
stage="$scratch/$name"
rm -rf "$stage"
mkdir -p "$stage/bin" "$stage/lib" "$stage/licences"
cp "$scratch/release/nla" "$stage/bin/nla"
strip --strip-all "$stage/bin/nla"

# What the program loads, but for the parts of the C library, which must be the machine's own.
ldd "$scratch/release/nla" | awk '$3 ~ /^\// {print $3}' |
    grep -v -E '/(libc|libm|libdl|libpthread|librt|libresolv|libutil)\.so' | while read -r library; do
    cp -L "$library" "$stage/lib/"
    package="$(dpkg -S "$(readlink -f "$library")" 2>/dev/null | sed 's/:.*//; 1q' || true)"
    [ -f "/usr/share/doc/$package/copyright" ] && cp "/usr/share/doc/$package/copyright" "$stage/licences/$package.txt"
    true
done
for library in "$stage"/lib/*; do strip --strip-unneeded "$library"; done

cp LICENSE README.md "$stage/"
mkdir -p "$stage/Models"
cp -R Models/tiny "$stage/Models/"
tar -C "$scratch" -czf "$folder/$name.tar.gz" --owner=0 --group=0 "$name"
ls -l "$folder/$name.tar.gz"
