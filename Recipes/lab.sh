#!/bin/sh
# Every experiment of the lab again, on the bundled pair, and their pages as one: OUTPUT/lab.html.
#
# usage: lab.sh [RUNS] [OUTPUT]     (runs and runs/lab, if not named)
#
# Each command goes on where it was stopped. What is read besides the bundled pair (the recipe's stages, a pair of another seed, joint
# training with its checkpoints kept) is made first, under RUNS.
# NLA=.build/release/nla may be set in the environment.
set -eu
runs=${1:-runs} output=${2:-runs/lab} nla=${NLA:-.build/release/nla}
mkdir -p "$runs" "$output"

"$nla" train pair --run Recipes/tiny/pair.yaml --output "$runs/pair"
NLA="$nla" sh Recipes/tiny/other-seed.sh "$runs/pair" "$runs/other-seed"
"$nla" train rl --run Recipes/tiny/rl.yaml --pair "$runs/pair/pair" --store "$runs/pair/store" --probes "$runs/pair/probes" \
    --keep-every 250 --output "$runs/rl-curve"
second=$runs/other-seed/ar/model

verify() { # the name of a page, then pairs: is it true, what do the words carry, which claims to believe
    page=$1; shift
    [ -e "$output/$page.html" ] || "$nla" verify "$@" --second-reader "$second" --explanations "$runs/pair/explanations.jsonl" \
        --store "$runs/pair/store" --probes "$runs/pair/probes" --report "$output/$page.html" --quiet > "$output/$page.txt"
}
verify pair --nla "warm start=$runs/pair/pair" --nla "jointly trained=Models/tiny" --rows 2000 --fitting-rows 4000
set -- --nla "0=$runs/pair/pair"
for step in 250 500 1000 1500 2000 3000 4000 5000 6000; do
    set -- "$@" --nla "$step=$runs/rl-curve/checkpoints/step-$(printf %06d $step)"
done
verify curve "$@" --rows 800 --fitting-rows 200

experiment() { # kind, name of the run file and of the folder, more options
    kind=$1 name=$2; shift 2
    "$nla" redteam "$kind" --run "Recipes/redteam/$name.yaml" "$@"
}
experiment vector vector --output "$output/vector"
experiment vector vector-anywhere --output "$output/vector-anywhere"
experiment hide hide --reader "another_seed=$runs/other-seed/pair" --output "$output/hide"
experiment hide hide-trigger --reader "another_seed=$runs/other-seed/pair" --output "$output/hide-trigger"
experiment hide hide-test --reader "another_seed=$runs/other-seed/pair" --output "$output/hide-test"
experiment race race --output "$output/race"
experiment race race --held-out "$runs/other-seed/pair" --output "$output/race-other"
experiment frontier frontier --output "$output/frontier"
experiment frontier frontier-longer --output "$output/frontier-longer"
experiment frontier frontier-scratch --output "$output/frontier-scratch"
experiment frontier frontier-pull --output "$output/frontier-pull"
readable=$output/frontier/runs/1-splice_share-0.9-learning_rate-0.0006/model
experiment hide hide-speed --output "$output/hide-speed"
experiment hide hide-speed --pair "$readable" --output "$output/hide-speed-readable"
for seed in 2 3; do # the targets of the other seeds, each with one seed of texts
    experiment hide hide-speed --seed $seed --seeds 1 --output "$output/hide-speed-readable-$seed" \
        --pair "$output/frontier/runs/$seed-splice_share-0.9-learning_rate-0.0006/model"
done
# The target that was trained on as long with nothing spliced: is it being read, or only being trained on?
experiment hide hide-speed --output "$output/hide-speed-trained-on" \
    --pair "$output/frontier/runs/1-splice_share-0-learning_rate-0.0006/model"
experiment hide hide-speed --splice-share 0.3 --output "$output/hide-speed-spliced"
experiment hide hide-speed --splice-share 0.3 --pair "$readable" --output "$output/hide-speed-spliced-readable"

set --
for part in pair.html curve.html vector vector-anywhere hide hide-trigger hide-test race race-other frontier frontier-longer \
    frontier-scratch frontier-pull hide-speed hide-speed-trained-on hide-speed-readable hide-speed-readable-2 \
    hide-speed-readable-3 hide-speed-spliced hide-speed-spliced-readable; do
    set -- "$@" "$output/$part"
done
"$nla" redteam report "$@" --output "$output/lab.html"
