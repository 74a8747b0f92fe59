"""Tiny checkpoints with what transformers and PEFT compute on them: the goldens of LanguageModelTests.

usage: make_models.py [NAME…]            rewrites models/ beside this file, or only these folders of it
needs: pip install torch transformers safetensors peft

models/NAME/            config.json and model.safetensors, random weights, as save_pretrained writes them
models/NAME/expected.safetensors
    ids, hidden.K, logits, loss, grad.*, after3.*       what `nla check` compares with
models/lora/            an adapter in PEFT's layout for models/llama
models/lora/expected.safetensors
    ids, logits         with the adapter applied
    after3.A, after3.B  one layer's adapter after three AdamW steps on the language loss (lr 1e-2, no decay)
models/lora-patterns, lora-head, lora-saved, lora-saved-tied, lora-saved-head, dora
    adapters with settings for single layers; ids and logits

CHANGED holds checkpoints whose files were changed by hand as people do; what transformers makes of them is what is right.
"""
import json, os, shutil, sys
import torch, transformers as tf
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import load_file, save_file

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "models")
LLAMA3 = {"rope_type": "llama3", "factor": 4.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 16, "rope_theta": 1e4}
LINEAR = {"full_attention": {"rope_type": "linear", "factor": 8.0, "rope_theta": 1e6}, "sliding_attention": {"rope_type": "default", "rope_theta": 1e4}}
S = dict(vocab_size=37, hidden_size=24, intermediate_size=40, num_hidden_layers=3, num_attention_heads=4, num_key_value_heads=2)

def gemma(**k):
    return tf.Gemma3TextConfig(**{**S, "head_dim": 10, "num_hidden_layers": 7, "sliding_window": 4, "query_pre_attn_scalar": 11, "rope_parameters": LINEAR, **k})

MODELS = {
    "llama": lambda: tf.LlamaConfig(**S, tie_word_embeddings=False, rope_parameters=LLAMA3, max_position_embeddings=64),
    "llama-odd": lambda: tf.LlamaConfig(**{**S, "hidden_size": 15, "num_attention_heads": 5, "num_key_value_heads": 1}, head_dim=6, attention_bias=True, mlp_bias=True, tie_word_embeddings=True),
    "qwen2": lambda: tf.Qwen2Config(**S, tie_word_embeddings=True),
    "qwen2-window": lambda: tf.Qwen2Config(**S, tie_word_embeddings=False, use_sliding_window=True, sliding_window=3, max_window_layers=1),
    "qwen3": lambda: tf.Qwen3Config(**S, head_dim=8, tie_word_embeddings=False),
    "gemma3": lambda: gemma(),
    "gemma3-wrapped": lambda: tf.Gemma3Config(text_config=gemma(num_hidden_layers=2).to_dict(), vision_config=dict(hidden_size=8, intermediate_size=8, num_hidden_layers=1, num_attention_heads=2, image_size=8, patch_size=4), mm_tokens_per_image=4),
}

def edit(folder, **changes):
    path = os.path.join(folder, "config.json")
    c = json.load(open(path)); c.update(changes); json.dump(c, open(path, "w"), indent=2)

def weights(folder, change):
    path = os.path.join(folder, "model.safetensors")
    t = load_file(path); change(t); save_file(t, path, {"format": "pt"})

def own_head(t): t["lm_head.weight"] = torch.randn_like(t["model.embed_tokens.weight"]) * 0.15
def head_only(t): t["lm_head.weight"] = t.pop("model.embed_tokens.weight")

YARN = {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 16, "beta_fast": 4, "beta_slow": 0.5, "mscale": 0.7, "mscale_all_dim": 0.4}
T = {**S, "num_hidden_layers": 2}

