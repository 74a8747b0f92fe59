// Weights made into codes with scales of groups: MLX's affine layout (docs/quantized.md).
#include <math.h>

#include "grouped.h"
#include "kernels.h"
#include "parallel.h"

// Codes are the package's bit for bit: every operation is rounded.
#pragma clang fp contract(off)

// The scale and the offset of numbers between `low` and `high`, as mlx.core.quantize chooses them: zero is hit exactly where it is inside,
// and so is the end that is farther from it. The scale is negative where that end is the positive one.
static void scale_of(float low, float high, float largest_code, float *scale, float *offset) {
    bool from_low = fabsf(low) > fabsf(high);
    float step = (high - low) / largest_code, smallest = 1e-7f;
    if (step < smallest) step = smallest;
    if (!from_low) step = -step;
    float edge = from_low ? low : high, steps = rintf(edge / step);
    *scale = steps != 0 ? edge / steps : step;
    *offset = steps != 0 ? edge : 0;
}

static float code_of(float x, float scale, float offset, float largest_code) {
    float code = rintf((x - offset) / scale);
    return code > 0 ? code < largest_code ? code : largest_code : 0;
}

// Codes one behind the other, the lowest bits first.
static void pack(const uint8_t *codes, long count, int bits, uint8_t *to) {
    uint32_t held = 0;
    int held_bits = 0;
    for (long i = 0; i < count; i++) {
        held |= (uint32_t)codes[i] << held_bits;
        for (held_bits += bits; held_bits >= 8; held_bits -= 8, held >>= 8) *to++ = (uint8_t)held;
    }
}

// MARK: To the nearest

typedef struct {
    const float *weights;
    long group;
    int bits;
    float *scales, *offsets;
    uint8_t *codes;
} quantize_context;
static void quantize_body(void *opaque, long begin, long end) {
    quantize_context *c = opaque;
    float largest = (float)((1 << c->bits) - 1);
    uint8_t codes[CK_MAX_GROUP];
    for (long g = begin; g < end; g++) {
        const float *w = c->weights + g * c->group;
        float low = w[0], high = w[0], scale, offset;
        for (long i = 1; i < c->group; i++) low = w[i] < low ? w[i] : low, high = high < w[i] ? w[i] : high;
        scale_of(low, high, largest, &scale, &offset);
        for (long i = 0; i < c->group; i++) codes[i] = (uint8_t)code_of(w[i], scale, offset, largest);
        pack(codes, c->group, c->bits, c->codes + g * c->group * c->bits / 8);
        c->scales[g] = scale, c->offsets[g] = offset;
    }
}
void ck_quantize_groups(
    const float *weights, long groups, long group, int bits, float *scales, float *offsets, uint8_t *codes) {
    quantize_context c = {weights, group, bits, scales, offsets, codes};
    ck_ranges(groups, 64, quantize_body, &c);
}

// MARK: By the error of the outputs

static float value_of(const ck_descent *d, float code, float scale, float offset) {
    return rounded_to(d->rounding, rounded_to(d->rounding, code * scale) + offset);
}

// The scale and the offset, of the type that they are stored in, with which the wanted numbers come nearest, each counted by its weight.
// Ranges are tried from the whole one down to the half of it.
static void choose_scale(const ck_descent *d, const float *wanted, const float *weights, float *scale, float *offset) {
    float largest = (float)((1 << d->bits) - 1), low = wanted[0], high = wanted[0], best = INFINITY;
    for (long i = 1; i < d->group; i++) low = wanted[i] < low ? wanted[i] : low, high = high < wanted[i] ? wanted[i] : high;
    for (int share = 20; share >= 10; share--) {
        float s, o, error = 0;
        scale_of(low * (float)share / 20, high * (float)share / 20, largest, &s, &o);
        s = rounded_to(d->rounding, s), o = rounded_to(d->rounding, o);
        for (long i = 0; i < d->group; i++) {
            float e = value_of(d, code_of(wanted[i], s, o, largest), s, o) - wanted[i];
            error += weights[i] * e * e;
        }
        if (share == 20 || error < best) best = error, *scale = s, *offset = o;
    }
}

static void descend_body(void *opaque, long begin, long end) {
    const ck_descent *d = opaque;
    float largest = (float)((1 << d->bits) - 1), slope[CK_MAX_GROUP], wanted[CK_MAX_GROUP], curvature[CK_MAX_GROUP];
    for (long j = 0; j < d->group; j++) curvature[j] = d->curvature[(d->first + j) * d->columns + d->first + j];
    for (long r = begin; r < end; r++) {
        long at = r * d->columns + d->first, group = r * (d->columns / d->group) + d->first / d->group;
        const float *w = d->weights + at;
        float *difference = d->difference + at, *change = d->change + r * d->group;
        for (long j = 0; j < d->group; j++) slope[j] = d->slope[at + j];
        if (d->chooses_scales) {
            for (long j = 0; j < d->group; j++)
                wanted[j] = w[j] + difference[j] - (curvature[j] > 0 ? slope[j] / curvature[j] : 0);
            choose_scale(d, wanted, curvature, &d->scales[group], &d->offsets[group]);
        }
        float scale = d->scales[group], offset = d->offsets[group];
        for (long j = 0; j < d->group; j++) {
            float best = w[j] + difference[j] - (curvature[j] > 0 ? slope[j] / curvature[j] : 0);
            float code = code_of(best, scale, offset, largest);
            float step = value_of(d, code, scale, offset) - w[j] - difference[j];
            d->codes[at + j] = (uint8_t)code;
            change[j] = step;
            if (step == 0) continue;
            difference[j] += step;
            const float *row = d->curvature + (d->first + j) * d->columns + d->first;
            for (long k = 0; k < d->group; k++) slope[k] += step * row[k];
        }
    }
}
void ck_descend(const ck_descent *descent) { ck_ranges(descent->rows, 8, descend_body, (void *)descent); }

typedef struct {
    const uint8_t *from;
    long width;
    int bits;
    uint8_t *to;
} pack_context;
static void pack_body(void *opaque, long begin, long end) {
    pack_context *c = opaque;
    for (long r = begin; r < end; r++) pack(c->from + r * c->width, c->width, c->bits, c->to + r * c->width * c->bits / 8);
}
void ck_pack_codes(const uint8_t *from, long rows, long width, int bits, uint8_t *to) {
    pack_context c = {from, width, bits, to};
    ck_ranges(rows, 8, pack_body, &c);
}
