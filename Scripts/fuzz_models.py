"""Random tiny checkpoints and adapters, read by nla and by transformers and PEFT: what they compute must be equal.

usage: fuzz_models.py [--nla .build/release/nla] [--cases 2000] [--first 0] [--seed 1] [--only models|adapters] [--keep DIR]
needs: pip install torch transformers safetensors peft

Each case is a checkpoint with random weights, as save_pretrained writes it, whose config.json (or adapter_config.json) is then
changed by hand in ways that files have: rotary settings of every kind and dialect, norms, biases, head sizes, tied and stored
output matrices, windows, activations, nulls, missing keys, wrapped configurations, names with other prefixes, PEFT's settings.
A case follows from the seed and its number alone. Outcomes:

    equal            every block's output and the logits within 2e-5 (relative, float32)
    both refuse
    nla refuses      in one line that names a setting or a tensor; counted by setting
    they refuse      nla reads it; counted by their error, each kind is to be looked at
    ill-conditioned  more than that apart, but no more than rounding every weight once more makes in float64
    DIFFERENT        a fault
    CRASH            a fault: nla ended otherwise than with one line
    NAMELESS         a fault: nla's line names no setting

Exit status 1 if there is a fault. --keep leaves the folders of faults in DIR.
"""
import argparse, collections, json, logging, os, random, re, shutil, subprocess, sys, tempfile, warnings

os.environ.update(HF_HUB_OFFLINE="1", TRANSFORMERS_VERBOSITY="critical", TOKENIZERS_PARALLELISM="false")
warnings.filterwarnings("ignore")
import torch, transformers as tf, peft
from safetensors.torch import load_file, save_file

logging.disable(logging.WARNING)
tf.logging.disable_progress_bar()
torch.set_num_threads(1)
TOLERANCE = 2e-5
FAMILIES = ["llama", "qwen2", "qwen3", "gemma3_text", "gemma3"]
CLASSES = {"llama": tf.LlamaConfig, "qwen2": tf.Qwen2Config, "qwen3": tf.Qwen3Config, "gemma3_text": tf.Gemma3TextConfig}


# ---- Random checkpoints

def sizes(r, family):
    heads = r.choice([1, 2, 3, 4, 6])
    width = heads * r.choice([2, 4, 6, 8])
    s = dict(
        vocab_size=r.randint(7, 40), hidden_size=width, intermediate_size=r.randint(3, 24),
        num_hidden_layers=r.choice([1, 2, 2, 3, 7] if "gemma" in family else [1, 2, 3]), num_attention_heads=heads,
        num_key_value_heads=r.choice([k for k in range(1, heads + 1) if heads % k == 0]), bos_token_id=None, eos_token_id=None,
        pad_token_id=None, max_position_embeddings=r.choice([16, 64, 512, 4096]))
    if family != "qwen2" and r.random() < 0.7 or "gemma" in family or family == "qwen3":
        s["head_dim"] = r.choice([2, 4, 6, 8, 10])
    if family in ("llama", "qwen3", "gemma3_text", "gemma3") and r.random() < 0.3: s["attention_bias"] = True
    if family == "llama" and r.random() < 0.2: s["mlp_bias"] = True
    if "gemma" in family: s.update(sliding_window=r.choice([1, 3, 8, 100]), query_pre_attn_scalar=r.choice([1, 7, 16, 256]))
    return s


def rope(r, kind, window):
    """A description of one rotary embedding, with the keys its kind takes and sometimes others."""
    d = {r.choice(["rope_type", "rope_type", "type"]): kind}
    if r.random() < 0.1: d.update({"type": kind, "rope_type": kind})
    if r.random() < 0.5: d["rope_theta"] = r.choice([100.0, 1e4, 5e5, 1e6])
    if kind != "default" or r.random() < 0.1: d["factor"] = r.choice([1.0, 2, 4.0, 8.0, 0.5, 32.0])
    if kind == "llama3": d.update(low_freq_factor=r.choice([1.0, 1, 2.0]), high_freq_factor=r.choice([4.0, 8, 3.0]))
    if kind in ("llama3", "yarn", "longrope") and r.random() < 0.7: d["original_max_position_embeddings"] = r.choice([4, 16, 32, 8192])
    if kind == "yarn":
        for key, values in dict(attention_factor=[1.0, 0.7, 1.5], beta_fast=[32, 16.0, 2, 0], beta_slow=[1, 0.5, 0], mscale=[1.0, 0.7, 0], mscale_all_dim=[1.0, 0.3, 0], truncate=[True, False]).items():
            if r.random() < 0.3: d[key] = r.choice(values)
    if kind == "longrope": d.update(short_factor=[1.0] * window, long_factor=[2.0] * window)
    if r.random() < 0.06: d["partial_rotary_factor"] = r.choice([1.0, 0.5, 1])
    if r.random() < 0.08: d[r.choice(list(d))] = None
    if r.random() < 0.06: d.pop(r.choice(list(d)), None)
    return d


