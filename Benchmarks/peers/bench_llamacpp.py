"""llama.cpp on the workloads that it can run, with the same model shape and random weights, in bfloat16 or float32.

usage: bench_llamacpp.py CONFIG.json [--threads N] [--dtype bfloat16]     (prints one JSON object)
needs: pip install numpy gguf, and llama-cpp-python built from source for this CPU

  extract  2048 tokens in sequences of 256, prompt processing without logits (all blocks: it cannot stop at one)
  rollout  64 sequences that share a 125-token prompt, 32 new tokens each, decoding only, no sampling
  decode1  32 new tokens after a 125-token prompt, prompt excluded
"""
import argparse, ctypes, json, os, tempfile, time
import numpy as np, gguf, llama_cpp as L

ap = argparse.ArgumentParser()
ap.add_argument("config"); ap.add_argument("--threads", type=int, default=os.cpu_count())
ap.add_argument("--dtype", default="bfloat16", choices=["bfloat16", "float32"])
a = ap.parse_args()
c = json.load(open(a.config))
d, f, n, h, kv, V = (c[k] for k in ("hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads", "num_key_value_heads", "vocab_size"))

def write(path):
    rng = np.random.default_rng(0)
    w = gguf.GGUFWriter(path, "qwen2")
    w.add_block_count(n); w.add_context_length(4096); w.add_embedding_length(d); w.add_feed_forward_length(f)
    w.add_head_count(h); w.add_head_count_kv(kv); w.add_layer_norm_rms_eps(c["rms_norm_eps"]); w.add_rope_freq_base(c["rope_theta"])
    w.add_vocab_size(V); w.add_tokenizer_model("no_vocab"); w.add_file_type(gguf.LlamaFileType.MOSTLY_BF16 if a.dtype == "bfloat16" else gguf.LlamaFileType.ALL_F32)
    def matrix(name, rows, cols):
        x = rng.standard_normal((rows, cols), dtype=np.float32) * 0.02
        if a.dtype == "float32": return w.add_tensor(name, x)
        x = x.view(np.uint32)
        w.add_tensor(name, (x >> 16).astype(np.uint16).view(np.uint8).reshape(rows, cols * 2), raw_dtype=gguf.GGMLQuantizationType.BF16)
    def vector(name, size, value): w.add_tensor(name, np.full(size, value, np.float32))
    matrix("token_embd.weight", V, d); vector("output_norm.weight", d, 1)
    for i in range(n):
        p = f"blk.{i}."
        vector(p + "attn_norm.weight", d, 1); vector(p + "ffn_norm.weight", d, 1)
        k = d // h * kv
        for name, rows in (("attn_q", d), ("attn_k", k), ("attn_v", k)):
            matrix(p + name + ".weight", rows, d); vector(p + name + ".bias", rows, 0)
        matrix(p + "attn_output.weight", d, d)
        matrix(p + "ffn_gate.weight", f, d); matrix(p + "ffn_up.weight", f, d); matrix(p + "ffn_down.weight", d, f)
    w.write_header_to_file(); w.write_kv_data_to_file(); w.write_tensors_to_file(); w.close()

folder = tempfile.mkdtemp(); path = os.path.join(folder, "model.gguf"); write(path)
quiet = L.llama_log_callback(lambda level, text, data: None); L.llama_log_set(quiet, None)
L.llama_backend_init()
model = L.llama_model_load_from_file(path.encode(), L.llama_model_default_params())
params = L.llama_context_default_params()
params.n_ctx, params.n_batch, params.n_ubatch, params.n_seq_max = 8192, 2048, 512, 65
params.n_threads = params.n_threads_batch = a.threads
if hasattr(params, "kv_unified"): params.kv_unified = True
ctx = L.llama_init_from_model(model, params)
memory = L.llama_get_memory(ctx)
rng = np.random.default_rng(1)

def decode(rows):  # rows: (token, position, [sequences], logits)
    b = L.llama_batch_init(len(rows), 0, 65); b.n_tokens = len(rows)
    for i, (token, position, sequences, logits) in enumerate(rows):
        b.token[i], b.pos[i], b.n_seq_id[i], b.logits[i] = token, position, len(sequences), logits
        for j, s in enumerate(sequences): b.seq_id[i][j] = s
    r = L.llama_decode(ctx, b); L.llama_synchronize(ctx); L.llama_batch_free(b); assert r == 0, r

def clear(): L.llama_memory_clear(memory, True)
def ids(k): return rng.integers(0, V, k).tolist()
def timed(body):
    s = time.perf_counter(); body(); return time.perf_counter() - s

def extract():
    clear(); t = ids(2048)
    return timed(lambda: decode([(t[i], i % 256, [i // 256], int(i % 256 == 255)) for i in range(2048)]))
def prompt(sequences):
    clear(); t = ids(125); decode([(t[i], i, sequences, int(i == 124)) for i in range(125)])
def rollout():
    prompt(list(range(64)))
    return timed(lambda: [decode([(int(x), 125 + s, [q], 1) for q, x in enumerate(ids(64))]) for s in range(32)])
def decode1():
    prompt([0])
    return timed(lambda: [decode([(ids(1)[0], 125 + s, [0], 1)]) for s in range(32)])

print(json.dumps({"threads": a.threads, "dtype": a.dtype, "extract_tokens_per_s": 2048 / min(extract() for _ in range(2)),
                  "rollout_new_tokens_per_s": 64 * 32 / min(rollout() for _ in range(2)), "decode1_tokens_per_s": 32 / min(decode1() for _ in range(2))}))
os.remove(path); os.rmdir(folder)
