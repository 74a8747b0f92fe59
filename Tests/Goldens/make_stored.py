"""Blocks of every layout in which GGUF files store weights, and what the package gguf makes of them.

usage: python make_stored.py   (needs gguf 0.19, numpy; writes stored.json beside this file)
"""

import json
from pathlib import Path

import numpy as np
from gguf import GGML_QUANT_SIZES, GGMLQuantizationType
from gguf.quants import dequantize

# Where a block's float16 scales lie: random bytes would be NaN now and then.
HALVES = {
    "Q4_0": [0], "Q4_1": [0, 2], "Q5_0": [0], "Q5_1": [0, 2], "Q8_0": [0], "Q2_K": [80, 82], "Q3_K": [108],
    "Q4_K": [0, 2], "Q5_K": [0, 2], "Q6_K": [208], "IQ4_NL": [0], "IQ4_XS": [0], "MXFP4": [],
}

random = np.random.default_rng(1)
result = {}
for name, places in HALVES.items():
    kind = GGMLQuantizationType[name]
    _, size = GGML_QUANT_SIZES[kind]
    block = random.integers(0, 256, (1, size), dtype=np.uint8)
    for place in places:
        block[0, place : place + 2] = (random.standard_normal(1) * 0.02).astype(np.float16).view(np.uint8)
    if name == "MXFP4":
        block[0, 0] = 121
    values = dequantize(block, kind)[0].astype(np.float32)
    result[name] = {"block": block.tobytes().hex(), "values": values.astype("<f4").tobytes().hex()}
Path(__file__).with_name("stored.json").write_text(json.dumps(result, indent=0) + "\n")