def rope_keys(r, c, family):
    for key in ["rope_parameters", "rope_theta", "rope_scaling", "rope_local_base_freq"]: c.pop(key, None)
    kind = lambda: r.choice(["default", "linear", "llama3", "yarn"] * 4 + ["dynamic", "longrope", "proportional", "mrope", "axial"])
    half = (c.get("head_dim") or 4) // 2
    gemma = "gemma" in family
    if r.random() < 0.45: c["rope_theta"] = r.choice([100.0, 10000, 1e6])
    if r.random() < 0.45: c["rope_scaling"] = r.choice([rope(r, kind(), half)] * 6 + [None, {}])
    if r.random() < 0.55:
        nested = {k: rope(r, kind(), half) for k in ["full_attention", "sliding_attention"] if r.random() < 0.85}
        if r.random() < 0.1: nested["full_attention"] = None
        c["rope_parameters"] = r.choice(([nested] * 8 if gemma else [rope(r, kind(), half)] * 8) + [None, {}, nested, rope(r, kind(), half)])
    if gemma and r.random() < 0.4: c["rope_local_base_freq"] = r.choice([50.0, 10000, 1e5])
    if r.random() < 0.05: c["rope_theta"] = None
    if r.random() < 0.04: c["partial_rotary_factor"] = r.choice([0.5, 1.0, None])
    if r.random() < 0.06: c["original_max_position_embeddings"] = r.choice([8, 16])


def other_keys(r, c, family):
    gemma = "gemma" in family
    def sometimes(share, key, *values):
        if r.random() < share: c[key] = r.choice(values)
    sometimes(0.3, "rms_norm_eps", 1e-5, 1e-3, 1e-12, 0.1, 1e-6)
    names = ["silu", "gelu", "gelu_pytorch_tanh", "swish", "gelu_new", "gelu_fast", "gelu_python", "gelu_accurate", "gelu_python_tanh", "relu", "quick_gelu", "mish", "none"]
    sometimes(0.25, "hidden_act", *names)
    sometimes(0.25, "hidden_activation", *names)
    sometimes(0.4, "tie_word_embeddings", True, False, True, False, None)
    if r.random() < 0.15: c.pop("tie_word_embeddings", None)
    sometimes(0.06, "attention_bias", True, False, None)
    sometimes(0.04, "mlp_bias", True, False, None)
    layers = c["num_hidden_layers"]
    types = [r.choice(["full_attention", "sliding_attention"]) for _ in range(layers)]
    if family in ("qwen2", "qwen3"):
        if r.random() < 0.5: c.pop("layer_types", None)
        sometimes(0.5, "use_sliding_window", True, True, False, None)
        sometimes(0.4, "sliding_window", 1, 2, 5, 300, None)
        if r.random() < 0.15: c.pop("sliding_window", None)
        sometimes(0.3, "max_window_layers", 0, 1, 2, 28)
        sometimes(0.15, "layer_types", types, types, None, types + ["full_attention"], ["chunked_attention"] * layers)
    if gemma:
        if r.random() < 0.4: c.pop("layer_types", None)
        sometimes(0.2, "layer_types", types, types, None)
        sometimes(0.2, "sliding_window_pattern", 2, 3, 6, 1, None)
        sometimes(0.1, "_sliding_window_pattern", 2, 3)
        sometimes(0.1, "sliding_window", None, 2)
        sometimes(0.04, "final_logit_softcapping", 30.0, None)
        sometimes(0.04, "attn_logit_softcapping", 50.0, None)
        sometimes(0.04, "use_bidirectional_attention", True, False, None)
    sometimes(0.04, "is_causal", False, True, None)
    sometimes(0.02, "per_layer_config", {}, {"0": {"intermediate_size": 8}})
    sometimes(0.05, "pretraining_tp", 2, 1)
    sometimes(0.05, "attention_dropout", 0.5, 0)
    sometimes(0.1, "torch_dtype", "bfloat16", "float16", "float32")
    for key in ["num_key_value_heads", "head_dim", "rms_norm_eps", "max_position_embeddings", "sliding_window", "intermediate_size"]:
        if r.random() < 0.03: c[key] = None
        if r.random() < 0.03: c.pop(key, None)
    if r.random() < 0.04 and (keys := [k for k in c if k not in ("model_type", "architectures")]): c[r.choice(keys)] = None
    if r.random() < 0.04 and (keys := [k for k in c if k not in ("model_type", "architectures")]): c.pop(r.choice(keys))


