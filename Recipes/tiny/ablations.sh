#!/bin/sh
# Joint training with one thing changed at a time, then all of it in one table: ablations.html, ablations.csv.
#
# usage: ablations.sh RECIPE_FOLDER OUTPUT_FOLDER     (RECIPE_FOLDER: the output of nla train pair)
#
# The base is the run file without its protection of truth; each protection is one of the things changed. CONTROLS, if set, is the
# output of controls.sh, whose pair of a text-only teacher is trained too; SECOND is a second reader's model, trained here if there is
# none. Each run goes on where it was stopped. STEPS=300, THREADS=1 and NLA=.build/release/nla may be set in the environment.
set -eu
recipe=$1 output=$2
nla=${NLA:-.build/release/nla} steps=${STEPS:-300} threads=${THREADS:+--threads $THREADS}
mkdir -p "$output"

train() {
    name=$1 pair=$recipe/pair
    shift
    echo "== $name: $*"
    case $name in
    probes) set -- --probes "$recipe/probes" --doubt-penalty 0.1 "$@" ;;
    *) set -- --probes none --doubt-penalty 0.2 "$@" ;;
    esac
    [ "$name" != text-only-teacher ] || pair=$CONTROLS/text-only
    "$nla" train rl --run Recipes/tiny/rl.yaml --pair "$pair" --store "$recipe/store" --steps "$steps" \
        --output "$output/$name" $threads "$@"
}

train base
train no-warm-start --warm-start false
train ar-frozen --train-ar false
train av-frozen --learning-rate 0
train no-kl --beta 0
train kl-on-claims --kl-on claims
train log-mse --reward log_mse
for group in 2 4 16; do
    # The same number of explanations per step, so that only their grouping changes.
    train "group-$group" --num-generations "$group" --rows-per-step $((256 / group))
done
train length-penalty --length-penalty 0.002
train claim-dropout --claim-dropout 0.3
train agreement --agreement-bonus 0.3
train probes
[ -z "${CONTROLS:-}" ] || train text-only-teacher

# A reader with its own seed that has never met this verbalizer: SECOND, or one that is trained here.
second=${SECOND:-$output/second-ar/model}
[ -n "${SECOND:-}" ] || "$nla" train ar --run Recipes/tiny/ar.yaml --target "$recipe/target/model" --store "$recipe/store" \
    --explanations "$recipe/explanations.jsonl" --ar-template "<text>{explanation}</text><summary>" --seed 2 --steps "${SECOND_STEPS:-4000}" --output "$output/second-ar" $threads
train second-reader --second-reader "$second"

set -- --nla "warm-start=$recipe/pair"
for run in "$output"/*/model; do
    [ ! -d "$run/av" ] || set -- "$@" --nla "$(basename "$(dirname "$run")")=$run"
done
"$nla" eval "$@" --store "$recipe/store" --rows 2000 --report "$output/ablations.html" --csv $threads > "$output/ablations.csv"
