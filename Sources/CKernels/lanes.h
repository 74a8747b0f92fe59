// Sixteen float32 lanes, written with the compiler's vector extension: one AVX-512 register, two AVX registers, four NEON or
// SSE registers. The kernels are written once in these and compiled once per instruction set.
#ifndef CK_LANES_H
#define CK_LANES_H

#include <math.h>
#include <stdint.h>

#include "CKernels.h"

// Lanes are passed to inlined functions only, so no calling convention is involved.
#pragma clang diagnostic ignored "-Wpsabi"

typedef float lanes __attribute__((vector_size(64)));
typedef int32_t lanes_i32 __attribute__((vector_size(64)));
typedef uint32_t lanes_u32 __attribute__((vector_size(64)));
typedef uint16_t lanes_u16 __attribute__((vector_size(32)));
typedef int16_t lanes_i16 __attribute__((vector_size(32)));
typedef _Float16 lanes_f16 __attribute__((vector_size(32)));

#define INLINE static inline __attribute__((always_inline))
#define LANES 16

INLINE lanes splat(float x) { return (lanes){x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x}; }
INLINE lanes load(const float *p) {
    lanes v;
    __builtin_memcpy(&v, p, sizeof v);
    return v;
}
INLINE void store(float *p, lanes v) { __builtin_memcpy(p, &v, sizeof v); }
// a · b + c, rounded once where the instruction set can: without it the builtin would call a function for each lane.
#if FUSED
INLINE lanes fused(lanes a, lanes b, lanes c) { return __builtin_elementwise_fma(a, b, c); }
#else
INLINE lanes fused(lanes a, lanes b, lanes c) { return a * b + c; }
#endif
INLINE lanes maximum(lanes a, lanes b) { return __builtin_elementwise_max(a, b); }
INLINE lanes minimum(lanes a, lanes b) { return __builtin_elementwise_min(a, b); }

typedef float lanes8 __attribute__((vector_size(32)));
typedef float lanes4 __attribute__((vector_size(16)));
#define LOWER8(v) __builtin_shufflevector(v, v, 0, 1, 2, 3, 4, 5, 6, 7)
#define UPPER8(v) __builtin_shufflevector(v, v, 8, 9, 10, 11, 12, 13, 14, 15)
#define LOWER4(v) __builtin_shufflevector(v, v, 0, 1, 2, 3)
#define UPPER4(v) __builtin_shufflevector(v, v, 4, 5, 6, 7)

INLINE float lane_sum(lanes v) {
    lanes8 a = LOWER8(v) + UPPER8(v);
    lanes4 b = LOWER4(a) + UPPER4(a);
    return (b[0] + b[2]) + (b[1] + b[3]);
}
INLINE float lane_maximum(lanes v) {
    lanes8 a = __builtin_elementwise_max(LOWER8(v), UPPER8(v));
    lanes4 b = __builtin_elementwise_max(LOWER4(a), UPPER4(a));
    float x = b[0] > b[2] ? b[0] : b[2], y = b[1] > b[3] ? b[1] : b[3];
    return x > y ? x : y;
}

// bfloat16 is the upper half of a float32; rounding is to nearest, ties to even, and NaN stays NaN.
INLINE float bf16_to_float(uint16_t x) {
    uint32_t bits = (uint32_t)x << 16;
    float f;
    __builtin_memcpy(&f, &bits, 4);
    return f;
}
INLINE uint16_t float_to_bf16(float f) {
    uint32_t bits;
    __builtin_memcpy(&bits, &f, 4);
    if ((bits & 0x7fffffffu) > 0x7f800000u) return (uint16_t)(bits >> 16 | 0x40);
    return (uint16_t)((bits + 0x7fffu + (bits >> 16 & 1)) >> 16);
}
INLINE lanes load_bf16(const uint16_t *p) {
    lanes_u16 h;
    __builtin_memcpy(&h, p, sizeof h);
    return (lanes)(__builtin_convertvector(h, lanes_u32) << 16);
}
INLINE lanes_u16 narrowed_exactly(lanes v) {
    lanes_u32 bits = (lanes_u32)v;
    lanes_u32 rounded = (bits + 0x7fffu + (bits >> 16 & 1)) >> 16;
    lanes_u32 is_nan = (lanes_u32)((bits & 0x7fffffffu) > 0x7f800000u);
    lanes_u32 kept = (is_nan & (bits >> 16 | 0x40)) | (~is_nan & rounded);
    return __builtin_convertvector(kept, lanes_u16);
}
// The same for numbers on their way into a product: the instruction takes numbers below 1.2e-38 for zero, as products do.
INLINE lanes_u16 narrowed(lanes v) {
#if NATIVE_BF16
    return (lanes_u16)_mm512_cvtneps_pbh((__m512)v);
#else
    return narrowed_exactly(v);
#endif
}
INLINE void store_bf16(uint16_t *p, lanes_u16 h) { __builtin_memcpy(p, &h, sizeof h); }