VISION = dict(hidden_size=8, intermediate_size=8, num_hidden_layers=1, num_attention_heads=2, image_size=8, patch_size=4)


def build(r, family, folder):
    """A checkpoint with random weights. Returns the text model's part of the configuration."""
    torch.manual_seed(r.getrandbits(32))
    s = sizes(r, family)
    tied = r.random() < 0.5
    if family == "gemma3":
        text = tf.Gemma3TextConfig(**s)
        config = tf.Gemma3Config(text_config=text.to_dict(), vision_config=VISION, mm_tokens_per_image=4, tie_word_embeddings=tied)
        model = tf.Gemma3ForConditionalGeneration(config)
    else:
        config = CLASSES[family](**s, tie_word_embeddings=tied)
        model = tf.AutoModelForCausalLM.from_config(config)
    with torch.no_grad():
        for name, p in model.float().named_parameters():
            p.normal_(0, 0.3)
            if p.ndim == 1 and "norm" in name and "gemma" not in family: p.add_(1)
    model.save_pretrained(folder)
    for name in ["generation_config.json"]:
        if os.path.exists(os.path.join(folder, name)): os.remove(os.path.join(folder, name))


def change_weights(r, folder, family):
    path = os.path.join(folder, "model.safetensors")
    t = load_file(path)
    embed = next(k for k in t if k.endswith("embed_tokens.weight"))
    head = "lm_head.weight"
    kind = r.random()
    if kind < 0.08: t.pop(head, None)
    elif kind < 0.2: t[head] = torch.randn_like(t[embed])
    elif kind < 0.3: t[head] = t[embed].clone()
    elif kind < 0.36:
        t.setdefault(head, t[embed].clone()); del t[embed]
    if r.random() < 0.03: t[r.choice(list(t))] = torch.randn(3, 3)
    if r.random() < 0.03: del t[r.choice(list(t))]
    if r.random() < 0.05: t["model.layers.0.self_attn.rotary_emb.inv_freq"] = torch.ones(2)
    if r.random() < 0.03: t["model.layers.99.mlp.up_proj.weight"] = torch.ones(2, 2)
    rename = r.random()
    if family == "gemma3":
        if rename < 0.4:
            t = {k.replace("model.language_model.", "language_model.model.").replace("model.vision_tower", "vision_tower").replace("model.multi_modal", "multi_modal"): v for k, v in t.items()}
            if head in t: t["language_model." + head] = t.pop(head)
    elif rename < 0.12: t = {k.removeprefix("model."): v for k, v in t.items()}
    dtype = r.choice([torch.float32] * 6 + [torch.bfloat16, torch.float16])
    t = {k: v.to(dtype).contiguous() for k, v in t.items()}
    if r.random() < 0.15 and len(t) > 3:
        os.remove(path)
        names = sorted(t); half = len(names) // 2
        parts = {"model-00001-of-00002.safetensors": names[:half], "model-00002-of-00002.safetensors": names[half:]}
        for file, keys in parts.items(): save_file({k: t[k] for k in keys}, os.path.join(folder, file), {"format": "pt"})
        json.dump({"metadata": {}, "weight_map": {k: f for f, keys in parts.items() for k in keys}}, open(path + ".index.json", "w"))
    else:
        save_file(t, path, {"format": "pt"})


