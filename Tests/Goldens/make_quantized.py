"""Tiny quantized checkpoints in every format that is read, with what their packages make of them: the goldens of QuantizationTests.

usage: make_quantized.py [NAME…]         rewrites quantized/ beside this file, or only these folders of it
needs: pip install torch transformers safetensors mlx mlx-cpu compressed-tensors bitsandbytes

quantized/NAME/            config.json and model.safetensors, one random Llama, quantized
quantized/NAME/expected.json
    ids, logits            of transformers on the dequantized weights, float32 (hexadecimal, little endian)
    weights                by layer: the FNV-1a hash of the dequantized weights in float32, and the first of them

Dequantized by: mlx.core.dequantize; compressed_tensors' decompress; transformers' Fp8Dequantize; bitsandbytes.functional. GPTQ and AWQ are
packed here, and dequantized as GPTQModel's `dequantize_weight` and AutoAWQ's `dequantize_gemm` do it.
"""

import json, os, sys
import numpy as np, torch, transformers as tf
from safetensors.torch import save_file

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "quantized")
CONFIG = dict(
    model_type="llama", architectures=["LlamaForCausalLM"], hidden_size=64, intermediate_size=128, num_hidden_layers=1,
    num_attention_heads=2, num_key_value_heads=1, head_dim=32, vocab_size=32, rms_norm_eps=1e-6, rope_theta=10000.0,
    max_position_embeddings=64, tie_word_embeddings=False)


def model():
    torch.manual_seed(5)
    m = tf.LlamaForCausalLM(tf.LlamaConfig(**CONFIG)).float().eval()
    with torch.no_grad():
        for name, p in m.named_parameters():
            p.normal_(0, 0.15)
            if "norm" in name: p.add_(1)
    return m

def linears(m): return [n for n, x in m.named_modules() if isinstance(x, torch.nn.Linear) and n != "lm_head"]

def fnv(data):
    h = 0xCBF29CE484222325
    for byte in data: h = (h ^ byte) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return f"{h:016x}"

def hexed(t): return t.detach().float().contiguous().numpy().astype("<f4").tobytes().hex()

def write(name, tensors, dequantized, **settings):
    """`tensors` go into the file; `dequantized` are the weights of layers by name."""
    folder = os.path.join(HERE, name)
    os.makedirs(folder, exist_ok=True)
    m = model()
    state = m.state_dict()
    for key, value in tensors.items():  # what is not quantized
        if key in state and value.dtype in (torch.float32, torch.float16, torch.bfloat16): state[key] = value.float()
    for key, value in dequantized.items(): state[key + ".weight"] = value.float()
    m.load_state_dict(state)
    ids = torch.tensor([[3, 31, 0, 17, 8, 8, 21]])
    logits = m(input_ids=ids).logits[0]
    json.dump(dict(CONFIG, torch_dtype="bfloat16", **settings), open(os.path.join(folder, "config.json"), "w"), indent=1)
    save_file({k: v.contiguous() for k, v in tensors.items()}, os.path.join(folder, "model.safetensors"))
    weights = {k: dict(hash=fnv(v.float().contiguous().numpy().astype("<f4").tobytes()), first=hexed(v.flatten()[:8])) for k, v in dequantized.items()}
    json.dump(dict(ids=ids[0].tolist(), logits=hexed(logits), weights=weights), open(os.path.join(folder, "expected.json"), "w"), indent=1)

def rest(m, quantized, dtype=torch.bfloat16):
    return {k: v.detach().to(dtype) for k, v in m.state_dict().items() if k.removesuffix(".weight") not in quantized}


# MARK: MLX

