#!/bin/sh
# Where the vector should enter the verbalizer: short runs that differ in nothing else. make.sh must have come to the stage teach.
#
# usage: injection.sh OUTPUT [PLACE…]      OUTPUT: make.sh's folder, runs/smollm2; PLACE: replace, norm-matched@BLOCK, or replace:NORM
#
# The explanations are the last words and the target's continuation only. A verbalizer that reads its vector has a lower loss on held-out rows
# with their own vector (held_out_loss) than with another row's (held_out_loss_swapped). Prints both after every 60 steps as JSON.
set -eu
output=$1
shift
nla=${NLA:-.build/release/nla} steps=${STEPS:-120} recipe=$(dirname "$0") folder=$output/injection
[ $# -gt 0 ] || set -- replace norm-matched@1 norm-matched@10 norm-matched@15
mkdir -p "$folder"
if [ ! -e "$folder/explanations.jsonl" ]; then
    "$nla" data explain --store "$output/store" --extractive --continuations "$output/continuations.jsonl" \
        --splits warm-start-av,validation --grammar plain --omission 1 --seed 1 --output "$folder/explanations.jsonl"
fi
for place; do
    scale=
    case $place in *:*) scale="--injection-scale ${place#*:}" ;; esac
    sed -e '/^reconstructor:/d' -e '/^injection:/d' "$recipe/av.yaml" >"$folder/av.yaml"
    # shellcheck disable=SC2086
    "$nla" train av --run "$folder/av.yaml" --explanations "$folder/explanations.jsonl" --injection "${place%%:*}" $scale \
        --steps "$steps" --rows-per-step 32 --learning-rate 0.002 --warm-up-steps 10 --evaluate-every 60 --evaluation-rows 200 \
        --output "$folder/$place" >"$folder/$place.log" 2>&1
    grep '"held_out_loss"' "$folder/$place/metrics.jsonl" | sed "s/^{/{\"injection\": \"$place\", /"
done
