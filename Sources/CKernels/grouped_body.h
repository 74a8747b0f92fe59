// Weights stored as codes with scales of groups (CK_GROUPED), sixteen at a time. Included by stored_body.h, whose contraction rules hold here
// too. `code` and `rounding` are constants wherever these are used, so that the branches go away.
//
// Every weight is rounded as its package rounds it, so a dot product cannot take the scale out of the sum. Codes of four bits or less have at
// most sixteen values in a group: these are made at once, and picked. (AVX-512; elsewhere picking is slower than the arithmetic.)

#include "grouped.h"

typedef uint8_t bytes8 __attribute__((vector_size(8)));

// Codes of four bits, sixteen of them in eight bytes.
INLINE lanes_i32 nibbles16(const uint8_t *p, const bool high_first) {
    bytes8 v, low, high;
    __builtin_memcpy(&v, p, sizeof v);
    low = high_first ? v >> 4 : v & 15, high = high_first ? v & 15 : v >> 4;
    lanes_u8 all = __builtin_shufflevector(low, high, 0, 8, 1, 9, 2, 10, 3, 11, 4, 12, 5, 13, 6, 14, 7, 15);
    return __builtin_convertvector(all, lanes_i32);
}

// Codes of less than eight bits, sixteen of them in 2 · bits bytes: each is in two bytes side by side.
#define SIXTEEN(X, b) \
    X(0, b), X(1, b), X(2, b), X(3, b), X(4, b), X(5, b), X(6, b), X(7, b), X(8, b), X(9, b), X(10, b), X(11, b), X(12, b), X(13, b), \
        X(14, b), X(15, b)
#define BYTE_OF(i, b) (i) * (b) / 8
#define NEXT_OF(i, b) ((i) * (b) / 8 + 1)
#define SHIFT_OF(i, b) (i) * (b) % 8
#define NARROW(bits) \
    INLINE lanes_i32 narrow16_##bits(const uint8_t *p) { \
        lanes_u8 v = {0}; \
        __builtin_memcpy(&v, p, 2 * bits); \
        lanes_u8 low = __builtin_shufflevector(v, v, SIXTEEN(BYTE_OF, bits)), high = __builtin_shufflevector(v, v, SIXTEEN(NEXT_OF, bits)); \
        lanes_i32 shifts = {SIXTEEN(SHIFT_OF, bits)}; \
        lanes_i32 both = __builtin_convertvector(low, lanes_i32) | __builtin_convertvector(high, lanes_i32) << 8; \
        return both >> shifts & ((1 << bits) - 1); \
    }
NARROW(3)
NARROW(5)
NARROW(6)

INLINE lanes_i32 codes16(const ck_code code, const uint8_t *row, long c) {
    switch (code) {
    case CK_U2: {
        uint32_t word;
        __builtin_memcpy(&word, row + c / 4, 4);
        lanes_u32 shifts = {0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30};
        return (lanes_i32)((lanes_u32)splat_i32((int32_t)word) >> shifts & 3);
    }
    case CK_U3: return narrow16_3(row + c * 3 / 8);
    case CK_U5: return narrow16_5(row + c * 5 / 8);
    case CK_U6: return narrow16_6(row + c * 6 / 8);
    case CK_U4: case CK_PICK: return nibbles16(row + c / 2, false);
    case CK_PICK_HIGH: return nibbles16(row + c / 2, true);
    case CK_I8: return signed_bytes16(row + c);
    default: return bytes16(row + c);
    }
}

INLINE lanes numbers16(const ck_code code, const ck_grouped *g, lanes_i32 codes) {
    if (code == CK_PICK || code == CK_PICK_HIGH) return looked_up(g->numbers, codes);
    if (code != CK_E4M3) return __builtin_convertvector(codes, lanes);
    lanes_u16 bits = __builtin_convertvector((codes & 127) << 7 | (codes & 128) << 8, lanes_u16);
    lanes v = __builtin_convertvector((lanes_f16)bits, lanes) * splat(256);
    return choose((codes & 127) == 127, splat(NAN), v);
}

INLINE lanes rounded_lanes(const ck_type type, lanes v) {
    // Without the care for NaN that `rounded` takes: those that come up here stay what they are.
    if (type == CK_BF16) return (lanes)(((lanes_u32)v + 0x7fffu + ((lanes_u32)v >> 16 & 1)) & 0xffff0000u);
    if (type == CK_F16) return __builtin_convertvector(__builtin_convertvector(v, lanes_f16), lanes);
    return v;
}

