// Stored weights, sixteen at a time, written once in `lanes` and compiled by each kernels_*.c for its instruction set. `layout` is a
// constant wherever these are used, so that the branches go away.

#include "blocks.h"

// Values are the package's bit for bit: products and sums are rounded one after the other, but for those written as `fused`.
#pragma clang fp contract(off)

typedef uint8_t lanes_u8 __attribute__((vector_size(16)));
typedef int8_t lanes_i8 __attribute__((vector_size(16)));

INLINE lanes_i32 bytes16(const uint8_t *p) {
    lanes_u8 v;
    __builtin_memcpy(&v, p, sizeof v);
    return __builtin_convertvector(v, lanes_i32);
}
INLINE lanes_i32 signed_bytes16(const uint8_t *p) {
    lanes_i8 v;
    __builtin_memcpy(&v, p, sizeof v);
    return __builtin_convertvector(v, lanes_i32);
}
INLINE float half_of(const uint8_t *p) {
    uint16_t bits;
    __builtin_memcpy(&bits, p, 2);
    return f16_to_float(bits);
}
INLINE lanes_i32 splat_i32(int32_t x) { return (lanes_i32){x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x}; }
// Bit i of `bits`, for lane i: as `value`, or zero.
INLINE lanes_i32 bits16(uint32_t bits, int32_t value) {
    lanes_i32 places = {1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384, 32768};
    return ((splat_i32((int32_t)bits) & places) != 0) & splat_i32(value);
}
// values[codes[i]], codes below 16.
INLINE lanes looked_up(const float *values, lanes_i32 codes) {
#if defined(NATIVE_LOOKUP)
    return (lanes)_mm512_permutexvar_ps((__m512i)codes, (__m512)load(values));
#else
    lanes v;
    for (int i = 0; i < LANES; i++) v[i] = values[codes[i]];
    return v;
#endif
}
static const float iq4_values[16] = {CK_IQ4_VALUES}, e2m1_values[16] = {CK_E2M1_VALUES};
// values[c] of sixteen codes in the low or the high halves of bytes; `bytes` are the same numbers.
static const int8_t iq4_numbers[16] = {CK_IQ4_VALUES}, e2m1_numbers[16] = {CK_E2M1_VALUES};
INLINE lanes nibbles_looked_up(const float *values, const int8_t *numbers, const uint8_t *p, const int nibble) {
#if BYTE_LOOKUP
    (void)values;
    lanes_u8 codes;
    __builtin_memcpy(&codes, p, sizeof codes);
    lanes_i8 found = (lanes_i8)_mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)numbers), (__m128i)(codes >> nibble & 15));
    return __builtin_convertvector(__builtin_convertvector(found, lanes_i32), lanes);
#else
    (void)numbers;
    return looked_up(values, bytes16(p) >> nibble & 15);
#endif
}

// What CK_LAYOUTS says of a layout.
#define WEIGHTS(layout, weights, bytes, shared, has_offset) layout == x ? weights :
#define BYTES(layout, weights, bytes, shared, has_offset) layout == x ? bytes :
#define SHARED(layout, weights, bytes, shared, has_offset) layout == x ? shared :
#define OFFSET(layout, weights, bytes, shared, has_offset) layout == x ? has_offset :
INLINE long block_weights(const ck_layout x) { return CK_LAYOUTS(WEIGHTS) 0; }
INLINE long block_bytes(const ck_layout x) { return CK_LAYOUTS(BYTES) 0; }
INLINE long scale_weights(const ck_layout x) { return CK_LAYOUTS(SHARED) 0; }
INLINE bool has_offset(const ck_layout x) { return CK_LAYOUTS(OFFSET) 0; }

