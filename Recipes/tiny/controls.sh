#!/bin/sh
# Two controls of a warm start, after nla train pair: taught by a teacher that sees the text alone, and with other rows' activations.
#
# usage: controls.sh RECIPE_FOLDER OUTPUT_FOLDER     (RECIPE_FOLDER: the output of nla train pair)
#
# Each stage goes on where it was stopped. NLA=.build/release/nla may be set in the environment. Writes controls.md.
set -eu
recipe=$1 output=$2
nla=${NLA:-.build/release/nla} seed=${SEED:-1}
mkdir -p "$output/text-only"

# Does the verbalizer read its vector? A whole run of 2,000 steps in which each explanation goes with another document's activation,
# to be compared with the recipe's own run at its step 2,000. The control's learning rate has fallen by then and the recipe's has
# not, so the difference is a lower bound.
"$nla" train av --run "$recipe/av/run.yaml" --shuffle-activations --steps 2000 --output "$output/shuffled"

# The same pair from a teacher that says whatever the text has stated.
[ -f "$output/text-only.jsonl" ] || "$nla" data explain --store "$recipe/store" --text-only --seed "$seed" \
    --splits warm-start-av,warm-start-ar,held-out --output "$output/text-only.jsonl"
"$nla" train ar --run "$recipe/ar/run.yaml" --explanations "$output/text-only.jsonl" --output "$output/text-only-ar"
"$nla" train av --run "$recipe/av/run.yaml" --explanations "$output/text-only.jsonl" \
    --reconstructor "$output/text-only-ar/model" --output "$output/text-only-av"
for part in "target:$recipe/pair/target" "av:$output/text-only-av/model" "ar:$output/text-only-ar/model"; do
    rm -rf "$output/text-only/${part%%:*}"
    cp -R "${part#*:}" "$output/text-only/${part%%:*}"
done

loss() {
    value=$(sed -n 's/.*"step": 2000,.*"held_out_loss": \([0-9.]*\).*/\1/p' "$1/metrics.jsonl")
    [ -n "$value" ] || { echo "$1/metrics.jsonl: no evaluation at step 2000" >&2; exit 1; }
    echo "$value"
}
own=$(loss "$recipe/av")
shuffled=$(loss "$output/shuffled")
{
    echo "Held-out loss of the verbalizer at step 2,000, nats per token: $own; with shuffled activations $shuffled."
    echo
    "$nla" eval --nla "the pair=$recipe/pair" --nla "text-only teacher=$output/text-only" --store "$recipe/store" \
        --probes "$recipe/probes" --report "$output/controls.html"
} >"$output/controls.md"
echo "$output/controls.md"