# name: (the checkpoint, what is changed in its folder)
CHANGED = {
    # Both dialects at once: the second wins, its base too.
    "qwen3-yarn": (lambda: tf.Qwen3Config(**T, head_dim=16, tie_word_embeddings=False, rope_parameters={"rope_type": "default", "rope_theta": 1e6}),
        lambda f: edit(f, rope_scaling={"type": "yarn", "factor": 4.0, "original_max_position_embeddings": 8})),
    # Both dialects where there is one for each type of layer, an activation under a key that is not read, an own output matrix.
    "gemma3-own-head": (lambda: gemma(num_hidden_layers=2, layer_types=["full_attention", "sliding_attention"], tie_word_embeddings=True),
        lambda f: (edit(f, rope_scaling=YARN, hidden_act="silu"), weights(f, own_head))),
    "qwen2-head-only": (lambda: tf.Qwen2Config(**T, tie_word_embeddings=True), lambda f: weights(f, head_only)),
    "llama-no-head": (lambda: tf.LlamaConfig(**T, tie_word_embeddings=False), lambda f: weights(f, lambda t: t.pop("lm_head.weight"))),
}

def build(config):
    cls = tf.Gemma3ForConditionalGeneration if isinstance(config, tf.Gemma3Config) else tf.AutoModelForCausalLM
    model = (cls(config) if cls is tf.Gemma3ForConditionalGeneration else cls.from_config(config)).float().eval()
    with torch.no_grad():
        for name, p in model.named_parameters():
            p.normal_(0, 0.15)
            if p.ndim == 1 and "norm" in name and config.model_type not in ("gemma3", "gemma3_text"): p.add_(1)
    return model

def blocks(model):
    decoder = model.get_decoder()
    return getattr(decoder, "language_model", decoder).layers

def loss_of(model, ids):
    logits = model(input_ids=ids, use_cache=False).logits
    return logits, torch.nn.functional.cross_entropy(logits[0, :-1], ids[0, 1:])

def expected(model, vocab, length=13):
    ids = torch.randint(0, vocab, (1, length))
    out, hooks = {"ids": ids[0]}, []
    for k, block in enumerate(blocks(model)):
        hooks.append(block.register_forward_hook(lambda m, i, o, k=k: out.__setitem__(f"hidden.{k}", (o[0] if isinstance(o, tuple) else o).detach().reshape(length, -1).clone())))
    logits, loss = loss_of(model, ids)
    for h in hooks: h.remove()
    loss.backward()
    out.update(logits=logits[0].detach(), loss=loss.detach())
    trained = [(n, p) for n, p in model.named_parameters() if p.grad is not None]
    last = f"layers.{len(blocks(model)) - 1}."
    kept = [(n, p) for n, p in trained if last in n or "layers" not in n]
    out.update({f"grad.{n}": p.grad.clone() for n, p in kept})
    optimizer = torch.optim.AdamW([p for _, p in trained], lr=1e-3, weight_decay=0.01)
    optimizer.step()
    for _ in range(2):
        optimizer.zero_grad(); loss_of(model, ids)[1].backward(); optimizer.step()
    out.update({f"after3.{n}": p.detach().clone() for n, p in kept})
    return out

def save(tensors, path): save_file({k: v.contiguous() for k, v in tensors.items()}, path)

def set_adapter(folder, settings, over="llama", **changes):
    """An adapter with random weights; `changes` are made to its adapter_config.json by hand."""
    torch.manual_seed(6)
    base = lambda: tf.AutoModelForCausalLM.from_pretrained(os.path.join(HERE, over), dtype=torch.float32)
    model = get_peft_model(base(), LoraConfig(lora_alpha=7, task_type="CAUSAL_LM", init_lora_weights=False, **settings))
    with torch.no_grad():
        for name, p in model.named_parameters():
            if "modules_to_save" in name: p.add_(torch.randn_like(p) * 0.2)
            if "magnitude" in name: p.mul_(1 + torch.rand_like(p))
    model.save_pretrained(folder)
    os.remove(os.path.join(folder, "README.md"))
    path = os.path.join(folder, "adapter_config.json")
    c = json.load(open(path)); c.update(base_model_name_or_path=None, **changes); json.dump(c, open(path, "w"), indent=1)
    ids = torch.randint(0, S["vocab_size"], (1, 11))
    logits = PeftModel.from_pretrained(base(), folder).eval()(input_ids=ids).logits[0].detach()
    save({"ids": ids[0], "logits": logits}, os.path.join(folder, "expected.safetensors"))

