// Stored weights: their layouts, their values one by one, and rows of them unpacked. The fast versions are in stored_body.h.
#include <string.h>

#include "blocks.h"
#include "kernels.h"
#include "lanes.h"

// Values are the package's bit for bit: products and sums are rounded one after the other.
#pragma clang fp contract(off)

#define BLOCK(layout, weights, bytes, shared, has_offset) [layout] = {weights, bytes},
static const struct {
    int weights, bytes;
} blocks[CK_LAYOUT_COUNT] = {CK_LAYOUTS(BLOCK)};
long ck_block_weights(ck_layout layout) { return blocks[layout].weights; }
long ck_block_bytes(ck_layout layout) { return blocks[layout].bytes; }

// MARK: Plain

static float half_at(const uint8_t *p) {
    uint16_t bits;
    memcpy(&bits, p, 2);
    return f16_to_float(bits);
}

static float power_of_two_halved(uint8_t exponent) {
    uint32_t bits = exponent < 2 ? 0x00200000u << exponent : (uint32_t)(exponent - 1) << 23;
    float value;
    memcpy(&value, &bits, 4);
    return value;
}

// Six bits of scale and six of minimum for each of eight parts, in twelve bytes.
static void scale_and_minimum(const uint8_t *scales, long part, float *scale, float *minimum) {
    if (part < 4) {
        *scale = (float)(scales[part] & 63), *minimum = (float)(scales[part + 4] & 63);
    } else {
        *scale = (float)((scales[part + 4] & 15) | (scales[part - 4] >> 6 << 4));
        *minimum = (float)((scales[part + 4] >> 4) | (scales[part] >> 6 << 4));
    }
}

// Nibble i of a block of 32: the low halves of the bytes come first.
static int nibble(const uint8_t *codes, long i) { return i < 16 ? codes[i] & 15 : codes[i - 16] >> 4; }

static float weight_of_32(ck_layout layout, const uint8_t *b, long i) {
    static const float iq4[16] = {CK_IQ4_VALUES}, e2m1[16] = {CK_E2M1_VALUES};
    uint32_t high = 0;
    switch (layout) {
    case CK_Q4_0: return half_at(b) * (float)(nibble(b + CK_Q4_0_CODES, i) - 8);
    case CK_Q4_1: return half_at(b) * (float)nibble(b + CK_Q4_1_CODES, i) + half_at(b + 2);
    case CK_Q5_0:
        memcpy(&high, b + CK_Q5_0_HIGH, 4);
        return half_at(b) * (float)((nibble(b + CK_Q5_0_CODES, i) | (int)(high >> i & 1) << 4) - 16);
    case CK_Q5_1:
        memcpy(&high, b + CK_Q5_1_HIGH, 4);
        return half_at(b) * (float)(nibble(b + CK_Q5_1_CODES, i) | (int)(high >> i & 1) << 4) + half_at(b + 2);
    case CK_Q8_0: return half_at(b) * (float)(int8_t)b[CK_Q8_0_CODES + i];
    case CK_IQ4_NL: return half_at(b) * iq4[nibble(b + CK_IQ4_NL_CODES, i)];
    default: return power_of_two_halved(b[0]) * e2m1[nibble(b + CK_MXFP4_CODES, i)];
    }
}

