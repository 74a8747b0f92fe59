// The public functions: each calls this CPU's kernel (instruction_set.c) and splits the rows over the threads.
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernels.h"
#include "lanes.h"

// SPLIT(name, fields) { body }: the context of one kernel and its work on begin..<end, for ck_ranges.
#define SPLIT(name, ...) \
    typedef struct {        \
        __VA_ARGS__         \
    } name##_context;       \
    static void name##_body(void *opaque, long begin, long end)

// Elements per thread below which waking another thread costs more than it saves.
#define GRAIN 16384
static long row_grain(long width) { return width >= GRAIN ? 1 : (GRAIN + width - 1) / (width < 1 ? 1 : width); }

SPLIT(convert, const void *from; ck_type from_type; void *to; ck_type to_type;) {
    convert_context *c = opaque;
    ck_current()->convert(
        (const char *)c->from + begin * type_bytes(c->from_type), c->from_type,
        (char *)c->to + begin * type_bytes(c->to_type), c->to_type, end - begin);
}
void ck_convert(const void *from, ck_type from_type, void *to, ck_type to_type, long count) {
    convert_context c = {from, from_type, to, to_type};
    ck_ranges(count, GRAIN, convert_body, &c);
}

SPLIT(fill, float *x; float value;) {
    fill_context *c = opaque;
    if (c->value == 0) memset(c->x + begin, 0, (unsigned long)(end - begin) * 4);
    else
        for (long i = begin; i < end; i++) c->x[i] = c->value;
}
void ck_fill(float *x, float value, long count) {
    fill_context c = {x, value};
    ck_ranges(count, GRAIN, fill_body, &c);
}

SPLIT(fill_random, void *x; ck_type type; float deviation; uint32_t seed;) {
    fill_random_context *c = opaque;
    for (long i = begin; i < end; i++) {
        // A 32-bit mixer (murmur3's) of the index and the seed.
        uint32_t h = (uint32_t)i * 0x9e3779b1u + (uint32_t)(i >> 32) * 0x85ebca6bu + c->seed;
        h = (h ^ h >> 16) * 0x85ebca6bu;
        h = (h ^ h >> 13) * 0xc2b2ae35u;
        float uniform = (float)((h ^ h >> 16) >> 8) * 0x1p-24f;
        set_as(c->x, c->type, i, (uniform - 0.5f) * 3.4641016f * c->deviation);
    }
}
void ck_fill_random(void *x, ck_type type, float deviation, uint32_t seed, long count) {
    fill_random_context c = {x, type, deviation, seed};
    ck_ranges(count, GRAIN, fill_random_body, &c);
}

SPLIT(linear, float *y; const float *x; float scale; bool add;) {
    linear_context *c = opaque;
    (c->add ? ck_current()->add_scaled : ck_current()->scale)(c->y + begin, c->x + begin, c->scale, end - begin);
}
void ck_add_scaled(float *y, const float *x, float scale, long count) {
    linear_context c = {y, x, scale, true};
    ck_ranges(count, GRAIN, linear_body, &c);
}
void ck_scale(float *y, const float *x, float scale, long count) {
    linear_context c = {y, x, scale, false};
    ck_ranges(count, GRAIN, linear_body, &c);
}

// Blocks of fixed size, summed in order: the result does not depend on the number of threads.
SPLIT(squares, const float *x; long count; double *sums;) {
    squares_context *c = opaque;
    for (long block = begin; block < end; block++) {
        long at = block * CK_SUM_BLOCK, n = c->count - at < CK_SUM_BLOCK ? c->count - at : CK_SUM_BLOCK;
        c->sums[block] = ck_current()->sum_of_squares(c->x + at, n);
    }
}
double ck_sum_of_squares(const float *x, long count) {
    long blocks = (count + CK_SUM_BLOCK - 1) / CK_SUM_BLOCK;
    double small[64], *sums = blocks <= 64 ? small : ck_allocate(blocks, sizeof(double), "sums of squares"), total = 0;
    squares_context c = {x, count, sums};
    ck_ranges(blocks, 1, squares_body, &c);
    for (long i = 0; i < blocks; i++) total += sums[i];
    if (sums != small) free(sums);
    return total;
}