ADAPTERS = {
    "lora": lambda f: adapter(f),
    "lora-patterns": lambda f: set_adapter(f, dict(r=3, use_rslora=True, target_modules=r"(?:.*?\.(?:q|v|up|down)_proj)", exclude_modules=["layers.1.mlp.up_proj"],
        rank_pattern={"^model.layers.0.*_proj": 1, "mlp.down_proj": 4}, alpha_pattern={"(q|k)_proj": 11, r"layers\.[12]\..*": 2.5})),
    # PEFT stores a copy of the output matrix beside its adapter.
    "lora-head": lambda f: set_adapter(f, dict(r=2, target_modules=["k_proj", "lm_head"], layers_to_transform=[1, 2], layers_pattern="layers"),
        init_lora_weights="eva", fan_in_fan_out=True),
    # Modules that were trained whole: norm is every norm, and 1.mlp what is in it.
    "lora-saved": lambda f: set_adapter(f, dict(r=2, target_modules=["k_proj", "up_proj", "lm_head"], modules_to_save=["lm_head", "embed_tokens", "norm", "1.mlp"])),
    # The embedding alone of a model whose output matrix it is too.
    "lora-saved-tied": lambda f: set_adapter(f, dict(r=2, target_modules=["k_proj", "lm_head"], modules_to_save=["embed_tokens"]), over="qwen2"),
    # Magnitudes of rows beside the adapter, of a layer with its own rank and scale too.
    "dora": lambda f: set_adapter(f, dict(r=3, use_dora=True, use_rslora=True, target_modules=["q_proj", "down_proj", "lm_head"],
        rank_pattern={"layers.1.mlp.down_proj": 5}, alpha_pattern={"layers.2.*": 3})),
    "lora-saved-head": lambda f: set_adapter(f, dict(r=2, target_modules=["k_proj"], modules_to_save=["lm_head"]), over="qwen2"),
}

def adapter(folder):
    torch.manual_seed(5)
    base = tf.AutoModelForCausalLM.from_pretrained(os.path.join(HERE, "llama"), dtype=torch.float32)
    model = get_peft_model(base, LoraConfig(r=3, lora_alpha=7, target_modules=["q_proj", "down_proj"], task_type="CAUSAL_LM", init_lora_weights=False)).eval()
    model.save_pretrained(folder)
    os.remove(os.path.join(folder, "README.md"))
    c = os.path.join(folder, "adapter_config.json"); j = json.load(open(c)); j["base_model_name_or_path"] = None; json.dump(j, open(c, "w"), indent=1)
    ids = torch.randint(0, S["vocab_size"], (1, 11))
    out = {"ids": ids[0], "logits": model(input_ids=ids).logits[0].detach()}
    trained = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=1e-2, weight_decay=0)
    for _ in range(3):
        optimizer.zero_grad(); loss_of(model, ids)[1].backward(); optimizer.step()
    layer = model.base_model.model.model.layers[1].mlp.down_proj
    out.update({"after3.A": layer.lora_A["default"].weight.detach(), "after3.B": layer.lora_B["default"].weight.detach()})
    save(out, os.path.join(folder, "expected.safetensors"))

def checkpoint(number, name, config, change=None):
    torch.manual_seed(number)
    model, folder = build(config()), os.path.join(HERE, name)
    model.save_pretrained(folder)
    if change:
        change(folder)
        model, info = type(model).from_pretrained(folder, dtype=torch.float32, output_loading_info=True)
        model.eval()
        out = expected(model, S["vocab_size"])
        # What is missing was made up.
        if info["missing_keys"]: out = {k: v for k, v in out.items() if k == "ids" or k.startswith("hidden.")}
    else:
        out = expected(model, S["vocab_size"])
    save(out, os.path.join(folder, "expected.safetensors"))
    os.path.exists(g := os.path.join(folder, "generation_config.json")) and os.remove(g)

chosen = sys.argv[1:] or [*MODELS, *CHANGED, *ADAPTERS]
for name in chosen: shutil.rmtree(os.path.join(HERE, name), ignore_errors=True)
for number, (name, config) in enumerate(MODELS.items()):
    if name in chosen: checkpoint(number, name, config)
for number, (name, (config, change)) in enumerate(CHANGED.items(), 100):
    if name in chosen: checkpoint(number, name, config, change)
for name, make in ADAPTERS.items():
    if name in chosen: make(os.path.join(HERE, name))
