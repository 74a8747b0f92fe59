#!/bin/sh
# Fetches a file of 2 GB over loopback with curl and with Hub, in turn, and says how fast each was and how much memory ours held.
# Usage: Scripts/measure-hub.sh [MEGABYTES [ROUNDS]]. Needs curl; writes twice the size to TMPDIR. Build first:
#   swift build -c release --product HubPull && swift build -c release --product ServeHub
set -eu
megabytes=${1:-2000}
rounds=${2:-5}
programs=${PROGRAMS:-.build/release}
folder=$(mktemp -d)
server=
trap 'test -z "$server" || kill "$server"; rm -rf "$folder"' EXIT INT TERM

mkdir -p "$folder/served/models/org/name"
head -c "${megabytes}000000" /dev/urandom > "$folder/served/models/org/name/model.safetensors"
"$programs/ServeHub" "$folder/served" > "$folder/server.log" &
server=$!
until grep -q endpoint "$folder/server.log"; do sleep 0.2; done
endpoint=$(sed -n 's/^endpoint //p' "$folder/server.log")

round=1
while test "$round" -le "$rounds"; do
    rm -f "$folder/curl.bin"
    curl -sSL -o "$folder/curl.bin" -w 'curl: %{time_total} s, %{speed_download} bytes/s\n' \
        "$endpoint/org/name/resolve/main/model.safetensors"
    rm -f "$folder/curl.bin"
    rm -rf "$folder/cache"
    HF_ENDPOINT=$endpoint HF_HUB_CACHE=$folder/cache "$programs/HubPull" org/name | sed -n 's/^peak/hub: peak/p'
    round=$((round + 1))
done
# The last copy is the file.
cmp "$folder/served/models/org/name/model.safetensors" "$folder"/cache/models--org--name/snapshots/*/model.safetensors