INLINE lanes weights16(const ck_type rounding, const ck_grouped *g, lanes numbers, lanes zero, lanes scale, lanes offset) {
    lanes v = rounded_lanes(rounding, (numbers - zero) * scale);
    if (g->offsets) v = rounded_lanes(rounding, v + offset);
    return g->factor == 1 ? v : rounded_lanes(rounding, v * splat(g->factor));
}

// Sixteen columns of which each may have a scale of its own.
INLINE lanes scattered16(const ck_code code, const ck_type rounding, const ck_stored *s, const uint8_t *row, long r, long c) {
    const ck_grouped *g = &s->grouped;
    lanes zero = splat(g->zero), scale, offset = splat(0);
    for (int i = 0; i < LANES; i++) {
        long at = group_at(g, r, c + i);
        scale[i] = scale_at(g->scales, g->scale_type, at);
        if (g->zeros) zero[i] = g->zero + (float)g->zeros[at];
        if (g->offsets) offset[i] = scale_at(g->offsets, g->scale_type, at);
    }
    return weights16(rounding, g, numbers16(code, g, codes16(code, row, c)), zero, scale, offset);
}

// As many groups at most have their scales made numbers before columns pick among them.
#define PICKED_GROUPS 256

INLINE lanes gathered(const float *from, lanes_i32 at) {
#if NATIVE_LOOKUP
    return (lanes)_mm512_i32gather_ps((__m512i)at, from, 4);
#else
    lanes v;
    for (int i = 0; i < LANES; i++) v[i] = from[at[i]];
    return v;
#endif
}

// Columns begin..<end, whole sixteens, of a row whose columns each have a group of their own.
INLINE void scattered_span(const ck_code code, const ck_type rounding, const ck_stored *s, long r, long begin, long end, float *to) {
    const ck_grouped *g = &s->grouped;
    const uint8_t *row = (const uint8_t *)s->codes + r * s->row_bytes;
    if (!g->group_of || g->offsets || g->groups > PICKED_GROUPS) {
        for (long c = begin; c < end; c += LANES) store(to + (c - begin), scattered16(code, rounding, s, row, r, c));
        return;
    }
    float scales[PICKED_GROUPS], zeros[PICKED_GROUPS];
    for (long i = 0, at = r / g->group_rows * g->groups; i < g->groups; i++, at++) {
        scales[i] = scale_at(g->scales, g->scale_type, at);
        zeros[i] = g->zeros ? g->zero + (float)g->zeros[at] : g->zero;
    }
    for (long c = begin; c < end; c += LANES) {
        lanes_i32 groups;
        __builtin_memcpy(&groups, g->group_of + c, sizeof groups);
        lanes numbers = numbers16(code, g, codes16(code, row, c));
        store(to + (c - begin), weights16(rounding, g, numbers, gathered(zeros, groups), gathered(scales, groups), splat(0)));
    }
}

// Columns begin..<end of row r, in float32; `begin` is a multiple of sixteen.
INLINE void grouped_span(const ck_code code, const ck_type rounding, const ck_stored *s, long r, long begin, long end, float *to) {
    const ck_grouped *g = &s->grouped;
    const uint8_t *row = (const uint8_t *)s->codes + r * s->row_bytes;
    long c = begin, whole = begin + (end - begin) / LANES * LANES;
    if (g->group_of || g->group_columns % LANES) {
        scattered_span(code, rounding, s, r, begin, whole, to);
        c = whole;
    }
    long group = begin / g->group_columns, at = r / g->group_rows * g->groups + group, bound = (group + 1) * g->group_columns;
    for (; c < whole; at++, bound += g->group_columns) {
        long stop = bound < whole ? bound : whole;
        lanes scale = splat(scale_at(g->scales, g->scale_type, at)), zero = splat(g->zeros ? g->zero + (float)g->zeros[at] : g->zero);
        lanes offset = splat(g->offsets ? scale_at(g->offsets, g->scale_type, at) : 0);
#if NATIVE_LOOKUP
        if (code_bits(code) <= 4) {
            lanes_i32 all = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
            lanes values = weights16(rounding, g, numbers16(code, g, all), zero, scale, offset);
            for (; c < stop; c += LANES)
                store(to + (c - begin), (lanes)_mm512_permutexvar_ps((__m512i)codes16(code, row, c), (__m512)values));
            continue;
        }
#endif
        for (; c < stop; c += LANES)
            store(to + (c - begin), weights16(rounding, g, numbers16(code, g, codes16(code, row, c)), zero, scale, offset));
    }
    for (; c < end; c++) to[c - begin] = ck_grouped_weight(s, r, c);
}

