#!/bin/sh
# A pair of the bundled target with another seed, for a second opinion: a reconstructor that is taught in paraphrases and never
# met a verbalizer (alone, the second reader of nla verify), and a verbalizer that saw the rows in another order.
#
# usage: other-seed.sh RECIPE_FOLDER OUTPUT_FOLDER     (RECIPE_FOLDER: the output of nla train pair)
#
# The pair is OUTPUT_FOLDER/pair, for --reader another_seed=OUTPUT_FOLDER/pair. Each run goes on where it was stopped.
# NLA=.build/release/nla may be set in the environment.
set -eu
recipe=$(cd "$1" && pwd)
mkdir -p "$2/pair"
output=$(cd "$2" && pwd)
nla=${NLA:-.build/release/nla}

"$nla" train ar --run Recipes/tiny/second-reader.yaml --target "$recipe/target/model" --store "$recipe/store" \
    --explanations "$recipe/explanations.jsonl" --output "$output/ar"
"$nla" train av --run "$recipe/av/run.yaml" --seed 2 --reconstructor "$output/ar/model" --output "$output/av"
ln -sfn "$output/av/model" "$output/pair/av"
ln -sfn "$output/ar/model" "$output/pair/ar"
ln -sfn "$recipe/target/model" "$output/pair/target"
