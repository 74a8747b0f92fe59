#!/bin/sh
# Writes a tiny model, fits it to a page of text in a few seconds, then tokenizes, extracts and generates with it.
set -eu
cd "$(dirname "$0")/.."
nla=.build/release/nla
place="${TMPDIR:-/tmp}/interlinear-demo.$$"
trap 'rm -rf "$place"' EXIT
mkdir -p "$place"

say() { printf '\n\033[1m%s\033[0m\n' "$1"; }
show() {
    line='$'
    for word in "$@"; do case "$word" in *" "*) line="$line \"$word\"" ;; *) line="$line $word" ;; esac done
    echo "$line" | sed "s#$place/##g; s#$nla#nla#"
    "$@"
}
[ -t 1 ] && [ -z "${NO_COLOR:-}" ] || say() { printf '\n%s\n' "$1"; }

say "1. A model of 0.85 million parameters, fitted to a page of text"
show $nla new --config Examples/tiny/config.json --tokenizer Examples/tiny --fit Examples/tiny/text.txt --steps 150 --output "$place/model"

say "2. A chat, rendered with the model's template and tokenized"
show $nla tokenize --model "$place/model" --messages Examples/tiny/chat.json --json

say "3. The residual stream behind block 2, for every token"
show $nla extract --model "$place/model" --text "I count it all the same." --output "$place/activations.safetensors"

say "4. The text, continued from memory"
show $nla generate --model "$place/model" --text "One night in March" --temperature 0 --max-tokens 48

say "5. What this machine does with the model's shape"
show $nla bench extract rollout decode1 --config Examples/tiny/config.json

say "6. A text of the tiny world that the autoencoder is trained on, with what is true in it and from where"
show $nla world --kind interview --count 1 --seed 3 --truth

say "Next: point --model at a Hugging Face folder (Llama, Qwen2, Qwen3, Gemma 3), or train the pair of the README:
      nla train pair --run Recipes/tiny/pair.yaml        (.build/release/nla; about an hour on two cores)"