def mlx(name, mode="affine", bits=4, group=64, dtype="bfloat16", layers={}):
    import mlx.core as mx
    mx.set_default_device(mx.cpu)
    to_torch = lambda a: torch.from_numpy(np.array(a.view(mx.uint16)).view(np.int16)).view(getattr(torch, dtype)) if a.dtype in (mx.bfloat16, mx.float16) else torch.from_numpy(np.array(a))
    m = model()
    names = linears(m) + ["model.embed_tokens", "lm_head"]
    kept = [n for n in names if layers.get(n) is False]
    tensors, dequantized = rest(m, set(names) - set(kept), getattr(torch, dtype)), {}
    for n in names:
        if n in kept: continue
        own = dict(group_size=group, bits=bits, mode=mode)
        own.update(layers.get(n, {}))
        w = mx.array(m.state_dict()[n + ".weight"].numpy()).astype(getattr(mx, dtype))
        parts = mx.quantize(w, **own)
        for part, value in zip(("weight", "scales", "biases"), parts): tensors[f"{n}.{part}"] = to_torch(value)
        back = mx.dequantize(*parts, **own)
        dequantized[n] = torch.from_numpy(np.array(back.astype(mx.float32)))
        # The package's own product agrees with its dequantized weights.
        x = mx.random.normal((2, w.shape[1])).astype(mx.float32 if dtype == "float32" else back.dtype)
        if dtype == "float32":
            y = mx.quantized_matmul(x, *parts[:2], parts[2] if len(parts) > 2 else None, transpose=True, **own)
            assert np.allclose(np.array(y), np.array(x) @ np.array(back).T, atol=1e-4)
    settings = dict(group_size=group, bits=bits, mode=mode, **layers)
    write(name, tensors, dequantized, quantization=settings, quantization_config=settings)


# MARK: compressed-tensors