SPLIT(finite, const void *x; ck_type type; long first;) {
    finite_context *c = opaque;
    long at = ck_current()->first_nonfinite((const char *)c->x + begin * type_bytes(c->type), c->type, end - begin);
    if (at < 0) return;
    at += begin;
    long old = __atomic_load_n(&c->first, __ATOMIC_RELAXED);
    while ((old < 0 || at < old) && !__atomic_compare_exchange_n(&c->first, &old, at, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
        ;
}
long ck_first_nonfinite(const void *x, ck_type type, long count) {
    finite_context c = {x, type, -1};
    ck_ranges(count, GRAIN, finite_body, &c);
    return c.first;
}

SPLIT(gather, const char *from; const int32_t *rows; long width; char *to;) {
    gather_context *c = opaque;
    for (long i = begin; i < end; i++) memcpy(c->to + i * c->width, c->from + c->rows[i] * c->width, (unsigned long)c->width);
}
void ck_gather_rows(const void *from, const int32_t *rows, long count, long width_bytes, void *to) {
    gather_context c = {from, rows, width_bytes, to};
    ck_ranges(count, row_grain(width_bytes / 4), gather_body, &c);
}

// Threads share out columns, not rows: equal rows then add up in one order.
SPLIT(scatter, const float *from; const int32_t *rows; long count, width; float *to;) {
    scatter_context *c = opaque;
    for (long i = 0; i < c->count; i++)
        ck_current()->add_scaled(c->to + c->rows[i] * c->width + begin, c->from + i * c->width + begin, 1, end - begin);
}
void ck_scatter_add_rows(const float *from, const int32_t *rows, long count, long width, float *to) {
    scatter_context c = {from, rows, count, width, to};
    ck_ranges(width, 64, scatter_body, &c);
}

SPLIT(columns, const void *x; ck_type type; long rows, width; float *sums;) {
    columns_context *c = opaque;
    ck_current()->column_sums(c->x, c->type, c->rows, c->width, begin, end, c->sums);
}
void ck_column_sums(const void *x, ck_type type, long rows, long width, float *sums, bool accumulate) {
    if (!accumulate) memset(sums, 0, (unsigned long)width * 4);
    columns_context c = {x, type, rows, width, sums};
    ck_ranges(width, 64, columns_body, &c);
}

SPLIT(embed, const void *table; ck_type type; const int32_t *ids; long width; float scale; float *out;) {
    embed_context *c = opaque;
    for (long i = begin; i < end; i++)
        ck_current()->embed_row(c->table, c->type, c->ids[i], c->width, c->scale, c->out + i * c->width);
}
void ck_embed(const void *table, ck_type type, const int32_t *ids, long rows, long width, float scale, float *out) {
    embed_context c = {table, type, ids, width, scale, out};
    ck_ranges(rows, row_grain(width), embed_body, &c);
}

SPLIT(norm, const float *x; const void *weight; ck_type weight_type; float offset, eps; long width; void *y;
      ck_type y_type; float *inverse_rms;) {
    norm_context *c = opaque;
    for (long r = begin; r < end; r++)
        ck_current()->rms_norm_row(
            c->x + r * c->width, c->weight, c->weight_type, c->offset, c->eps, c->width,
            (char *)c->y + r * c->width * type_bytes(c->y_type), c->y_type, c->inverse_rms ? c->inverse_rms + r : NULL);
}
void ck_rms_norm(
    const float *x, const void *weight, ck_type weight_type, float offset, float eps, long rows, long width, void *y,
    ck_type y_type, float *inverse_rms
) {
    norm_context c = {x, weight, weight_type, offset, eps, width, y, y_type, inverse_rms};
    ck_ranges(rows, row_grain(width), norm_body, &c);
}

// Weight gradients are summed per block of rows, then over the blocks in order: how many there are follows from the rows alone, so the
// sums do not depend on the number of threads. Enough blocks for many threads, each with enough rows to be worth one more sum.
#define NORM_BLOCK_ROWS 16
long ck_norm_backward_units(long rows) {
    long blocks = rows / NORM_BLOCK_ROWS;
    return blocks < 1 ? 1 : blocks > CK_MAX_THREADS ? CK_MAX_THREADS : blocks;
}
typedef struct {
    const float *dy, *x;
    const void *weight;
    ck_type weight_type;
    float offset;
    const float *inverse_rms;
    long rows, width;
    float *dx;
    bool accumulate;
    float *partial;
    long blocks;
} norm_backward_context;
static void norm_backward_body(void *opaque, long begin, long end) {
    norm_backward_context *c = opaque;
    for (long block = begin; block < end; block++)
        for (long r = c->rows * block / c->blocks; r < c->rows * (block + 1) / c->blocks; r++)
            ck_current()->rms_norm_backward_row(
                c->dy + r * c->width, c->x + r * c->width, c->weight, c->weight_type, c->offset, c->inverse_rms[r],
                c->width, c->dx + r * c->width, c->accumulate, c->partial ? c->partial + block * c->width : NULL);
}
void ck_rms_norm_backward(
    const float *dy, const float *x, const void *weight, ck_type weight_type, float offset, const float *inverse_rms,
    long rows, long width, float *dx, bool accumulate_dx, float *dweight
) {
    long blocks = ck_norm_backward_units(rows);
    float *partial = dweight ? ck_allocate(blocks * width, 4, "gradients of a norm") : NULL;
    norm_backward_context c = {dy, x, weight, weight_type, offset, inverse_rms, rows, width, dx, accumulate_dx, partial, blocks};
    ck_ranges(blocks, rows * width < GRAIN ? blocks : 1, norm_backward_body, &c);
    for (long block = 0; partial && block < blocks; block++) ck_current()->add_scaled(dweight, partial + block * width, 1, width);
    free(partial);
}

SPLIT(rotate, float *x; const int32_t *positions; const float *cosine, *sine; long heads, width; float direction;) {
    rotate_context *c = opaque;
    for (long r = begin; r < end; r++) {
        long at = c->positions[r] * (c->width / 2);
        ck_current()->rotate_row(
            c->x + r * c->heads * c->width, c->cosine + at, c->sine + at, c->heads, c->width, c->direction);
    }
}
void ck_rotate(
    float *x, const int32_t *positions, const float *cosine, const float *sine, long rows, long heads, long width,
    int direction
) {
    rotate_context c = {x, positions, cosine, sine, heads, width, (float)direction};
    ck_ranges(rows, row_grain(heads * width), rotate_body, &c);
}

SPLIT(gated, const char *gate, *up; ck_type in_type; ck_activation activation; char *out; ck_type out_type;) {
    gated_context *c = opaque;
    long in = begin * type_bytes(c->in_type);
    ck_current()->gated(
        c->gate + in, c->up + in, c->in_type, c->activation, end - begin, c->out + begin * type_bytes(c->out_type),
        c->out_type);
}
void ck_gated(
    const void *gate, const void *up, ck_type in_type, ck_activation activation, long count, void *out, ck_type out_type
) {
    gated_context c = {gate, up, in_type, activation, out, out_type};
    ck_ranges(count, 4096, gated_body, &c);
}

SPLIT(gated_backward, const float *dout; const char *gate, *up; ck_type in_type; ck_activation activation; char *dgate, *dup;) {
    gated_backward_context *c = opaque;
    long in = begin * type_bytes(c->in_type);
    ck_current()->gated_backward(
        c->dout + begin, c->gate + in, c->up + in, c->in_type, c->activation, end - begin, c->dgate + in, c->dup + in);
}
void ck_gated_backward(
    const float *dout, const void *gate, const void *up, ck_type in_type, ck_activation activation, long count,
    void *dgate, void *dup
) {
    gated_backward_context c = {dout, gate, up, in_type, activation, dgate, dup};
    ck_ranges(count, 4096, gated_backward_body, &c);
}

SPLIT(softmax, const float *logits; const int32_t *targets; long width; float *log_probability; char *probabilities;
      ck_type type;) {
    softmax_context *c = opaque;
    for (long r = begin; r < end; r++)
        c->log_probability[r] = ck_current()->softmax_row(
            c->logits + r * c->width, c->targets[r], c->width,
            c->probabilities ? c->probabilities + r * c->width * type_bytes(c->type) : NULL, c->type);
}
void ck_token_log_probabilities(
    const float *logits, const int32_t *targets, long rows, long width, float *log_probability, void *probabilities,
    ck_type type
) {
    softmax_context c = {logits, targets, width, log_probability, probabilities, type};
    ck_ranges(rows, 1, softmax_body, &c);
}

SPLIT(softmax_backward, char *probabilities; ck_type type; const int32_t *targets;
      const float *log_probability, *coefficients; long width;) {
    softmax_backward_context *c = opaque;
    for (long r = begin; r < end; r++)
        ck_current()->softmax_backward_row(
            c->probabilities + r * c->width * type_bytes(c->type), c->type, c->targets[r], c->log_probability[r],
            c->coefficients[r], c->width);
}
void ck_token_log_probabilities_backward(
    void *probabilities, ck_type type, const int32_t *targets, const float *log_probability, const float *coefficients,
    long rows, long width
) {
    softmax_backward_context c = {probabilities, type, targets, log_probability, coefficients, width};
    ck_ranges(rows, 1, softmax_backward_body, &c);
}

static double dot(const float *a, const float *b, long n) {
    double total = 0;
    for (long i = 0; i < n; i++) total += (double)a[i] * (double)b[i];
    return total;
}
static double inverse_norm(const float *a, long n) {
    double squares = dot(a, a, n);
    return squares > 1e-24 ? 1 / sqrt(squares) : 0;
}
void ck_normalized_mse(const float *prediction, const float *truth, long rows, long width, float *mse) {
    for (long r = 0; r < rows; r++) {
        const float *p = prediction + r * width, *g = truth + r * width;
        double ip = inverse_norm(p, width), ig = inverse_norm(g, width), total = 0;
        for (long i = 0; i < width; i++) {
            double d = (double)p[i] * ip - (double)g[i] * ig;
            total += d * d;
        }
        mse[r] = (float)total;
    }
}
// mse = 2 − 2·p̂·ĝ, and ∂p̂/∂p = (I − p̂p̂ᵀ)/‖p‖, so ∂mse/∂p = −2(ĝ − (p̂·ĝ)p̂)/‖p‖.
void ck_normalized_mse_backward(
    const float *prediction, const float *truth, const float *coefficients, long rows, long width, float *dprediction
) {
    for (long r = 0; r < rows; r++) {
        const float *p = prediction + r * width, *g = truth + r * width;
        double ip = inverse_norm(p, width), ig = inverse_norm(g, width), cosine = dot(p, g, width) * ip * ig;
        for (long i = 0; i < width; i++)
            dprediction[r * width + i] =
                (float)(-2 * (double)coefficients[r] * ip * ((double)g[i] * ig - cosine * (double)p[i] * ip));
    }
}

SPLIT(adamw, const ck_adamw *o; float *weight; uint16_t *upper; int16_t *low; const float *gradient; float *m, *v;) {
    adamw_context *c = opaque;
    if (c->weight)
        ck_current()->adamw_f32(c->o, c->weight + begin, c->gradient + begin, c->m + begin, c->v + begin, end - begin);
    else
        ck_current()->adamw_bf16(
            c->o, c->upper + begin, c->low + begin, c->gradient + begin, c->m + begin, c->v + begin, end - begin);
}
void ck_adamw_f32(const ck_adamw *o, float *weight, const float *gradient, float *m, float *v, long count) {
    adamw_context c = {o, weight, NULL, NULL, gradient, m, v};
    ck_ranges(count, 4096, adamw_body, &c);
}
void ck_adamw_bf16(
    const ck_adamw *o, uint16_t *weight, int16_t *low, const float *gradient, float *m, float *v, long count
) {
    adamw_context c = {o, NULL, weight, low, gradient, m, v};
    ck_ranges(count, 4096, adamw_body, &c);
}

SPLIT(adamw_rows, const ck_adamw *o; void *weight; int16_t *low; const float *gradient, *zeros; const int32_t *slots;
      uint8_t *touched; float *m, *v; long width;) {
    adamw_rows_context *c = opaque;
    float decay = 1 - c->o->learning_rate * c->o->weight_decay;
    for (long r = begin; r < end; r++) {
        long at = r * c->width;
        float *plain = (float *)c->weight + at;
        uint16_t *upper = (uint16_t *)c->weight + at;
        if (c->slots[r] >= 0) c->touched[r] = 1;
        const float *g = c->slots[r] >= 0 ? c->gradient + c->slots[r] * c->width : c->zeros;
        if (!c->touched[r] && c->low) ck_current()->decay_bf16(decay, upper, c->low + at, c->width);
        else if (!c->touched[r]) ck_current()->scale(plain, plain, decay, c->width);
        else if (c->low) ck_current()->adamw_bf16(c->o, upper, c->low + at, g, c->m + at, c->v + at, c->width);
        else ck_current()->adamw_f32(c->o, plain, g, c->m + at, c->v + at, c->width);
    }
}
void ck_adamw_rows(
    const ck_adamw *o, void *weight, int16_t *low, const float *gradient, const int32_t *slots, uint8_t *touched, float *m,
    float *v, long rows, long width
) {
    float *zeros = ck_allocate(width, 4, "a row of the optimizer");
    adamw_rows_context c = {o, weight, low, gradient, zeros, slots, touched, m, v, width};
    ck_ranges(rows, row_grain(width), adamw_rows_body, &c);
    free(zeros);
}

SPLIT(split_master, const float *master; uint16_t *weight; int16_t *low;) {
    split_master_context *c = opaque;
    for (long i = begin; i < end; i++) {
        uint32_t bits;
        memcpy(&bits, c->master + i, 4);
        uint32_t high = (bits + 0x8000u) >> 16;
        c->weight[i] = (uint16_t)high;
        c->low[i] = (int16_t)(int32_t)(bits - (high << 16));
    }
}
void ck_split_master(const float *master, uint16_t *weight, int16_t *low, long count) {
    split_master_context c = {master, weight, low};
    ck_ranges(count, GRAIN, split_master_body, &c);
}
SPLIT(join_master, const uint16_t *weight; const int16_t *low; float *master;) {
    join_master_context *c = opaque;
    for (long i = begin; i < end; i++) {
        uint32_t bits = ((uint32_t)c->weight[i] << 16) + (uint32_t)(int32_t)c->low[i];
        memcpy(c->master + i, &bits, 4);
    }
}
void ck_join_master(const uint16_t *weight, const int16_t *low, float *master, long count) {
    join_master_context c = {weight, low, master};
    ck_ranges(count, GRAIN, join_master_body, &c);
}

SPLIT(quantize, const float *x; uint8_t *to;) {
    quantize_context *c = opaque;
    ck_current()->quantize_q8_0(c->x + 32 * begin, end - begin, c->to + 34 * begin);
}
long ck_quantize_q8_0(const float *x, long blocks, void *to) {
    quantize_context c = {x, to};
    ck_ranges(blocks, GRAIN / 32, quantize_body, &c);
    for (long block = 0; block < blocks; block++)
        if (((const uint8_t *)to)[34 * block + 1] >= 0x7c) return block;
    return -1;
}