def model_case(r, folder):
    family = r.choice(FAMILIES)
    build(r, family, folder)
    path = os.path.join(folder, "config.json")
    c = json.load(open(path))
    text = c["text_config"] if family == "gemma3" else c
    if r.random() < 0.8: rope_keys(r, text, family)
    if r.random() < 0.8: other_keys(r, text, family)
    if family == "gemma3":
        if r.random() < 0.3: c["tie_word_embeddings"] = r.choice([True, False, None])
        if r.random() < 0.2: c.pop("tie_word_embeddings", None)
        if r.random() < 0.1: text.pop("model_type", None)
    json.dump(c, open(path, "w"), indent=1)
    if r.random() < 0.6: change_weights(r, folder, family)


# ---- Random adapters

LINEAR = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]


def adapter_case(r, folder, adapter):
    family = r.choice(["llama", "qwen2", "qwen3", "gemma3_text"])
    build(r, family, folder)
    base = tf.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    layers = base.config.num_hidden_layers
    k = dict(r=r.choice([1, 2, 3, 4]), lora_alpha=r.choice([1, 4, 7, 16, 0.5]), task_type="CAUSAL_LM", use_rslora=r.random() < 0.3)
    target = r.random()
    if target < 0.6: k["target_modules"] = r.sample(LINEAR, r.randint(1, 7)) + (["lm_head"] if r.random() < 0.15 else [])
    elif target < 0.7: k["target_modules"] = "all-linear"
    elif target < 0.85: k["target_modules"] = r.choice([r".*\.(q|v)_proj", r"model\.layers\.0\..*_proj", r"(?:.*?(?:self_attn|mlp).*?(?:q_proj|up_proj).*?)", r".*layers\.\d+\.mlp\.(up|down)_proj$"])
    if isinstance(k.get("target_modules"), list):
        if r.random() < 0.15: k["layers_to_transform"] = r.choice([0, [0], list(range(layers)), [layers - 1]])
        if "layers_to_transform" in k and r.random() < 0.5: k["layers_pattern"] = r.choice(["layers", ["layers"], ["h", "layers"]])
    if r.random() < 0.15: k["exclude_modules"] = r.choice([["v_proj"], ["layers.0.mlp.up_proj"], r".*\.1\..*", ["q_proj", "o_proj"]])
    if r.random() < 0.25: k["rank_pattern"] = r.choice([{"q_proj": 2}, {"layers.0.self_attn.q_proj": 3}, {"^model.layers.1.*": 1}, {r".*\.(up|down)_proj": 2, "v_proj": 4}])
    if r.random() < 0.25: k["alpha_pattern"] = r.choice([{"q_proj": 9}, {"model.layers.0.mlp.up_proj": 3}, {"(k|v)_proj": 5, "v_proj": 2}, {r"layers\.[01]\..*": 6}])
    extra = r.random()
    if extra < 0.06: k["use_dora"] = True
    elif extra < 0.1: k["bias"] = r.choice(["all", "lora_only"])
    elif extra < 0.14: k["lora_bias"] = True
    elif extra < 0.17: k["modules_to_save"] = r.choice([["lm_head"], ["embed_tokens"], ["lm_head", "embed_tokens"], ["norm"], ["model.norm"], ["1.mlp", "q_proj"]])
    elif extra < 0.19: k["trainable_token_indices"] = [0, 1]
    elif extra < 0.21: k["layer_replication"] = [[0, layers], [0, layers]]
    elif extra < 0.23: k["fan_in_fan_out"] = True
    elif extra < 0.27: k["init_lora_weights"] = r.choice(["pissa", "pissa_niter_2", "olora", "mica", "orthogonal", "gaussian", "eva", "lora_ga"])
    k.setdefault("init_lora_weights", False)
    model = peft.get_peft_model(base, peft.LoraConfig(**k))
    torch.manual_seed(r.getrandbits(32))
    with torch.no_grad():
        for name, p in model.named_parameters():
            if "lora_" in name: p.normal_(0, 0.3)
            if "modules_to_save" in name: p.add_(torch.randn_like(p) * 0.3)
    model.save_pretrained(adapter)
    path = os.path.join(adapter, "adapter_config.json")
    c = json.load(open(path)); c["base_model_name_or_path"] = None
    def sometimes(share, key, *values):
        if r.random() < share: c[key] = r.choice(values)
    sometimes(0.25, "init_lora_weights", True, True, False, None, "gaussian", "pissa", "pissa_niter_4", "olora", "eva", "mica", "orthogonal", "lora_ga", "corda", "loftq", "kasa", "x")
    sometimes(0.05, "target_modules", None, ["q_proj"], LINEAR, ".*_proj", [])
    sometimes(0.05, "layers_to_transform", 0, [0], [], [9], None)
    sometimes(0.05, "exclude_modules", ["q_proj"], [], None, "x")
    sometimes(0.05, "rank_pattern", {}, {"up_proj": 2}, {"nothing": 7})
    sometimes(0.05, "alpha_pattern", {}, {"up_proj": 2}, {"proj": 3}, {"_proj": 3}, {".*_proj": 11})
    sometimes(0.05, "lora_alpha", 3, 2.5, 0)
    sometimes(0.03, "use_rslora", True, False, None)
    sometimes(0.03, "fan_in_fan_out", True, None)
    sometimes(0.03, "lora_dropout", 0.5)
    sometimes(0.02, "arrow_config", {})
    sometimes(0.02, "velora_config", {})
    sometimes(0.02, "kasa_config", {})
    sometimes(0.02, "monteclora_config", {})
    sometimes(0.02, "alora_invocation_tokens", [], [1, 2])
    sometimes(0.02, "eva_config", {})
    sometimes(0.02, "corda_config", {})
    sometimes(0.02, "use_qalora", True)
    sometimes(0.02, "a_setting_of_the_future", True, None, False)
    sometimes(0.02, "modules_to_save", [], ["score"])
    sometimes(0.02, "peft_type", "LOHA", "IA3", "ADALORA", "DORA")
    for key in ["r", "lora_alpha", "peft_type", "bias", "task_type", "rank_pattern"]:
        if r.random() < 0.01: c.pop(key, None)
    json.dump(c, open(path, "w"), indent=1)


