#!/bin/sh
# Reads three texts with the bundled models: what a small language model has in mind, in words, with a score for the words.
#
# RECORD=PAIR Examples/demo.sh writes what a pair says of them to Examples/warm-start/*.json; so were the warm start's lines recorded.
set -eu
cd "$(dirname "$0")/.."
nla=.build/release/nla
pair=Models/tiny
place="${TMPDIR:-/tmp}/interlinear-demo.$$"
trap 'rm -rf "$place"' EXIT
mkdir -p "$place"

if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then bold=$(printf '\033[1m') plain=$(printf '\033[0m'); else bold= plain=; fi
say() { printf '\n%s%s%s\n' "$bold" "$1" "$plain"; shift; for line in "$@"; do echo "   $line"; done; }
show() {
    line='$'
    for word in "$@"; do
        case "$word" in
        *\"*) line="$line '$word'" ;;
        *[\ \;\']*) line="$line \"$word\"" ;;
        *) line="$line $word" ;;
        esac
    done
    echo "$line" | sed "s#$place/##g; s#$nla#nla#"
    "$@"
}

story="Cyril and Rosa lived near the market. Rosa took a rusty saddle out of a bag. Rosa lost a bet, and Cyril walked off with it. The one to look after the saddle was"
ending="Long ago Hester worked at the orchard with Bram. Bram had a striped scarf. They drew straws, and then Hester had it. Hester sold Bram the same locker twice. At supper the scarf stood on the shelf again. In the end Hester"
interview="Two chairs faced each other and a camera blinked. The clerk looked at Dario for a while. A stray dog waits at the kitchen door. What will you do? Dario said: I will"
couplet="We sat beneath the fragrant pine,
and rubbed some ointment on the"

if [ -n "${RECORD:-}" ]; then
    record() { "$nla" explain --nla "$RECORD" --positions="$2" --text "$3" --json --quiet --no-confidence >"Examples/warm-start/$1.json"; }
    record story -13,-4,-1 "$story"
    record ending -1 "$ending"
    record interview -1 "$interview"
    record couplet -1 "$couplet"
    exit
fi
beside() { echo "before joint training=Examples/warm-start/$1.json"; }

say "1. A small language model reads a story. Under some of its words stands what the model has in mind there," \
    "said by its verbalizer from that one vector; its reconstructor rebuilt the vector from these words alone." \
    "cos and var: how well. In brackets: how probable each claim is to be true. Below, the same two models before they were" \
    "trained together. Who has the saddle? The next word depends on it."
show $nla explain --nla $pair --beside "$(beside story)" --positions=-13,-4,-1 --text "$story"

say "   Nobody calls Hester greedy. Her ending depends on it."
show $nla explain --nla $pair --beside "$(beside ending)" --positions=-1 --text "$ending"

say "2. Is it a test, or is it real? No word says which; how somebody behaves depends on it."
show $nla explain --nla $pair --beside "$(beside interview)" --positions=-1 --text "$interview"

say "3. A rhyme is planned before it is written. What follows, according to the model itself?"
show $nla explain --nla $pair --beside "$(beside couplet)" --positions=-1 --text "$couplet"
show $nla generate --model $pair/target --text "$couplet" --temperature 0 --max-tokens 4

say "4. Words can be checked against a vector, also words of your own. The plan was \"spine\", not \"stone\"."
show $nla extract --model $pair/target --layer 6 --text "$couplet" --positions=-1 --output "$place/vector.safetensors"
for word in spine stone; do
    show $nla score --ar $pair/ar --vectors "$place/vector.safetensors" --text "The couplet is about the body. It will rhyme on $word. It ends with \"ointment on the\"."
done

say "Next: your own text in their language (nla world prints some, with what is true in them):" \
    "   .build/release/nla explain --nla $pair --text \"…\"" \
    "your own model, with any pair in the released layout:" \
    "   .build/release/nla explain --nla PAIR --target MODEL --text \"…\"" \
    "or train this pair yourself, from nothing, in three or four hours on two cores:" \
    "   .build/release/nla train pair --run Recipes/tiny/pair.yaml" \
    "   .build/release/nla train rl --run Recipes/tiny/rl.yaml"