static void grouped_columns(const ck_stored *s, long r, long begin, long end, float *to) {
#define SPAN(code) \
    case code: \
        if (s->grouped.rounding == CK_F32) grouped_span(code, CK_F32, s, r, begin, end, to); \
        else if (s->grouped.rounding == CK_BF16) grouped_span(code, CK_BF16, s, r, begin, end, to); \
        else grouped_span(code, CK_F16, s, r, begin, end, to); \
        break;
    switch (s->grouped.code) {
        SPAN(CK_U2) SPAN(CK_U3) SPAN(CK_U4) SPAN(CK_U5) SPAN(CK_U6) SPAN(CK_U8)
        SPAN(CK_I8) SPAN(CK_E4M3) SPAN(CK_PICK) SPAN(CK_PICK_HIGH)
    default: break;
    }
}

// Columns that are unpacked at once, and stay in the first cache until they are used.
#define SPAN_COLUMNS 1024

static void unpack_grouped(const ck_stored *s, long row, long begin, long count, void *to, ck_type type) {
    if (type == CK_F32) {
        grouped_columns(s, row, begin, begin + count, to);
        return;
    }
    float space[SPAN_COLUMNS];
    for (long c = 0; c < count; c += SPAN_COLUMNS) {
        long n = count - c < SPAN_COLUMNS ? count - c : SPAN_COLUMNS, i = 0;
        grouped_columns(s, row, begin + c, begin + c + n, space);
        for (; i + LANES <= n; i += LANES) store_bf16((uint16_t *)to + c + i, narrowed_exactly(load(space + i)));
        for (; i < n; i++) ((uint16_t *)to)[c + i] = float_to_bf16(space[i]);
    }
}

// sums[r] += the dot product of n weights with row r of A.
INLINE void dot_rows(const float *w, const float *a, long stride, const int rows, long n, lanes (*sums)[2], float *rest) {
    long i = 0;
    for (; i + 2 * LANES <= n; i += 2 * LANES)
        _Pragma("unroll") for (int r = 0; r < rows; r++) {
            sums[r][0] = fused(load(w + i), load(a + r * stride + i), sums[r][0]);
            sums[r][1] = fused(load(w + i + LANES), load(a + r * stride + i + LANES), sums[r][1]);
        }
    for (; i + LANES <= n; i += LANES)
        _Pragma("unroll") for (int r = 0; r < rows; r++) sums[r][0] = fused(load(w + i), load(a + r * stride + i), sums[r][0]);
    for (; i < n; i++)
        for (int r = 0; r < rows; r++) rest[r] += w[i] * a[r * stride + i];
}

// few_rows for CK_GROUPED: each weight is unpacked once, and used for all rows.
static void few_rows_grouped(const ck_matmul *job, const float *a, long begin, long end) {
    const ck_stored *s = job->stored;
    long k = job->k, m = job->m, bits = code_bits(s->grouped.code);
    float space[SPAN_COLUMNS];
    for (long n = begin; n < end; n++) {
        lanes sums[CK_FEW_ROWS][2];
        float rest[CK_FEW_ROWS] = {0};
        for (long r = 0; r < m; r++) sums[r][0] = sums[r][1] = splat(0);
        for (long c = 0; c < k; c += SPAN_COLUMNS) {
            long count = k - c < SPAN_COLUMNS ? k - c : SPAN_COLUMNS, r = 0;
            const char *codes = (const char *)s->codes + n * s->row_bytes + c * bits / 8;
            for (long line = 0; line < count * bits / 8; line += 64) __builtin_prefetch(codes + line + HINT_BYTES, 0, 3);
            grouped_columns(s, n, c, c + count, space);
            for (; r + 4 <= m; r += 4) dot_rows(space, a + r * k + c, k, 4, count, sums + r, rest + r);
            for (; r < m; r++) dot_rows(space, a + r * k + c, k, 1, count, sums + r, rest + r);
        }
        for (long r = 0; r < m; r++) {
            float value = lane_sum(sums[r][0] + sums[r][1]) + rest[r];
            if (job->bias) value += job->bias[n];
            long at = r * job->c_stride + n;
            if (job->accumulate) value += get_as(job->c, job->c_type, at);
            set_as(job->c, job->c_type, at, value);
        }
    }
}