def compressed(name, format, dtype=torch.bfloat16, **weights):
    from compressed_tensors.compressors import BaseCompressor
    from compressed_tensors.quantization import QuantizationArgs, QuantizationScheme
    from compressed_tensors.quantization.utils import calculate_qparams
    args = QuantizationArgs(**weights)
    scheme = QuantizationScheme(targets=["Linear"], weights=args)
    compressor = BaseCompressor.get_value_from_registry(format)
    m = model()
    tensors, dequantized = rest(m, linears(m)), {}
    for n in linears(m):
        w = m.state_dict()[n + ".weight"].to(dtype)
        rows, width = w.shape
        if args.strategy == "group": blocks = w.reshape(rows, -1, args.group_size); low, high = blocks.amin(-1), blocks.amax(-1)
        elif args.strategy == "channel": low, high = w.amin(1, keepdim=True), w.amax(1, keepdim=True)
        elif args.strategy == "tensor": low, high = w.min().reshape(1), w.max().reshape(1)
        else:
            h, b = args.block_structure
            p = torch.nn.functional.pad(w, (0, -width % b, 0, -rows % h)).reshape(-(-rows // h), h, -(-width // b), b)
            low, high = p.amin((1, 3)), p.amax((1, 3))
        scale, zero = calculate_qparams(low, high, args)
        parts = compressor.compress(dict(weight=w, weight_scale=scale.to(dtype), weight_zero_point=zero), scheme)
        dequantized[n] = compressor.decompress(parts, scheme)["weight"]
        for part, value in parts.items(): tensors[f"{n}.{part}"] = value
    group = dict(targets=["Linear"], weights=json.loads(args.model_dump_json()), input_activations=None, output_activations=None)
    write(name, tensors, dequantized, quantization_config=dict(
        quant_method="compressed-tensors", format=format, quantization_status="compressed", ignore=["lm_head"],
        kv_cache_scheme=None, config_groups=dict(group_0=group), version="0.20.1"))


# MARK: FP8 by blocks

def blocks8(name, block):
    from transformers.integrations.finegrained_fp8 import Fp8Dequantize
    m = model()
    tensors, dequantized = rest(m, linears(m)), {}
    for n in linears(m):
        w = m.state_dict()[n + ".weight"]
        rows, width = w.shape
        h, b = block
        s = w.reshape(rows // h, h, width // b, b).abs().amax((1, 3)) / 448
        q = (w / s.repeat_interleave(h, 0).repeat_interleave(b, 1)).to(torch.float8_e4m3fn)
        tensors[n + ".weight"], tensors[n + ".weight_scale_inv"] = q, s
        dequantized[n] = Fp8Dequantize(None)._dequantize_one(q, s)
    write(name, tensors, dequantized, quantization_config=dict(
        quant_method="fp8", activation_scheme="dynamic", fmt="e4m3", weight_block_size=block))


# MARK: GPTQ and AWQ

def words(codes, bits):
    """[n, m] ↦ [n · bits / 32, m]: codes of `bits` bits down each column, the lowest first, in words of 32."""
    n, m = codes.shape
    stream = (codes.T[:, :, None] >> np.arange(bits) & 1).reshape(m, -1).astype(np.uint8)
    return torch.from_numpy(np.packbits(stream, axis=1, bitorder="little").view("<i4").T.copy())

def grouped(w, bits, size, group_of, symmetric):
    """Codes, scales and zero points of [out, in], by columns: [in, out] and [groups, out]."""
    w = w.T
    groups = int(group_of.max()) + 1
    scales, zeros, codes = torch.zeros(groups, w.shape[1]), torch.zeros(groups, w.shape[1]), torch.zeros_like(w)
    top = 2**bits - 1
    for g in range(groups):
        rows = w[group_of == g]
        if symmetric: s, z = rows.abs().amax(0) * 2 / top, torch.full((w.shape[1],), (top + 1) / 2)
        else:
            s = (rows.amax(0).clamp(min=0) - rows.amin(0).clamp(max=0)) / top
            z = (-rows.amin(0).clamp(max=0) / s).round().clamp(1, top)
        scales[g], zeros[g] = s.half().float(), z
        codes[group_of == g] = (rows / scales[g] + z).round().clamp(0, top)
    return codes.int().numpy(), scales.half(), zeros.int().numpy()

def gptq(name, bits, size, symmetric, version, act_order=False):
    m = model()
    tensors, dequantized = rest(m, linears(m), torch.float16), {}
    for n in linears(m):
        w = m.state_dict()[n + ".weight"]
        width = w.shape[1]
        g_idx = torch.arange(width) // (size if size > 0 else width)
        if act_order: g_idx = g_idx[torch.randperm(width)]
        codes, scales, zeros = grouped(w, bits, size, g_idx, symmetric)
        stored = zeros - (version == "gptq")
        tensors.update({
            n + ".qweight": words(codes, bits), n + ".scales": scales, n + ".g_idx": g_idx.int(),
            n + ".qzeros": words(stored.T, bits).T})
        # GPTQModel: scales[g_idx] · (weight − zeros[g_idx]), in float16.
        dequantized[n] = (scales[g_idx] * (torch.from_numpy(codes) - torch.from_numpy(zeros)[g_idx])).T
    write(name, tensors, dequantized, quantization_config=dict(
        quant_method="gptq", bits=bits, group_size=size, desc_act=act_order, sym=symmetric, lm_head=False, damp_percent=0.01,
        true_sequential=True, checkpoint_format=version))

def awq(name, size):
    order = [0, 2, 4, 6, 1, 3, 5, 7]
    pack = lambda c: torch.from_numpy((c.reshape(len(c), -1, 8)[:, :, order].astype(np.int64) << 4 * np.arange(8)).sum(-1).astype(np.uint32).view(np.int32))
    m = model()
    tensors, dequantized = rest(m, linears(m), torch.float16), {}
    for n in linears(m):
        w = m.state_dict()[n + ".weight"]
        group_of = torch.arange(w.shape[1]) // size
        codes, scales, zeros = grouped(w, 4, size, group_of, False)
        tensors.update({n + ".qweight": pack(codes), n + ".qzeros": pack(zeros), n + ".scales": scales})
        # AutoAWQ: (iweight − izeros) · scales, in float16.
        difference = (torch.from_numpy(codes) - torch.from_numpy(zeros)[group_of]).to(torch.int8)
        dequantized[n] = (difference * scales[group_of]).T
    write(name, tensors, dequantized, quantization_config=dict(
        quant_method="awq", bits=4, group_size=size, zero_point=True, version="gemm", modules_to_not_convert=None))


# MARK: bitsandbytes

def bnb4(name, kind, double, dtype, block=64):
    import bitsandbytes.functional as F
    m = model()
    tensors, dequantized = rest(m, linears(m)), {}
    for n in linears(m):
        w = m.state_dict()[n + ".weight"].to(dtype)
        packed, state = F.quantize_4bit(w, blocksize=block, compress_statistics=double, quant_type=kind)
        tensors[n + ".weight"] = packed
        for part, value in state.as_dict(packed=True).items(): tensors[f"{n}.weight.{part}"] = value
        dequantized[n] = F.dequantize_4bit(packed, state)
        assert dequantized[n].dtype == dtype
    write(name, tensors, dequantized, quantization_config=dict(
        quant_method="bitsandbytes", load_in_4bit=True, load_in_8bit=False, _load_in_4bit=True, _load_in_8bit=False,
        bnb_4bit_quant_type=kind, bnb_4bit_use_double_quant=double, bnb_4bit_compute_dtype="bfloat16",
        bnb_4bit_quant_storage="uint8", llm_int8_has_fp16_weight=False, llm_int8_threshold=6.0))

def bnb8(name):
    import bitsandbytes.functional as F
    m = model()
    tensors, dequantized = rest(m, linears(m)), {}
    for n in linears(m):
        w = m.state_dict()[n + ".weight"].half()
        codes, stats, _ = F.int8_vectorwise_quant(w)
        tensors.update({n + ".weight": codes, n + ".SCB": stats, n + ".weight_format": torch.tensor(0, dtype=torch.uint8)})
        dequantized[n] = F.int8_vectorwise_dequant(codes, stats)
    write(name, tensors, dequantized, quantization_config=dict(
        quant_method="bitsandbytes", load_in_4bit=False, load_in_8bit=True, _load_in_4bit=False, _load_in_8bit=True,
        llm_int8_has_fp16_weight=False, llm_int8_threshold=6.0))


attention, mlp = "model.layers.0.self_attn.", "model.layers.0.mlp."
ALL = {
    "mlx-4": lambda n: mlx(n),
    "mlx-8": lambda n: mlx(n, bits=8, group=32, dtype="float16"),
    "mlx-mixed": lambda n: mlx(n, group=32, dtype="float32", layers={
        attention + "q_proj": dict(group_size=64, bits=2), attention + "k_proj": dict(group_size=32, bits=3),
        attention + "v_proj": dict(group_size=32, bits=5), attention + "o_proj": False,
        mlp + "down_proj": dict(group_size=128, bits=6), "model.embed_tokens": dict(group_size=64, bits=8)}),
    "mlx-mxfp4": lambda n: mlx(n, "mxfp4", 4, 32),
    "mlx-mxfp8": lambda n: mlx(n, "mxfp8", 8, 32),
    "mlx-nvfp4": lambda n: mlx(n, "nvfp4", 4, 16),
    "packed-4": lambda n: compressed(n, "pack-quantized", num_bits=4, strategy="group", group_size=32),
    "packed-4-zeros": lambda n: compressed(n, "pack-quantized", torch.float16, num_bits=4, strategy="group", group_size=64, symmetric=False),
    "packed-3-channel": lambda n: compressed(n, "pack-quantized", num_bits=3, strategy="channel"),
    "packed-8-zeros": lambda n: compressed(n, "pack-quantized", num_bits=8, strategy="channel", symmetric=False),
    "int-8": lambda n: compressed(n, "int-quantized", num_bits=8, strategy="channel"),
    "int-8-zeros": lambda n: compressed(n, "int-quantized", torch.float32, num_bits=8, strategy="tensor", symmetric=False),
    "float-8-tensor": lambda n: compressed(n, "float-quantized", num_bits=8, type="float", strategy="tensor"),
    "float-8-channel": lambda n: compressed(n, "float-quantized", torch.float32, num_bits=8, type="float", strategy="channel"),
    "float-8-block": lambda n: compressed(n, "float-quantized", num_bits=8, type="float", strategy="block", block_structure=[48, 40]),
    "fp8-blocks": lambda n: blocks8(n, [16, 32]),
    "gptq-4": lambda n: gptq(n, 4, 32, True, "gptq"),
    "gptq-4-order": lambda n: gptq(n, 4, 32, False, "gptq_v2", act_order=True),
    "gptq-3": lambda n: gptq(n, 3, 32, True, "gptq"),
    "gptq-2-zeros": lambda n: gptq(n, 2, 64, False, "gptq_v2"),
    "gptq-8": lambda n: gptq(n, 8, -1, True, "gptq"),
    "awq-4": lambda n: awq(n, 32),
    "bnb-nf4": lambda n: bnb4(n, "nf4", True, torch.bfloat16),
    "bnb-fp4": lambda n: bnb4(n, "fp4", False, torch.float16),
    "bnb-int8": lambda n: bnb8(n),
}
for name in sys.argv[1:] or ALL: print(name); ALL[name](name)
