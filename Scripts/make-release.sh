#!/bin/sh
# Builds nla for machines without Swift and packs it into one archive: the program with the Swift runtime and the small C libraries
# inside, oneDNN beside it, the bundled pair, README and licences. The machine brings its C library, of at least the version that is
# printed at the end, and libcurl if anything is to be fetched.
#
# usage: make-release.sh [FOLDER]     writes FOLDER/interlinear-VERSION-SYSTEM-CPU.tar.zst (default: .build/release-archive)
set -eu
cd "$(dirname "$0")/.."
scratch=.build/release-archive
folder="${1:-$scratch}"
if [ "$(uname -s)" != Linux ]; then
    echo "make-release.sh: archives are made on Linux" >&2
    exit 1
fi
command -v zstd >/dev/null 2>&1 || { echo "make-release.sh: zstd is missing; install the package zstd" >&2; exit 1; }
mkdir -p "$folder" "$scratch/static"

# The linker takes a library from the first folder that has it, and this one has static ones only. The packages' own descriptions (.pc)
# would name the system's folder before.
compiler="$(dirname "$(readlink -f "$(command -v swift)")")/clang"
find_library() { "$compiler" -print-file-name="$1"; }
packages=""
rm -f "$scratch"/static/*
for name in crypto pcre2-8 sqlite3 z zstd; do
    file="$(find_library "lib$name.a")"
    if [ ! -f "$file" ]; then
        echo "make-release.sh: lib$name.a is missing; its development package has it" >&2
        exit 1
    fi
    ln -s "$(readlink -f "$file")" "$scratch/static/lib$name.a"
    printf 'Name: %s\nDescription: static\nVersion: 0\nLibs: -L%s -l%s\n' "$name" "$PWD/$scratch/static" "$name" \
        >"$scratch/static/lib$name.pc"
    packages="$packages $file"
done

# The older kind of search path (RPATH) holds for the libraries' own libraries too.
swift build -c release --product nla --scratch-path "$scratch/build" --static-swift-stdlib -debug-info-format none \
    --pkg-config-path "$PWD/$scratch/static" \
    -Xlinker "-L$PWD/$scratch/static" -Xlinker --disable-new-dtags -Xlinker -rpath -Xlinker '$ORIGIN/../lib'

program="$scratch/build/release/nla"
version="$("$program" --version)"
name="interlinear-$version-$(uname -s | tr '[:upper:]' '[:lower:]')-$(uname -m)"
stage="$scratch/$name"
rm -rf "$stage"
mkdir -p "$stage/bin" "$stage/lib" "$stage/licences" "$stage/Models"
cp "$program" "$stage/bin/nla"
strip --strip-all "$stage/bin/nla"

# The licence of the system's package that a file comes from.
licence() {
    # Older packages name /lib what lies in /usr/lib.
    package="$( (dpkg -S "$1" || dpkg -S "${1#/usr}") 2>/dev/null | sed 's/:.*//; 1q')"
    if [ -n "$package" ] && [ -f "/usr/share/doc/$package/copyright" ]; then
        cp "/usr/share/doc/$package/copyright" "$stage/licences/$package.txt"
    elif [ -z "$package" ] && command -v rpm >/dev/null 2>&1; then
        package="$(rpm -qf --qf '%{NAME}' "$1")"
        cat "/usr/share/licenses/$package"/* >"$stage/licences/$package.txt" 2>/dev/null || true
    fi
    if [ -z "$package" ] || [ ! -s "$stage/licences/$package.txt" ]; then
        echo "make-release.sh: no licence was found for $1" >&2
        exit 1
    fi
}

# What the program loads, but for the parts of the C library, which must be the machine's own.
ldd "$program" | awk '$3 ~ /^\// {print $3}' |
    grep -v -E '/(libc|libm|libdl|libpthread|librt|libresolv|libutil|libanl)\.so' | sort >"$scratch/libraries"
while read -r library; do
    cp -L "$library" "$stage/lib/"
    strip --strip-unneeded "$stage/lib/$(basename "$library")"
    licence "$(readlink -f "$library")"
done <"$scratch/libraries"
for library in $packages; do licence "$(readlink -f "$library")"; done

# Swift's own licence covers its runtime; packages bring theirs.
runtime="$(dirname "$(dirname "$(readlink -f "$(command -v swift)")")")/share"
for file in "$runtime"/swift/LICENSE.txt "$runtime"/doc/swift/LICENSE* "$runtime"/licenses/swift*; do
    [ -f "$file" ] && cp "$file" "$stage/licences/swift.txt" && break
done
for package in "$scratch"/build/checkouts/*; do
    for file in "$package"/LICENSE* "$package"/NOTICE*; do
        [ -f "$file" ] && cat "$file" >>"$stage/licences/$(basename "$package").txt"
    done
done

cp LICENSE README.md CHANGELOG.md "$stage/"
cp -R Models/tiny "$stage/Models/"
cp -R docs "$stage/docs"

# Names in order, one time, nobody's files, and one thread: equal files pack to equal bytes.
time="$(git log -1 --format=%ct 2>/dev/null || echo 0)"
chmod -R u=rwX,go=rX "$stage"
archive="$folder/$name.tar.zst"
tar -C "$scratch" --sort=name --mtime="@$time" --owner=0 --group=0 --numeric-owner --format=gnu -cf - "$name" |
    zstd -q -19 -f -o "$archive"

needed="$(cat "$stage"/bin/nla "$stage"/lib/* | strings | grep -E -o '^GLIBC_[0-9.]+$' | sort -uV | tail -n 1)"
echo "$archive: $(wc -c <"$archive") bytes; unpacked $(du -sb "$stage" | cut -f1), of which nla $(wc -c <"$stage/bin/nla")"
echo "it needs $needed or later, and libcurl where something is fetched"
