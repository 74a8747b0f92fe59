"""What mlx.core.quantize makes of one matrix, in every width, group and type: the goldens of QuantizingTests.

usage: make_mlx_codes.py         rewrites mlx_codes.json beside this file
needs: pip install mlx mlx-cpu numpy

Each case: the FNV-1a hashes of the codes' words, the scales, the biases and the dequantized weights, all little endian.
The matrix is [24, 256]; element i is that of `weights` below, exact in float32.
"""

import json, os
import mlx.core as mx, numpy as np

mx.set_default_device(mx.cpu)
HERE = os.path.dirname(os.path.abspath(__file__))
ROWS, WIDTH = 24, 256


def weights():
    i = np.arange(ROWS * WIDTH, dtype=np.int64)
    row = i // WIDTH
    n = (i * 7919 + i * i % 1009 * 31) % 2003 - 1001
    n = np.where(row == 0, 0, n)  # zeros
    n = np.where(row == 1, 300, n)  # one number
    n = np.where(row == 2, -300, n)
    n = np.where(row == 3, np.abs(n), n)  # one sign
    n = np.where(row == 4, -np.abs(n), n)
    n = np.where(row == 5, np.abs(n) + 9000, n)  # far from zero
    n = np.where(row == 6, -np.abs(n) - 9000, n)
    n = np.where((row == 7) & (i % 64 == 5), 90000, n)  # one that stands out
    n = np.where((row == 8) & (i % 64 == 9), -90000, n)
    n = np.where(row == 9, n // 250 * 250, n)  # few values
    w = n.astype(np.float32) / np.float32(16384)
    w = np.where(row == 10, w / np.float32(1 << 20), w)  # steps below the smallest scale
    w = np.where(row == 11, w * np.float32(1 << 12), w)
    return w.astype(np.float32).reshape(ROWS, WIDTH)


def fnv(array):
    h = 0xCBF29CE484222325
    for byte in array.tobytes(): h = (h ^ byte) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return f"{h:016x}"


def raw(a): return np.array(a if a.dtype in (mx.uint32, mx.float32) else a.view(mx.uint16))


cases = []
for name, dtype in (("F32", mx.float32), ("BF16", mx.bfloat16), ("F16", mx.float16)):
    for bits in (2, 3, 4, 5, 6, 8):
        for group in (32, 64, 128):
            w, s, b = mx.quantize(mx.array(weights()).astype(dtype), group_size=group, bits=bits)
            back = mx.dequantize(w, s, b, group_size=group, bits=bits).astype(mx.float32)
            cases.append(dict(type=name, bits=bits, group=group, words=fnv(raw(w)), scales=fnv(raw(s)), biases=fnv(raw(b)), values=fnv(raw(back))))
with open(os.path.join(HERE, "mlx_codes.json"), "w") as f:
    f.write("[\n" + ",\n".join(json.dumps(c) for c in cases) + "\n]\n")