static float weight_of_256(ck_layout layout, const uint8_t *b, long i) {
    static const float iq4[16] = {CK_IQ4_VALUES};
    // Codes of two bits lie in quarters: of each 128 weights the first 32 in the lowest two bits of 32 bytes, the next in the next two.
    long half = i / 128, quarter = i % 128 / 32, at = i % 32, part = i / 32;
    int two_bits_shift = 2 * (int)quarter;
    float scale, minimum;
    switch (layout) {
    case CK_Q2_K: {
        int code = b[CK_Q2_K_CODES + 32 * half + at] >> two_bits_shift & 3, scales = b[i / 16];
        return half_at(b + CK_Q2_K_SCALE) * (float)(scales & 15) * (float)code - half_at(b + CK_Q2_K_MINIMUM) * (float)(scales >> 4);
    }
    case CK_Q3_K: {
        const uint8_t *s = b + CK_Q3_K_SCALES;
        long g = i / 16;
        int low = g < 8 ? s[g] & 15 : s[g - 8] >> 4, high = s[8 + g % 4] >> 2 * (g / 4) & 3;
        int code = (b[CK_Q3_K_CODES + 32 * half + at] >> two_bits_shift & 3) - (b[at] >> part & 1 ? 0 : 4);
        return half_at(b + CK_Q3_K_SCALE) * (float)((low | high << 4) - 32) * (float)code;
    }
    case CK_Q4_K:
        scale_and_minimum(b + CK_Q4_K_SCALES, part, &scale, &minimum);
        scale *= half_at(b), minimum *= half_at(b + 2);
        return scale * (float)(b[CK_Q4_K_CODES + part / 2 * 32 + at] >> 4 * (part % 2) & 15) - minimum;
    case CK_Q5_K: {
        scale_and_minimum(b + CK_Q5_K_SCALES, part, &scale, &minimum);
        scale *= half_at(b), minimum *= half_at(b + 2);
        int code = b[CK_Q5_K_CODES + part / 2 * 32 + at] >> 4 * (part % 2) & 15;
        return scale * (float)(code | (b[CK_Q5_K_HIGH + at] >> part & 1) << 4) - minimum;
    }
    case CK_Q6_K: {
        int low = b[64 * half + 32 * (quarter % 2) + at] >> 4 * (quarter / 2) & 15;
        int code = (low | (b[CK_Q6_K_HIGH + 32 * half + at] >> two_bits_shift & 3) << 4) - 32;
        return half_at(b + CK_Q6_K_SCALE) * (float)(int8_t)b[CK_Q6_K_SCALES + i / 16] * (float)code;
    }
    case CK_Q8_K:
        memcpy(&scale, b, 4);
        return scale * (float)(int8_t)b[CK_Q8_K_CODES + i];
    default: {
        uint16_t high;
        memcpy(&high, b + CK_IQ4_XS_HIGH, 2);
        int code = (b[CK_IQ4_XS_LOW + part / 2] >> 4 * (part % 2) & 15) | (high >> 2 * part & 3) << 4;
        return half_at(b) * (float)(code - 32) * iq4[nibble(b + CK_IQ4_XS_CODES + 16 * part, at)];
    }
    }
}

void ck_plain_unpack_rows(const ck_stored *s, const int32_t *rows, long count, void *to, ck_type to_type) {
    if (s->layout == CK_GROUPED) {
        for (long r = 0; r < count; r++)
            for (long i = 0; i < s->columns; i++)
                set_as(to, to_type, r * s->columns + i, ck_grouped_weight(s, rows ? rows[r] : r, i));
        return;
    }
    long weights = ck_block_weights(s->layout), bytes = ck_block_bytes(s->layout);
    for (long r = 0; r < count; r++) {
        long id = rows ? rows[r] : r;
        const uint8_t *row = (const uint8_t *)s->codes + (s->order ? s->order[id] : id) * s->row_bytes;
        for (long i = 0; i < s->columns; i++) {
            const uint8_t *block = row + i / weights * bytes;
            float value = (weights == 32 ? weight_of_32 : weight_of_256)(s->layout, block, i % weights);
            set_as(to, to_type, r * s->columns + i, value);
        }
    }
}

// MARK: Rows, shared by the threads

typedef struct {
    const ck_stored *stored;
    const int32_t *rows;
    char *to;
    ck_type to_type;
} unpack_context;
static void unpack_body(void *opaque, long begin, long end) {
    unpack_context *c = opaque;
    for (long r = begin; r < end; r++)
        ck_current()->unpack(
            c->stored, c->rows ? c->rows[r] : r, 0, c->stored->columns, c->to + r * c->stored->columns * type_bytes(c->to_type),
            c->to_type);
}
void ck_unpack_rows(const ck_stored *stored, const int32_t *rows, long count, void *to, ck_type to_type) {
    unpack_context c = {stored, rows, to, to_type};
    long grain = stored->columns >= 16384 ? 1 : (16383 + stored->columns) / stored->columns;
    ck_ranges(count, grain, unpack_body, &c);
}