# ---- Both sides

def theirs(folder, adapter, ids):
    """name -> tensor, or the error as text. Without what they would make up: weights that the files do not hold."""
    try:
        model, info = tf.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager", output_loading_info=True)
        made_up = {k for k in info["missing_keys"] if "vision" not in k and "multi_modal" not in k}
        lost = made_up - {"lm_head.weight"}
        if lost: return f"missing {sorted(lost)[0]}"
        if adapter:
            with warnings.catch_warnings(record=True) as said:
                warnings.simplefilter("always")
                model = peft.PeftModel.from_pretrained(model, adapter)
            # Random where the adapter begins with random numbers.
            config = model.peft_config["default"]
            if any("missing adapter keys" in str(w.message) for w in said) and config.init_lora_weights in (False, None, "orthogonal", "mica"):
                return "missing adapter keys"
        model.eval()
        out, hooks = {}, []
        decoder = (model.get_base_model() if adapter else model).get_decoder()
        for k, block in enumerate(getattr(decoder, "language_model", decoder).layers):
            hooks.append(block.register_forward_hook(lambda m, i, o, k=k: out.__setitem__(f"hidden.{k}", (o[0] if isinstance(o, tuple) else o).detach()[0])))
        with torch.no_grad(): logits = model(input_ids=torch.tensor([ids]), use_cache=False).logits[0]
        if not made_up: out["logits"] = logits
        return out
    except Exception as error:
        return f"{type(error).__name__}: {str(error)[:300]}"


def rounding(folder, adapter, ids):
    """How far the logits go in float64 when every weight is rounded to float32 once more."""
    model = tf.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager")
    if adapter: model = peft.PeftModel.from_pretrained(model, adapter)
    model = model.double().eval()
    logits = lambda: model(input_ids=torch.tensor([ids]), use_cache=False).logits[0]
    torch.manual_seed(0)
    with torch.no_grad():
        exact, weights, worst = logits(), [p.clone() for p in model.parameters()], 0
        for _ in range(4):
            for p, w in zip(model.parameters(), weights): p.copy_(w * (1 + 6e-8 * torch.randn_like(w)))
            worst = max(worst, error_of(logits(), exact))
    return worst


def ours(nla, folder, adapter, ids, out, logits=True):
    command = [nla, "extract", "--model", folder, "--ids", ",".join(map(str, ids)), "--layer", "all", "--dtype", "f32", "--quiet", "--output", out]
    done = subprocess.run(command + (["--adapter", adapter] if adapter else []) + (["--logits"] if logits else []), capture_output=True, text=True)
    if done.returncode == 0: return load_file(out)
    return (done.returncode, done.stderr.strip())


def error_of(a, b):
    return ((a.double() - b.double()).norm() / b.double().norm().clamp_min(1e-30)).item()


