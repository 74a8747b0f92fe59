// Weights stored as codes with scales of groups, one by one: the definition of CK_GROUPED. The fast version is in grouped_body.h.
#include "grouped.h"
#include "kernels.h"

// Values are the packages' bit for bit: every operation is rounded. The difference to a zero point is one of small whole numbers, and exact.
#pragma clang fp contract(off)

float ck_grouped_weight(const ck_stored *s, long r, long c) {
    const ck_grouped *g = &s->grouped;
    long at = group_at(g, r, c);
    float zero = g->zeros ? g->zero + (float)g->zeros[at] : g->zero;
    float number = number_at(g, (const uint8_t *)s->codes + r * s->row_bytes, c) - zero;
    float value = rounded_to(g->rounding, number * scale_at(g->scales, g->scale_type, at));
    if (g->offsets) value = rounded_to(g->rounding, value + scale_at(g->offsets, g->scale_type, at));
    return g->factor == 1 ? value : rounded_to(g->rounding, value * g->factor);
}

// A block of elements at a time, so that neither side is walked across pages for each of them.
#define BLOCK 32
#define TRANSPOSE(type) \
    for (long r0 = 0; r0 < rows; r0 += BLOCK) \
        for (long c0 = 0; c0 < columns; c0 += BLOCK) \
            for (long c = c0; c < columns && c < c0 + BLOCK; c++) \
                for (long r = r0; r < rows && r < r0 + BLOCK; r++) ((type *)to)[c * rows + r] = ((const type *)from)[r * columns + c];
void ck_transpose(const void *from, long rows, long columns, long element_bytes, void *to) {
    if (element_bytes == 4) {
        TRANSPOSE(uint32_t)
    } else if (element_bytes == 2) {
        TRANSPOSE(uint16_t)
    } else {
        TRANSPOSE(uint8_t)
    }
}

void ck_transpose_nibbles(const uint32_t *from, long rows, long columns, const uint8_t *order, uint8_t *to) {
    long words = columns / 8, bytes = (rows + 1) / 2;
    for (long r0 = 0; r0 < rows; r0 += BLOCK)
        for (long w = 0; w < words; w++)
            for (long r = r0; r < rows && r < r0 + BLOCK; r += 2) {
                uint32_t first = from[r * words + w], second = r + 1 < rows ? from[(r + 1) * words + w] : 0;
                for (int k = 0; k < 8; k++)
                    to[(8 * w + order[k]) * bytes + r / 2] = (uint8_t)((first >> 4 * k & 15) | (second >> 4 * k & 15) << 4);
            }
}

void ck_spread_codes(const uint8_t *from, long rows, long row_bytes, int bits, long count, int added, uint8_t *to) {
    for (long r = 0; r < rows; r++)
        for (long i = 0; i < count; i++) {
            const uint8_t *p = from + r * row_bytes + i * bits / 8;
            int begin = (int)(i * bits % 8), code = *p >> begin;
            if (begin + bits > 8) code |= p[1] << (8 - begin);
            to[r * count + i] = (uint8_t)((code & ((1 << bits) - 1)) + added);
        }
}

void ck_scale_numbers(const void *scales, ck_scale_type type, long count, float *to) {
    for (long i = 0; i < count; i++) to[i] = scale_at(scales, type, i);
}

long ck_first_bad_scale(const void *scales, ck_scale_type type, long count) {
    if (type <= CK_SCALE_F16) {
        static const ck_type types[] = {[CK_SCALE_F32] = CK_F32, [CK_SCALE_BF16] = CK_BF16, [CK_SCALE_F16] = CK_F16};
        return ck_first_nonfinite(scales, types[type], count);
    }
    for (long i = 0; i < count; i++)
        if (!isfinite(scale_at(scales, type, i))) return i;
    return -1;
}
