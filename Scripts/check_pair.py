"""Opens a pair of verbalizer and reconstructor with transformers and plain PyTorch, as docs/method.md describes it, and compares with what
`nla explain` says about the same texts: greedy explanations, reconstructions' errors, and the fraction of variance explained.

usage: [NLA=.build/release/nla] check_pair.py PAIR [TEXT ...] [--world 20]
needs: pip install torch transformers safetensors pyyaml

environment: NLA names the nla to compare with; without it, .build/release/nla of this repository

PAIR holds target/, av/ and ar/. Without texts, held-out TinyWorld texts are taken. float32 throughout. Where two tokens are equally
probable to five digits, the greedy explanations may part; such rows are counted and their own text is scored on both sides.
"""
import argparse, json, os, subprocess, sys
import torch, transformers, yaml
from safetensors.torch import load_file

here = os.path.dirname(os.path.abspath(__file__))
nla = os.environ.get("NLA", os.path.join(here, "../.build/release/nla"))
parser = argparse.ArgumentParser()
parser.add_argument("pair")
parser.add_argument("texts", nargs="*")
parser.add_argument("--world", type=int, default=20)
arguments = parser.parse_args()

load = lambda name: transformers.AutoModelForCausalLM.from_pretrained(os.path.join(arguments.pair, name), dtype=torch.float32).eval()
sidecar = lambda name: yaml.safe_load(open(os.path.join(arguments.pair, name, "nla_meta.yaml")))
target, verbalizer, reconstructor = load("target"), load("av"), load("ar")
tokenizer = transformers.AutoTokenizer.from_pretrained(os.path.join(arguments.pair, "av"))
av, ar = sidecar("av"), sidecar("ar")
head = load_file(os.path.join(arguments.pair, "ar", "value_head.safetensors"))["weight"].float()
layer, marker = av["extraction"]["layer_index"], av["tokens"]["injection_token_id"]
scale = av["extraction"]["injection_scale"]
scale = head.shape[0] ** 0.5 if scale == "sqrt_d_model" else float(scale)
prompt = tokenizer.apply_chat_template(
    [{"role": "user", "content": av["prompt_templates"]["av"].replace("{injection_char}", av["tokens"]["injection_char"])}],
    tokenize=False, add_generation_prompt=True)
prompt = tokenizer(prompt, add_special_tokens=False)["input_ids"]
place = prompt.index(marker)
assert prompt.count(marker) == 1


@torch.no_grad()
def explain(vector, limit=200):
    """Greedy continuation of the prompt with the vector in the marker's place, and the least margin of a choice."""
    table, response, margin = verbalizer.get_input_embeddings(), [], float("inf")
    while len(response) < limit:
        x = table(torch.tensor([prompt + response])).clone()
        x[0, place] = vector * scale / vector.norm()
        top = verbalizer(inputs_embeds=x, use_cache=False).logits[0, -1].topk(2)
        margin = min(margin, float(top.values[0] - top.values[1]))
        response.append(int(top.indices[0]))
        text = tokenizer.decode(response)
        if "</explanation>" in text or response[-1] == tokenizer.eos_token_id: break
    text = tokenizer.decode(response)
    return text.split("<explanation>")[-1].split("</explanation>")[0].strip(), margin


@torch.no_grad()
def reconstruct(text):
    ids = tokenizer(ar["prompt_templates"]["ar"].replace("{explanation}", text))["input_ids"]
    kept = {}
    hook = reconstructor.get_decoder().layers[-1].register_forward_hook(
        lambda m, i, o: kept.__setitem__("h", o[0] if isinstance(o, tuple) else o))
    reconstructor(input_ids=torch.tensor([ids]), use_cache=False)
    hook.remove()
    return kept["h"].reshape(-1, head.shape[0])[-1] @ head.T


texts = arguments.texts
if not texts:
    world = subprocess.run([nla, "world", "--split", "held-out", "--count", str(arguments.world), "--json"], capture_output=True, text=True, check=True)
    texts = [json.loads(line)["text"] for line in world.stdout.splitlines()]

rows = parted = differing = 0
worst = worst_norm = 0.0
errors = {"nla": [], "PyTorch": []}
for text in texts:
    run = subprocess.run(
        [nla, "explain", "--nla", arguments.pair, "--text", text, "--every", "9", "--dtype", "f32", "--json", "--quiet"],
        capture_output=True, text=True, check=True)
    ids = tokenizer(text)["input_ids"]
    with torch.no_grad():
        hidden = target(input_ids=torch.tensor([ids]), use_cache=False, output_hidden_states=True).hidden_states[layer + 1][0]
    for row in json.loads(run.stdout)["results"]:
        vector = hidden[row["position"]]
        assert ids[row["position"]] == row["token_id"], (text, row)
        worst_norm = max(worst_norm, abs(float(vector.norm()) - row["l2_norm"]) / row["l2_norm"])
        words, margin = explain(vector)
        if words != row["description"]:
            if margin < 1e-4: parted += 1
            else: differing += 1
        cosine = float(torch.nn.functional.cosine_similarity(reconstruct(row["description"]), vector, dim=0))
        errors["PyTorch"].append(2 * (1 - cosine))
        errors["nla"].append(row["mse"])
        worst = max(worst, abs(2 * (1 - cosine) - row["mse"]))
        rows += 1

variance = (ar.get("scores") or {}).get("variance", {}).get("raw")
print(f"{rows} activations of {len(texts)} texts; norms differ by at most {worst_norm:.1e} relative")
print(f"greedy explanations: {rows - parted - differing} equal, {parted} part where two tokens tie, {differing} differ")
print(f"errors of reconstructions differ by at most {worst:.1e}")
for name, values in errors.items():
    mean = sum(values) / len(values)
    print(f"{name:8} mean error {mean:.5f}" + (f", FVE {1 - mean / variance:.5f}" if variance else ""))
sys.exit(1 if differing or worst > 1e-3 else 0)