// The codes of group g (weights 16g..<16g + 16 of a block), as numbers.
INLINE lanes group_codes(const ck_layout layout, const uint8_t *b, const long g) {
    // Of a block of 32 nibbles the low halves come first.
    const int nibble = 4 * (int)(g % 2);
    // Of a block of 256: its half, quarter of a half, part of 32, and sixteen of the part.
    const long half = g / 8, quarter = g % 8 / 2, part = g / 2, at = g % 2 * 16;
    uint32_t high;
    lanes_i32 c;
    switch (layout) {
    case CK_Q4_0: c = (bytes16(b + CK_Q4_0_CODES) >> nibble & 15) - 8; break;
    case CK_Q4_1: c = bytes16(b + CK_Q4_1_CODES) >> nibble & 15; break;
    case CK_Q5_0:
        __builtin_memcpy(&high, b + CK_Q5_0_HIGH, 4);
        c = ((bytes16(b + CK_Q5_0_CODES) >> nibble & 15) | bits16(high >> 16 * g, 16)) - 16;
        break;
    case CK_Q5_1:
        __builtin_memcpy(&high, b + CK_Q5_1_HIGH, 4);
        c = (bytes16(b + CK_Q5_1_CODES) >> nibble & 15) | bits16(high >> 16 * g, 16);
        break;
    case CK_Q8_0: c = signed_bytes16(b + CK_Q8_0_CODES + 16 * g); break;
    case CK_IQ4_NL: return nibbles_looked_up(iq4_values, iq4_numbers, b + CK_IQ4_NL_CODES, nibble);
    case CK_MXFP4: return nibbles_looked_up(e2m1_values, e2m1_numbers, b + CK_MXFP4_CODES, nibble);
    case CK_Q2_K: c = bytes16(b + CK_Q2_K_CODES + 32 * half + at) >> 2 * (int)quarter & 3; break;
    case CK_Q3_K: {
        lanes_i32 low = bytes16(b + CK_Q3_K_CODES + 32 * half + at) >> 2 * (int)quarter & 3;
        c = (low | (bytes16(b + at) >> (int)part & 1) << 2) - 4;
        break;
    }
    case CK_Q4_K: c = bytes16(b + CK_Q4_K_CODES + part / 2 * 32 + at) >> 4 * (int)(part % 2) & 15; break;
    case CK_Q5_K: {
        lanes_i32 low = bytes16(b + CK_Q5_K_CODES + part / 2 * 32 + at) >> 4 * (int)(part % 2) & 15;
        c = low | (bytes16(b + CK_Q5_K_HIGH + at) >> (int)part & 1) << 4;
        break;
    }
    case CK_Q6_K: {
        lanes_i32 low = bytes16(b + 64 * half + 32 * (quarter % 2) + at) >> 4 * (int)(quarter / 2) & 15;
        c = (low | (bytes16(b + CK_Q6_K_HIGH + 32 * half + at) >> 2 * (int)quarter & 3) << 4) - 32;
        break;
    }
    case CK_Q8_K: c = signed_bytes16(b + CK_Q8_K_CODES + 16 * g); break;
    default: return nibbles_looked_up(iq4_values, iq4_numbers, b + CK_IQ4_XS_CODES + 16 * part, nibble);
    }
    return __builtin_convertvector(c, lanes);
}

INLINE const uint8_t *stored_row(const ck_stored *s, long row) {
    return (const uint8_t *)s->codes + (s->order ? s->order[row] : row) * s->row_bytes;
}

#include "grouped_body.h"

#include "stored_dots_body.h"

// MARK: Unpacking

INLINE void unpack_typed(const ck_layout layout, const uint8_t *b, long blocks, void *to, ck_type type) {
    const long several = segment_weights(layout) / block_weights(layout);
    const uint8_t *end = b + blocks * block_bytes(layout), *p[4];
    for (; blocks > 0; blocks -= several, b += several * block_bytes(layout)) {
        float scales[16], space[16];
        segment_blocks(layout, b, end, several == 1, p);
        const float *factors = segment_scales(layout, p, scales, space);
        __asm__("" : "+m"(scales), "+m"(space));
        long count = blocks < several ? blocks : several;
        for (long block = 0; block < count; block++)
            _Pragma("unroll") for (long g = 0; g < block_weights(layout) / CK_GROUP; g++) {
                const long at = scale_index(layout, block * (block_weights(layout) / CK_GROUP) + g);
                lanes w = splat(scales[at]) * group_codes(layout, b + block * block_bytes(layout), g);
                // Minima are subtracted; offsets lie beside the scales.
                if (has_offset(layout)) w = beside_offset(layout) ? w + splat(scales[at + 1]) : w - splat(factors[at]);
                if (type == CK_F32) {
                    store(to, w);
                    to = (float *)to + CK_GROUP;
                } else {
                    store_bf16(to, narrowed_exactly(w));
                    to = (uint16_t *)to + CK_GROUP;
                }
            }
    }
}

// Weights begin..<begin + count of a row, whole blocks of them.
static void unpack(const ck_stored *s, long row, long begin, long count, void *to, ck_type type) {
    if (s->layout == CK_GROUPED) {
        unpack_grouped(s, row, begin, count, to, type);
        return;
    }
    long weights = ck_block_weights(s->layout);
    const uint8_t *b = stored_row(s, row) + begin / weights * ck_block_bytes(s->layout);
    long n = count / weights;
#define UNPACK(layout, weights, bytes, shared, has_offset) \
    case layout: \
        if (type == CK_F32) unpack_typed(layout, b, n, to, CK_F32); \
        else unpack_typed(layout, b, n, to, CK_BF16); \
        break;
    switch (s->layout) { CK_LAYOUTS(UNPACK) default: break; }
}