// Pairs of bfloat16 in 32-bit lanes: the first of each pair in the lower half.
INLINE lanes pair(lanes first, lanes second) {
    return (lanes)(__builtin_convertvector(narrowed(first), lanes_u32) | __builtin_convertvector(narrowed(second), lanes_u32) << 16);
}
// a.first · b.first + a.second · b.second + c
#if NATIVE_BF16
INLINE lanes fused_pairs(lanes a, lanes b, lanes c) { return (lanes)_mm512_dpbf16_ps((__m512)c, (__m512bh)a, (__m512bh)b); }
#endif
// The nearest bfloat16, in float32.
INLINE lanes rounded(lanes v) { return (lanes)(__builtin_convertvector(narrowed_exactly(v), lanes_u32) << 16); }
INLINE lanes load_f16(const uint16_t *p) {
    lanes_f16 h;
    __builtin_memcpy(&h, p, sizeof h);
    return __builtin_convertvector(h, lanes);
}
INLINE float f16_to_float(uint16_t x) {
    _Float16 h;
    __builtin_memcpy(&h, &x, 2);
    return (float)h;
}
INLINE uint16_t float_to_f16(float f) {
    _Float16 h = (_Float16)f;
    uint16_t x;
    __builtin_memcpy(&x, &h, 2);
    return x;
}

// Reads and writes of any type, sixteen at a time or one; `type` is a constant where it matters, so the branch goes away.
INLINE long type_bytes(ck_type type) { return type == CK_F32 ? 4 : 2; }
INLINE lanes load_as(const void *p, ck_type type, long i) {
    if (type == CK_F32) return load((const float *)p + i);
    if (type == CK_BF16) return load_bf16((const uint16_t *)p + i);
    return load_f16((const uint16_t *)p + i);
}
INLINE float get_as(const void *p, ck_type type, long i) {
    if (type == CK_F32) return ((const float *)p)[i];
    if (type == CK_BF16) return bf16_to_float(((const uint16_t *)p)[i]);
    return f16_to_float(((const uint16_t *)p)[i]);
}
INLINE void store_as(void *p, ck_type type, long i, lanes v) {
    if (type == CK_F32) store((float *)p + i, v);
    else if (type == CK_BF16) store_bf16((uint16_t *)p + i, narrowed(v));
    else {
        lanes_f16 h = __builtin_convertvector(v, lanes_f16);
        __builtin_memcpy((uint16_t *)p + i, &h, sizeof h);
    }
}
INLINE void set_as(void *p, ck_type type, long i, float v) {
    if (type == CK_F32) ((float *)p)[i] = v;
    else if (type == CK_BF16) ((uint16_t *)p)[i] = float_to_bf16(v);
    else ((uint16_t *)p)[i] = float_to_f16(v);
}

// The last, partial group of lanes, padded with `fill`.
INLINE lanes load_some(const void *p, ck_type type, long i, long n, float fill) {
    float s[LANES];
    for (int j = 0; j < LANES; j++) s[j] = j < n ? get_as(p, type, i + j) : fill;
    return load(s);
}
INLINE void store_some(void *p, ck_type type, long i, long n, lanes v) {
    float s[LANES];
    store(s, v);
    for (int j = 0; j < n; j++) set_as(p, type, i + j, s[j]);
}

// Lane by lane, a where the mask is set and b elsewhere.
INLINE lanes choose(lanes_i32 mask, lanes a, lanes b) {
    return (lanes)((mask & (lanes_i32)a) | (~mask & (lanes_i32)b));
}

// e^x within 1.5 units in the last place; 0 below −87.3, as float32 has no normal number there; NaN stays NaN.
INLINE lanes exponential(lanes x) {
    // Comparisons, not minimum and maximum: those would turn NaN into a number, and hide a damaged weight.
    lanes clamped = choose(x < splat(-87.33f), splat(-87.33f), choose(x > splat(88.72f), splat(88.72f), x));
    lanes n = __builtin_elementwise_rint(clamped * splat(1.44269504088896f));
    lanes r = fused(n, splat(-0.693145751953125f), clamped);
    r = fused(n, splat(-1.42860682030941723e-6f), r);
    lanes p = splat(1.9875691500e-4f);
    p = fused(p, r, splat(1.3981999507e-3f));
    p = fused(p, r, splat(8.3334519073e-3f));
    p = fused(p, r, splat(4.1665795894e-2f));
    p = fused(p, r, splat(1.6666665459e-1f));
    p = fused(p, r, splat(5.0000001201e-1f));
    p = fused(p, r * r, r) + splat(1.0f);
    // 2^n in two factors, so that n = 128 does not overflow the exponent on the way.
    lanes_i32 whole = __builtin_convertvector(n, lanes_i32), half = whole >> 1;
    lanes result = p * (lanes)((half + 127) << 23) * (lanes)((whole - half + 127) << 23);
    lanes_i32 tiny = (x < splat(-87.33f));
    return (lanes)((lanes_i32)result & ~tiny);
}

INLINE lanes hyperbolic_tangent(lanes x) { return splat(1.0f) - splat(2.0f) / (exponential(x + x) + splat(1.0f)); }

#endif
