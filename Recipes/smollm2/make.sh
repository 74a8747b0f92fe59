#!/bin/sh
# A pair of adapters over SmolLM2-135M-Instruct, from nothing (README.md beside this file).
#
# usage: make.sh TARGET OUTPUT        TARGET: the GGUF file, or a folder; OUTPUT: runs/smollm2 for the committed run files
#
# Every stage goes on where it was stopped, also on another day: run the same command again. In the environment: NLA=.build/release/nla,
# BYTES=20000000 of text, CHATS=3000, TEACHER=extractive or probes, LAST=stage to stop behind.
set -eu
target=$1 output=$2
nla=${NLA:-.build/release/nla} bytes=${BYTES:-20000000} chats=${CHATS:-3000} teacher=${TEACHER:-extractive} last=${LAST:-}
recipe=$(dirname "$0") texts=$output/texts
mkdir -p "$output" "$texts"
# The run files name the target by this link; its content is what counts.
ln -sfn "$(realpath "$target")" "$output/target"

stage() { # NAME FILE COMMAND…: runs a command unless its file is there
    name=$1 file=$2
    shift 2
    if [ -e "$file" ]; then echo "$name: $file is there"; else
        echo "$name …"
        "$@"
    fi
    if [ "$name" = "$last" ]; then exit 0; fi
}

stage texts "$texts/stats.json" python3 Scripts/real_texts/gather.py --packages "$output/packages" --output "$texts"
stage requests "$texts/chat-stats.json" python3 Scripts/real_texts/instructions.py --texts "$texts" --packages "$output/packages" \
    --chats "$chats"
stage chats "$output/chats.jsonl" "$nla" data chats --model "$output/target" --chats "$texts/chats.jsonl" --max-tokens 160 --seed 1 \
    --output "$output/chats.jsonl"
stage documents "$output/documents.jsonl" python3 Scripts/real_texts/documents.py --texts "$texts" --chats "$output/chats.jsonl" \
    --bytes "$bytes" --output "$output/documents.jsonl"
# The store finishes its own stage: asked again, it adds what is missing.
echo "store …"
"$nla" data store --model "$output/target" --documents "$output/documents.jsonl" --own-splits --layer 20 --positions-per-document 8 \
    --first-position 50 --store-bf16 --seed 1 --output "$output/store"
if [ "$last" = store ]; then exit 0; fi
stage probes "$output/probes" "$nla" data probes --store "$output/store" --split probe --evaluate validation --seed 1 --output "$output/probes"
stage continue "$output/continuations.jsonl" "$nla" data continue --model "$output/target" --store "$output/store" --tokens 6 \
    --output "$output/continuations.jsonl"
filter=
if [ "$teacher" = probes ]; then filter="--probes $output/probes --threshold 0.5"; fi
# shellcheck disable=SC2086
stage teach "$output/explanations.jsonl" "$nla" data explain --store "$output/store" --extractive \
    --continuations "$output/continuations.jsonl" --splits warm-start-ar,warm-start-av,validation,held-out $filter --grammar plain \
    --omission 0.25 --seed 1 --output "$output/explanations.jsonl"
"$nla" train ar --run "$recipe/ar.yaml" --output "$output/ar"
if [ "$last" = ar ]; then exit 0; fi
"$nla" train av --run "$recipe/av.yaml" --output "$output/av"
if [ "$last" = av ]; then exit 0; fi
mkdir -p "$output/warm"
for part in av:../av/model ar:../ar/model target:../target; do ln -sfn "${part#*:}" "$output/warm/${part%%:*}"; done
"$nla" train rl --run "$recipe/rl.yaml" --output "$output/rl"
if [ "$last" = rl ]; then exit 0; fi
"$nla" train ar --run "$recipe/second-reader.yaml" --output "$output/second"
"$nla" eval --nla "warm start=$output/warm" --nla "joint=$output/rl/model" --store "$output/store" --probes "$output/probes" \
    --explanations "$output/explanations.jsonl" --grammar plain --rows 2000 --max-tokens 96 \
    --continuations "$output/continuations.jsonl" --table-rows 50000 --second-reader "$output/second/model" \
    --report "$output/evaluation.html" --json >"$output/evaluation.json.partial"
mv "$output/evaluation.json.partial" "$output/evaluation.json"
# Explanations for the sentence embedding (Scripts/real_texts/judge.py).
"$nla" eval --nla "joint=$output/rl/model" --store "$output/store" --grammar plain --rows 2000 --max-tokens 96 --table-rows 0 \
    --write-explanations "$output/judged.jsonl" >/dev/null
echo "$output/rl/model: the pair; $output/evaluation.json: what it is worth"
