"""Tiny checkpoints with what transformers and PEFT compute on them: the goldens of LanguageModelTests.

usage: make_models.py                    rewrites models/ beside this file
needs: pip install torch transformers safetensors peft

models/NAME/            config.json and model.safetensors, random weights, as save_pretrained writes them
models/NAME/expected.safetensors
    ids, hidden.K, logits, loss, grad.*, after3.*       what `nla check` compares with
models/lora/            an adapter in PEFT's layout for models/llama
models/lora/expected.safetensors
    ids, logits         with the adapter applied
    after3.A, after3.B  one layer's adapter after three AdamW steps on the language loss (lr 1e-2, no decay)
"""
import json, os, shutil
import torch, transformers as tf
from peft import LoraConfig, get_peft_model
from safetensors.torch import save_file

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

shutil.rmtree(HERE, ignore_errors=True)
for number, (name, config) in enumerate(MODELS.items()):
    torch.manual_seed(number)
    model, folder = build(config()), os.path.join(HERE, name)
    model.save_pretrained(folder)
    save(expected(model, S["vocab_size"]), os.path.join(folder, "expected.safetensors"))
    os.path.exists(g := os.path.join(folder, "generation_config.json")) and os.remove(g)
adapter(os.path.join(HERE, "lora"))
