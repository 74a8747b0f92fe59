// Codes of one width with scales of groups: a scale, a number and a weight, one at a time. For the plain version and for what the fast one
// leaves over.
#ifndef CK_GROUPED_H
#define CK_GROUPED_H

#include "lanes.h"

// Bits of one code.
INLINE int code_bits(ck_code code) {
    switch (code) {
    case CK_U2: return 2;
    case CK_U3: return 3;
    case CK_U4: case CK_PICK: case CK_PICK_HIGH: return 4;
    case CK_U5: return 5;
    case CK_U6: return 6;
    default: return 8;
    }
}

INLINE float e4m3_to_float(uint8_t x) {
    // Its bits, moved to where a float16 has them, are the number's 2⁸th part.
    return (x & 127) == 127 ? NAN : f16_to_float((uint16_t)((x & 127) << 7 | (x & 128) << 8)) * 256;
}

INLINE float e8m0_to_float(uint8_t x) {
    uint32_t bits = x == 255 ? 0x7fc00000u : x == 0 ? 0x00400000u : (uint32_t)x << 23;
    float f;
    __builtin_memcpy(&f, &bits, 4);
    return f;
}

INLINE float scale_at(const void *scales, ck_scale_type type, long i) {
    switch (type) {
    case CK_SCALE_F32: return ((const float *)scales)[i];
    case CK_SCALE_BF16: return bf16_to_float(((const uint16_t *)scales)[i]);
    case CK_SCALE_F16: return f16_to_float(((const uint16_t *)scales)[i]);
    case CK_SCALE_E8M0: return e8m0_to_float(((const uint8_t *)scales)[i]);
    default: return e4m3_to_float(((const uint8_t *)scales)[i]);
    }
}

INLINE float rounded_to(ck_type type, float x) {
    if (type == CK_BF16) return bf16_to_float(float_to_bf16(x));
    if (type == CK_F16) return f16_to_float(float_to_f16(x));
    return x;
}

// Where row r and column c find their scale.
INLINE long group_at(const ck_grouped *g, long r, long c) {
    return r / g->group_rows * g->groups + (g->group_of ? g->group_of[c] : c / g->group_columns);
}

// The number of code c in a row.
INLINE float number_at(const ck_grouped *g, const uint8_t *row, long c) {
    switch (g->code) {
    case CK_I8: return (float)(int8_t)row[c];
    case CK_U8: return (float)row[c];
    case CK_E4M3: return e4m3_to_float(row[c]);
    case CK_PICK: return g->numbers[row[c / 2] >> 4 * (c % 2) & 15];
    case CK_PICK_HIGH: return g->numbers[row[c / 2] >> 4 * (1 - c % 2) & 15];
    default: {
        int bits = code_bits(g->code), begin = (int)(c * bits % 8);
        const uint8_t *p = row + c * bits / 8;
        int code = *p >> begin;
        if (begin + bits > 8) code |= p[1] << (8 - begin);
        return (float)(code & ((1 << bits) - 1));
    }
    }
}

#endif
