// Dot products of few rows with stored weights, written once in `lanes` and compiled by each kernels_*.c for its instruction set.
//
// Activations are laid once for each product in the order in which codes come up (stored_codes_body.h): three instructions for sixteen weights
// and a row, of which only the last is for the row. Scales wait for the sum of their weights, and what is added to all codes of a scale waits
// for the sum of their activations.

#include "stored_codes_body.h"

// MARK: Activations

// Floats of a row of k activations as they are laid here, and of its sums.
INLINE long arranged_floats(const ck_layout layout, long k) {
    return (k + segment_weights(layout) - 1) / segment_weights(layout) * segment_weights(layout);
}
INLINE long sums_in_segment(const ck_layout layout) { return scale_index(layout, segment_weights(layout) / CK_GROUP); }
INLINE long arranged_sums(const ck_layout layout, long k) {
    long sums = arranged_floats(layout, k) / segment_weights(layout) * sums_in_segment(layout);
    return (sums + 15) / 16 * 16;
}

// Row `a` of k activations in the order of codes, and their sums for each scale; zero beyond k.
INLINE void arrange(const ck_layout layout, const float *a, long k, float *to, float *sums) {
    const long weights = segment_weights(layout), shared = scale_weights(layout), groups = shared / CK_GROUP;
    // Minima are subtracted.
    const bool minima = layout == CK_Q2_K || layout == CK_Q4_K || layout == CK_Q5_K;
    const float factor = added_to_codes(layout) ? (float)-added_to_codes(layout) : minima ? -1 : 1;
    for (long begin = 0; begin < k; begin += weights, to += weights, sums += sums_in_segment(layout)) {
        _Pragma("unroll") for (long set = 0; set < weights / 64; set++)
            _Pragma("unroll") for (long q = 0; q < 4; q++) {
                const long group = group_in_set(layout, set, q);
                lanes v = begin + group * CK_GROUP < k ? load(a + begin + group * CK_GROUP) : splat(0);
                v = __builtin_shufflevector(v, v, 0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
                const int at = code_at(layout, set), bits = code_bits_apart(layout);
                float f0 = code_factor(0, at, bits), f1 = code_factor(1, at, bits), f2 = code_factor(2, at, bits);
                float f3 = code_factor(3, at, bits);
                v *= (lanes){f0, f0, f0, f0, f1, f1, f1, f1, f2, f2, f2, f2, f3, f3, f3, f3};
                float *out = to + set * 64 + 4 * q;
                lanes4 v0 = LOWER4(v), v1 = __builtin_shufflevector(v, v, 4, 5, 6, 7), v2 = __builtin_shufflevector(v, v, 8, 9, 10, 11),
                       v3 = __builtin_shufflevector(v, v, 12, 13, 14, 15);
                __builtin_memcpy(out, &v0, sizeof v0);
                __builtin_memcpy(out + 16, &v1, sizeof v1);
                __builtin_memcpy(out + 32, &v2, sizeof v2);
                __builtin_memcpy(out + 48, &v3, sizeof v3);
            }
        for (long i = 0; i < weights / shared; i++) {
            lanes sum = splat(0);
            for (long g = 0; g < groups; g++)
                if (begin + (i * groups + g) * CK_GROUP < k) sum += load(a + begin + (i * groups + g) * CK_GROUP);
            // Beside offsets lie the scales, which have no part in this.
            if (beside_offset(layout)) sums[2 * i] = 0, sums[2 * i + 1] = lane_sum(sum);
            else sums[i] = factor * lane_sum(sum);
        }
    }
}

// MARK: Products

#if FUSED
INLINE lanes4 fused4(lanes4 a, lanes4 b, lanes4 c) { return __builtin_elementwise_fma(a, b, c); }
INLINE lanes8 fused8(lanes8 a, lanes8 b, lanes8 c) { return __builtin_elementwise_fma(a, b, c); }
#else
INLINE lanes4 fused4(lanes4 a, lanes4 b, lanes4 c) { return a * b + c; }
INLINE lanes8 fused8(lanes8 a, lanes8 b, lanes8 c) { return a * b + c; }
#endif
INLINE lanes4 load4(const float *p) {
    lanes4 v;
    __builtin_memcpy(&v, p, sizeof v);
    return v;
}
INLINE lanes8 load8(const float *p) {
    lanes8 v;
    __builtin_memcpy(&v, p, sizeof v);
    return v;
}

// The sums so far of a row of A: of the products of codes, and of what goes with the sums of activations.
typedef struct {
    lanes codes;
    lanes8 offsets;
    lanes4 few_offsets;
    float single;
} stored_sums;
INLINE void add_offsets(const ck_layout layout, const float *factors, const float *xs, stored_sums *to) {
    const long sums = sums_in_segment(layout);
    if (!has_offset(layout) && !added_to_codes(layout)) return;
    if (sums == 1) to->single += factors[0] * xs[0];
    else if (sums == 4) to->few_offsets = fused4(load4(factors), load4(xs), to->few_offsets);
    else _Pragma("unroll") for (long i = 0; i < sums; i += 8) to->offsets = fused8(load8(factors + i), load8(xs + i), to->offsets);
}
INLINE float sum_of(const stored_sums *s) {
    lanes8 a = LOWER8(s->codes) + UPPER8(s->codes) + s->offsets;
    lanes4 b = LOWER4(a) + UPPER4(a) + s->few_offsets;
    return (b[0] + b[2]) + (b[1] + b[3]) + s->single;
}

// Where the blocks of a segment begin. Of less than four the last stands for those that are not there, and meets activations that are zero.
INLINE void segment_blocks(const ck_layout layout, const uint8_t *b, const uint8_t *end, const bool whole, const uint8_t *p[4]) {
    const long bytes = block_bytes(layout), several = segment_weights(layout) > block_weights(layout);
    _Pragma("unroll") for (long i = 0; i < 4; i++) {
        const uint8_t *at = b + several * i * bytes;
        p[i] = whole || at < end ? at : end - bytes;
    }
}

// Adds the dot product of a segment's weights with one row. Sets are taken two at a time: one sum alone would wait for itself.
INLINE void add_segment(const ck_layout layout, const uint8_t *const p[4], const float *x, const float *xs, stored_sums *to) {
    const long sets = segment_weights(layout) / 64;
    const int bits = code_bits_apart(layout);
    float scales[16], space[16];
    const float *factors = segment_scales(layout, p, scales, space);
    add_offsets(layout, factors, xs, to);
    // From here on scales are in memory, where they are spread over lanes on their way.
    __asm__("" : "+m"(scales));
    _Pragma("unroll") for (long set = 0; set < sets; set += 2) {
        lanes_u32 v[2] = {set_codes(layout, p, set), set_codes(layout, p, set + 1)};
        lanes inner[2];
        _Pragma("unroll") for (int b = 0; b < 4; b++)
            _Pragma("unroll") for (long t = 0; t < 2; t++) {
                lanes c = code_numbers(v[t], b, code_at(layout, set + t), bits), a = load(x + (set + t) * 64 + b * LANES);
                inner[t] = b == 0 ? c * a : fused(c, a, inner[t]);
            }
        if (same_scales(layout, set, set + 1)) {
            to->codes = fused(scales_of_set(layout, scales, set), inner[0] + inner[1], to->codes);
            continue;
        }
        _Pragma("unroll") for (long t = 0; t < 2; t++) to->codes = fused(scales_of_set(layout, scales, set + t), inner[t], to->codes);
    }
}

// The end of a sum: row m, column n.
INLINE void finish_stored(const ck_matmul *job, const stored_sums *sums, long m, long n) {
    float value = sum_of(sums);
    if (job->bias) value += job->bias[n];
    long at = m * job->c_stride + n;
    if (job->accumulate) value += get_as(job->c, job->c_type, at);
    set_as(job->c, job->c_type, at, value);
}

// Not one hint for every line that a segment touches: neighbours share these.
INLINE void fetch_segment(const uint8_t *b, const long bytes) {
    for (long line = 0; line < (bytes < 64 ? 64 : bytes / 64 * 64); line += 64) __builtin_prefetch(b + line + HINT_BYTES, 0, 3);
}

// Column n of the product for row m.
INLINE void stored_dot(const ck_matmul *job, const ck_layout layout, const float *x, const float *xs, long m, long n) {
    const long weights = segment_weights(layout), bytes = weights / block_weights(layout) * block_bytes(layout);
    const uint8_t *b = stored_row(job->stored, n), *end = b + job->k / block_weights(layout) * block_bytes(layout), *p[4];
    x += m * arranged_floats(layout, job->k), xs += m * arranged_sums(layout, job->k);
    stored_sums to = {splat(0), {0}, {0}, 0};
    for (; b + bytes <= end; b += bytes, x += weights, xs += sums_in_segment(layout)) {
        fetch_segment(b, bytes);
        segment_blocks(layout, b, end, true, p);
        add_segment(layout, p, x, xs, &to);
    }
    if (weights > block_weights(layout) && b < end) {
        segment_blocks(layout, b, end, false, p);
        add_segment(layout, p, x, xs, &to);
    }
    finish_stored(job, &to, m, n);
}

// What the sums of several rows and columns are made in: a whole register, so that eight of them and what they are made of fit.
#if NATIVE_LOOKUP
typedef lanes part;
#define PART LANES
INLINE part part_of_lanes(lanes v, const long i) { return (void)i, v; }
INLINE part fused_part(part a, part b, part c) { return fused(a, b, c); }
#else
typedef lanes8 part;
#define PART 8
INLINE part part_of_lanes(lanes v, const long i) { return i ? UPPER8(v) : LOWER8(v); }
INLINE part fused_part(part a, part b, part c) { return fused8(a, b, c); }
#endif
INLINE part load_part(const float *p) {
    part v;
    __builtin_memcpy(&v, p, sizeof v);
    return v;
}

// add_segment for two columns and `rows` rows: to[c][r]. Each activation is loaded for two columns, each code made a number for all rows.
INLINE void add_segment_tile(
    const ck_layout layout, const uint8_t *const p[2][4], const float *x, long stride, const float *xs, long sums_stride, const int rows,
    stored_sums to[2][4]
) {
    const long sets = segment_weights(layout) / 64;
    const int bits = code_bits_apart(layout);
    float scales[2][16], space[16];
    _Pragma("unroll") for (int c = 0; c < 2; c++) {
        const float *factors = segment_scales(layout, p[c], scales[c], space);
        _Pragma("unroll") for (int r = 0; r < rows; r++) add_offsets(layout, factors, xs + r * sums_stride, &to[c][r]);
    }
    __asm__("" : "+m"(scales));
    _Pragma("unroll") for (long i = 0; i < LANES / PART; i++) {
        part inner[2][4];
        _Pragma("unroll") for (long set = 0; set < sets; set++) {
            bool first = set == 0 || !same_scales(layout, set, set - 1);
            lanes_u32 v[2] = {set_codes(layout, p[0], set), set_codes(layout, p[1], set)};
            _Pragma("unroll") for (int b = 0; b < 4; b++) {
                part codes[2];
                _Pragma("unroll") for (int c = 0; c < 2; c++)
                    codes[c] = part_of_lanes(code_numbers(v[c], b, code_at(layout, set), bits), i);
                _Pragma("unroll") for (int r = 0; r < rows; r++) {
                    part a = load_part(x + r * stride + set * 64 + b * LANES + i * PART);
                    _Pragma("unroll") for (int c = 0; c < 2; c++)
                        inner[c][r] = first && b == 0 ? codes[c] * a : fused_part(codes[c], a, inner[c][r]);
                }
            }
            if (set + 1 < sets && same_scales(layout, set, set + 1)) continue;
            _Pragma("unroll") for (int c = 0; c < 2; c++) {
                part scale = part_of_lanes(scales_of_set(layout, scales[c], set), i);
                _Pragma("unroll") for (int r = 0; r < rows; r++) {
                    float *total = (float *)&to[c][r].codes + i * PART;
                    part sum = fused_part(scale, inner[c][r], load_part(total));
                    __builtin_memcpy(total, &sum, sizeof sum);
                }
            }
        }
    }
}

// Columns n and n + 1, or n alone where that is the last, for rows m..<m + rows.
INLINE void stored_tile(
    const ck_matmul *job, const ck_layout layout, const float *x, const float *xs, long m, const int rows, long n, long end
) {
    const long weights = segment_weights(layout), bytes = weights / block_weights(layout) * block_bytes(layout);
    const long stride = arranged_floats(layout, job->k), sums_stride = arranged_sums(layout, job->k);
    const long row_bytes = job->k / block_weights(layout) * block_bytes(layout), columns = n + 1 < end ? 2 : 1;
    const uint8_t *b[2] = {stored_row(job->stored, n), stored_row(job->stored, n + columns - 1)}, *p[2][4];
    x += m * stride, xs += m * sums_stride;
    stored_sums to[2][4];
    for (int c = 0; c < 2; c++)
        for (int r = 0; r < rows; r++) to[c][r] = (stored_sums){splat(0), {0}, {0}, 0};
    long at = 0;
    for (; at + bytes <= row_bytes; at += bytes, x += weights, xs += sums_in_segment(layout)) {
        _Pragma("unroll") for (int c = 0; c < 2; c++) {
            fetch_segment(b[c] + at, bytes);
            segment_blocks(layout, b[c] + at, b[c] + row_bytes, true, p[c]);
        }
        add_segment_tile(layout, p, x, stride, xs, sums_stride, rows, to);
    }
    if (weights > block_weights(layout) && at < row_bytes) {
        _Pragma("unroll") for (int c = 0; c < 2; c++) segment_blocks(layout, b[c] + at, b[c] + row_bytes, false, p[c]);
        add_segment_tile(layout, p, x, stride, xs, sums_stride, rows, to);
    }
    for (int c = 0; c < columns; c++)
        for (int r = 0; r < rows; r++) finish_stored(job, &to[c][r], m + r, n + c);
}

INLINE void few_rows_stored_typed(const ck_matmul *job, const ck_layout layout, const float *x, const float *xs, long begin, long end) {
    long m = 0;
    // Two columns of weights stay in the first cache while they are used for all rows.
    for (long n = begin; n < end && job->m > 1; n += 2) {
        for (m = 0; m + 4 <= job->m; m += 4) stored_tile(job, layout, x, xs, m, 4, n, end);
        for (; m + 2 <= job->m; m += 2) stored_tile(job, layout, x, xs, m, 2, n, end);
    }
    for (long n = begin; n < end && m < job->m; n++) stored_dot(job, layout, x, xs, m, n);
}

// Floats of A as few_rows_stored takes it.
static long arranged_space(const ck_matmul *job) {
    long most = 0;
    if (job->stored->layout == CK_GROUPED) return 0;
#define SPACE(layout, weights, bytes, shared, has_offset) \
    case layout: most = job->m * (arranged_floats(layout, job->k) + arranged_sums(layout, job->k)); break;
    switch (job->stored->layout) { CK_LAYOUTS(SPACE) default: break; }
    return most;
}
// A, [m, k] in float32, laid as its layout has it.
static void arrange_rows(const ck_matmul *job, const float *a, float *to) {
#define ARRANGE(layout, weights, bytes, shared, has_offset) \
    case layout: { \
        long width = arranged_floats(layout, job->k), sums = arranged_sums(layout, job->k); \
        for (long r = 0; r < job->m; r++) arrange(layout, a + r * job->k, job->k, to + r * width, to + job->m * width + r * sums); \
        break; \
    }
    switch (job->stored->layout) { CK_LAYOUTS(ARRANGE) default: break; }
}

// Columns begin..<end of A · Bᵀ for at most CK_FEW_ROWS rows and stored B; `a` is A as arrange_rows lays it, or [m, k] in float32 for
// CK_GROUPED.
static void few_rows_stored(const ck_matmul *job, const float *a, long begin, long end) {
    if (job->stored->layout == CK_GROUPED) {
        few_rows_grouped(job, a, begin, end);
        return;
    }
#define FEW(layout, weights, bytes, shared, has_offset) \
    case layout: few_rows_stored_typed(job, layout, a, a + job->m * arranged_floats(layout, job->k), begin, end); break;
    switch (job->stored->layout) { CK_LAYOUTS(FEW) default: break; }
}
