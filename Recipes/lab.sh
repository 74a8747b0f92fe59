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

parts="pair.html curve.html"
experiment() { # kind, name of the run file, of the folder, more options; the page takes its place in the order of these lines
    kind=$1 name=$2 folder=$3; shift 3
    "$nla" redteam "$kind" --run "Recipes/redteam/$name.yaml" --output "$output/$folder" "$@"
    parts="$parts $folder"
}
other=$runs/other-seed/pair
experiment vector vector vector
experiment vector vector-anywhere vector-anywhere
experiment hide hide hide --reader "another_seed=$other"
experiment hide hide-trigger hide-trigger --reader "another_seed=$other"
experiment hide hide-test hide-test --reader "another_seed=$other"
experiment race race race-other --held-out "$other"
experiment race race race
experiment frontier frontier frontier
experiment frontier frontier-longer frontier-longer
experiment frontier frontier-scratch frontier-scratch
experiment frontier frontier-pull frontier-pull
trained=$output/frontier/runs built=splice_share-0.9-learning_rate-0.0006
experiment hide hide-speed hide-speed
# The target that was trained on as long with nothing spliced: is it being read, or only being trained on?
experiment hide hide-speed hide-speed-trained-on --pair "$trained/1-splice_share-0-learning_rate-0.0006/model"
experiment hide hide-speed hide-speed-readable --pair "$trained/1-$built/model"
for seed in 2 3; do # the targets of the other seeds, each with one seed of texts
    experiment hide hide-speed hide-speed-readable-$seed --seed $seed --seeds 1 --pair "$trained/$seed-$built/model"
done
experiment hide hide-speed hide-speed-spliced --splice-share 0.3
experiment hide hide-speed hide-speed-spliced-readable --splice-share 0.3 --pair "$trained/1-$built/model"

set --
for part in $parts; do set -- "$@" "$output/$part"; done
"$nla" redteam report "$@" --output "$output/lab.html"