def setting(line):
    """The setting or tensor that a refusal names."""
    found = re.search(r"(?:config\.json|rope_parameters|rope_scaling|text_config|full_attention|sliding_attention): (\w+): ", line)
    inner = re.findall(r"(\w+): ", line.split("config.json", 1)[-1]) if "config.json: " in line else []
    keys = [k for k in inner if k not in ("Error", "json")]
    if keys: return keys[-1] if keys[0] in ("text_config", "rope_parameters", "rope_scaling", "full_attention", "sliding_attention") and len(keys) > 1 else keys[0]
    for word in ["embed_tokens", "lm_head", "norm", "_proj", "target_modules", "token"]:
        if word in line: return word
    return found.group(1) if found else None


def run(args, number, counts, faults):
    r = random.Random(f"{args.seed}/{number}")
    with tempfile.TemporaryDirectory() as scratch:
        folder, adapter = os.path.join(scratch, "model"), None
        if args.only != "models" and (args.only == "adapters" or number % 3 == 2):
            adapter = os.path.join(scratch, "adapter")
            try: adapter_case(r, folder, adapter)
            except Exception as error:
                counts["not made", type(error).__name__] += 1
                return
        else: model_case(r, folder)
        config = json.load(open(os.path.join(folder, "config.json")))
        vocabulary = 7
        ids = [r.randrange(vocabulary) for _ in range(r.choice([2, 5, 17, 40, 70]))]
        want = theirs(folder, adapter, ids)
        got = ours(args.nla, folder, adapter, ids, os.path.join(scratch, "out.safetensors"))
        if isinstance(got, tuple) and "output matrix" in got[1] and not (isinstance(want, dict) and "logits" in want):
            got = ours(args.nla, folder, adapter, ids, os.path.join(scratch, "out.safetensors"), logits=False)
        outcome, detail = compare(got, want)
        # Small heads and norms of small vectors magnify every rounding, theirs as well as ours.
        if outcome == "DIFFERENT" and isinstance(got, dict) and detail[1] < min(1e-3, 20 * rounding(folder, adapter, ids)):
            outcome = "ill-conditioned"
        counts[outcome, detail if outcome in ("nla refuses", "they refuse") else ""] += 1
        if outcome.isupper() or args.verbose:
            print(f"{number}: {outcome} {detail}", got[1] if args.verbose and isinstance(got, tuple) else "", flush=True)
        if outcome.isupper():
            faults.append(number)
            if args.keep: shutil.copytree(scratch, os.path.join(args.keep, str(number)), dirs_exist_ok=True)


def compare(got, want):
    if isinstance(got, tuple):
        status, line = got
        if status != 1 or "\n" in line or not line.startswith("Error: ") or "internal" in line: return "CRASH", f"{status} {line[:300]}"
        if isinstance(want, str): return "both refuse", line
        name = setting(line)
        return ("nla refuses", name) if name else ("NAMELESS", line)
    if isinstance(want, str): return "they refuse", re.sub(r"[\d.]+|\{.*|\[.*", "#", want)[:110]
    if any(not torch.isfinite(t).all() for t in want.values()): return "they compute NaN", ""
    errors = {name: error_of(got[name], t) if name in got else float("inf") for name, t in want.items()}
    worst = max(errors, key=errors.get)
    return ("equal", "") if errors[worst] <= TOLERANCE else ("DIFFERENT", (worst, errors[worst]))


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--nla", default=".build/release/nla"); p.add_argument("--cases", type=int, default=2000)
    p.add_argument("--first", type=int, default=0); p.add_argument("--seed", type=int, default=1)
    p.add_argument("--only", choices=["models", "adapters"]); p.add_argument("--keep"); p.add_argument("--verbose", action="store_true")
    args = p.parse_args()
    if args.keep: os.makedirs(args.keep, exist_ok=True)
    counts, faults = collections.Counter(), []
    for number in range(args.first, args.first + args.cases): run(args, number, counts, faults)
    totals = collections.Counter()
    for (outcome, _), n in counts.items(): totals[outcome] += n
    for outcome, n in totals.most_common():
        print(f"{n:6} {outcome}")
        for (o, detail), m in counts.most_common():
            if o == outcome and detail: print(f"       {m:5} {detail}")
    if faults: sys.exit(f"faults: {faults[:50]}")


main()
