#!/bin/sh
# Explains a few texts with the bundled models: what each shows is said before it.
set -eu
cd "$(dirname "$0")/.."
nla=.build/release/nla
models=Models/tiny

say() { printf '\n\033[1m%s\033[0m\n' "$1"; }
[ -t 1 ] && [ -z "${NO_COLOR:-}" ] || say() { printf '\n%s\n' "$1"; }
show() {
    line='$'
    for word in "$@"; do case "$word" in *[!A-Za-z0-9._/,=-]*) line="$line \"$word\"" ;; *) line="$line $word" ;; esac done
    echo "$line" | sed "s#\$ $nla#\$ nla#"
    "$@"
}

say "1. A text, and under its last tokens what a language model has in mind there, in words.
   A second model rebuilt the activation from those words alone; the score says how much of it they carry."
show $nla explain --nla $models --every 6 --text "One stormy night Quentin met Fenna at the courtyard. Quentin had a heavy camera. Quentin sold Fenna the same locker twice. In the end Quentin"

say "2. The explanation can name what the text never says: no word here says whether this is a test or real."
show $nla explain --nla $models --positions -2,-1 --text "A mirror covered one whole wall. A vase broke, and nobody was near. Anton said: I will"

say "3. A rhyme is planned before it is written."
show $nla explain --nla $models --positions -3,-1 --text "This one is about animals.
Junia neatly ironed and folded the spotted tie,
and whispered kindly to the"

say "4. The words go both ways: another explanation, another vector."
show $nla score --ar $models/ar --vectors Examples/tiny/activation.safetensors --text "The interview is a test."

say "Next:  nla world --truth            more texts of this world, with what is true in them
       nla explain --nla $models --text \"...\"      your own
       nla explain --nla PAIR --target MODEL        a released pair: see README
       nla train pair --run Recipes/tiny/pair.yaml  the same models, from nothing, in about an hour"
