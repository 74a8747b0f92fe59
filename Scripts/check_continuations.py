"""A GGUF or otherwise quantized model, computed where it lies, beside transformers on the dequantized weights.

usage: check_continuations.py MODEL DEQUANTIZED [--nla .build/release/nla] [--dtype f32] [--tokens 32]
needs: pip install transformers torch safetensors

MODEL is what nla reads, DEQUANTIZED a folder that transformers reads in float32. Twenty prompts are continued greedily by both: the tokens
must be equal up to where transformers' two most probable tokens differ by less than 0.01 in their logits. The logits of a prompt must be equal
to 2e-5, relative to their norm.

Prints JSON. Exit status 1 if a continuation or the logits differ.
"""
import argparse, json, os, subprocess, sys, tempfile

os.environ.update(HF_HUB_OFFLINE="1", TRANSFORMERS_VERBOSITY="error")
import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, AutoTokenizer

PROMPTS = """The capital of France is
Once upon a time there was a
def fibonacci(n):
The most important thing about science is
In 1969, the first humans
To make a good cup of tea, you
The difference between a list and a tuple in Python is
She opened the door and saw
Water boils at a temperature of
import numpy as np
The mayor of the town said that
A short poem about the sea:
Q: What is the square root of 144? A:
The three primary colours are
If it rains tomorrow, we will
SELECT name FROM users WHERE
The human heart pumps
Dear Sir or Madam,
According to the theory of evolution,
for (int i = 0; i < n; i++) {""".split("\n")


def run(nla, *arguments):
    return subprocess.run([nla, *arguments, "--quiet"], check=True, capture_output=True, text=True).stdout


def continuation(model, ids, count):
    """Greedy tokens, and by how much each one's logit is above the next."""
    tokens, margins, past, given = [], [], None, ids
    for _ in range(count):
        out = model(given, past_key_values=past, use_cache=True)
        past, logits = out.past_key_values, out.logits[0, -1]
        top = logits.topk(2)
        token = int(top.indices[0])
        tokens.append(token)
        margins.append(float(top.values[0] - top.values[1]))
        ends = model.generation_config.eos_token_id
        if token in (ends if isinstance(ends, list) else [ends]):
            break
        given = torch.tensor([[token]])
    return tokens, margins


def compare_continuations(options, model, tokenizer):
    results = []
    for prompt in PROMPTS:
        ids = tokenizer(prompt, return_tensors="pt").input_ids
        theirs, margins = continuation(model, ids, options.tokens)
        ours = json.loads(
            run(options.nla, "generate", "--model", options.model, "--text", prompt, "--max-tokens", str(options.tokens),
                "--temperature", "0", "--dtype", options.dtype, "--json"))["ids"]
        ends = model.generation_config.eos_token_id
        bare = [t for t in theirs if t not in (ends if isinstance(ends, list) else [ends])]
        first = next((i for i, (a, b) in enumerate(zip(ours, bare)) if a != b), None)
        if first is None and len(ours) != len(bare):
            first = min(len(ours), len(bare))
        margin = None if first is None or first >= len(margins) else margins[first]
        results.append({"prompt": prompt, "tokens": len(bare), "differs_at": first, "margin": margin,
                        "right": first is None or (margin is not None and margin < 0.01)})
    return results


def compare_logits(options, model, tokenizer):
    text = " ".join(PROMPTS)
    ids = tokenizer(text, return_tensors="pt").input_ids
    theirs = model(ids).logits[0]
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "x.safetensors")
        run(options.nla, "extract", "--model", options.model, "--text", text, "--logits", "--dtype", options.dtype, "--output", path)
        found = load_file(path)
    assert found["ids"].tolist() == ids[0].tolist(), "other tokens"
    return float((found["logits"] - theirs).norm() / theirs.norm())


@torch.no_grad()
def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("model")
    parser.add_argument("dequantized")
    parser.add_argument("--nla", default=".build/release/nla")
    parser.add_argument("--dtype", default="f32")
    parser.add_argument("--tokens", type=int, default=32)
    options = parser.parse_args()
    tokenizer = AutoTokenizer.from_pretrained(options.dequantized)
    model = AutoModelForCausalLM.from_pretrained(options.dequantized, dtype=torch.float32)
    continuations = compare_continuations(options, model, tokenizer)
    logits = compare_logits(options, model, tokenizer)
    right = sum(c["right"] for c in continuations)
    print(json.dumps({
        "model": os.path.basename(options.model), "dtype": options.dtype, "prompts": len(continuations), "right": right,
        "equal": sum(c["differs_at"] is None for c in continuations), "logits_relative_error": logits,
        "differing": [c for c in continuations if c["differs_at"] is not None]}, indent=1))
    sys.exit(0 if right == len(continuations) and (options.dtype != "f32" or logits < 2e-5) else 1)


main()
