// Rows in float64, and rows moved about. Sums add each term to those before it, in order: the results are part of what a seed means, so the
// work is split over whole rows or columns, and products are never fused with sums.
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernels.h"
#include "lanes.h"

#pragma clang fp contract(off)

// Elements per thread below which waking another thread costs more than it saves.
#define GRAIN 16384
static long row_grain(long width) { return width >= GRAIN ? 1 : (GRAIN + width - 1) / (width < 1 ? 1 : width); }

void ck_copy_bytes(const void *from, long bytes, void *to) {
    if (bytes > 0) memcpy(to, from, (unsigned long)bytes);
}

static void clear_body(void *to, long begin, long end) { memset((char *)to + begin, 0, (unsigned long)(end - begin)); }
void ck_clear_bytes(void *to, long bytes) { ck_ranges(bytes, 4 * GRAIN, clear_body, to); }

bool ck_same_bytes(const void *a, const void *b, long bytes) { return bytes <= 0 || memcmp(a, b, (unsigned long)bytes) == 0; }

bool ck_holds_byte(const void *x, uint8_t byte, long count) { return count > 0 && memchr(x, byte, (unsigned long)count); }

void ck_store_rows(const void *from, const ck_row_range *ranges, long range_count, long width_bytes, void *to) {
    const char *next = from;
    for (long i = 0; i < range_count; i++) {
        long bytes = ranges[i].count * width_bytes;
        ck_copy_bytes(next, bytes, (char *)to + ranges[i].row * width_bytes);
        next += bytes;
    }
}

void ck_clear_rows(void *x, const ck_row_range *ranges, long range_count, long width_bytes) {
    for (long i = 0; i < range_count; i++)
        memset((char *)x + ranges[i].row * width_bytes, 0, (unsigned long)(ranges[i].count * width_bytes));
}

typedef struct {
    const void *x;
    ck_type type;
    const int32_t *rows, *places;
    const float *second, *scales;
    const double *along, *factors;
    long count, width, stride;
    void *to;
    double *sums;
} rows_context;

static void gather_body(void *opaque, long begin, long end) {
    rows_context *c = opaque;
    for (long i = begin; i < end; i++)
        ck_current()->convert(
            (const char *)c->x + c->rows[i] * c->width * type_bytes(c->type), c->type,
            (float *)c->to + c->places[i] * c->width, CK_F32, c->width);
}
void ck_gather_rows_as_f32(
    const void *from, ck_type type, const int32_t *rows, const int32_t *places, long count, long width, float *to
) {
    rows_context c = {.x = from, .type = type, .rows = rows, .places = places, .width = width, .to = to};
    ck_ranges(count, row_grain(width), gather_body, &c);
}

void ck_gather_elements(const float *x, const int64_t *at, long count, float *to) {
    for (long i = 0; i < count; i++) to[i] = x[at[i]];
}

static void add_number_body(void *opaque, long begin, long end) {
    rows_context *c = opaque;
    const float *x = c->x, number = *c->scales;
    float *y = c->to;
    for (long i = begin; i < end; i++) y[i] = x[i] + number;
}
void ck_add_number(const float *x, float number, long count, float *y) {
    rows_context c = {.x = x, .scales = &number, .to = y};
    ck_ranges(count, GRAIN, add_number_body, &c);
}

void ck_add_to_diagonal(float *x, float number, long width) {
    for (long i = 0; i < width; i++) x[i * width + i] += number;
}

static void scale_body(void *opaque, long begin, long end) {
    rows_context *c = opaque;
    for (long r = begin; r < end; r++)
        ck_current()->scale((float *)c->to + r * c->width, (const float *)c->x + r * c->width, c->scales[r], c->width);
}
void ck_scale_rows(const float *x, const float *scales, long rows, long width, float *y) {
    rows_context c = {.x = x, .scales = scales, .width = width, .to = y};
    ck_ranges(rows, row_grain(width), scale_body, &c);
}

static void add_scaled_body(void *opaque, long begin, long end) {
    rows_context *c = opaque;
    for (long i = begin; i < end; i++)
        ck_current()->add_scaled(
            (float *)c->to + c->rows[i] * c->width, (const float *)c->x + i * c->width, c->scales[i], c->width);
}
void ck_add_scaled_rows(const float *x, const float *scales, const int32_t *rows, long count, long width, float *y) {
    rows_context c = {.x = x, .scales = scales, .rows = rows, .width = width, .to = y};
    ck_ranges(count, row_grain(width), add_scaled_body, &c);
}

static void nonzero_body(void *opaque, long begin, long end) {
    rows_context *c = opaque;
    for (long r = begin; r < end; r++) {
        const float *x = (const float *)c->x + r * c->width, *y = c->second + r * c->width;
        uint8_t found = 0;
        for (long i = 0; i < c->width && !found; i++) found = x[i] != 0 || y[i] != 0;
        ((uint8_t *)c->to)[r] = found;
    }
}
void ck_nonzero_rows(const float *x, const float *y, long rows, long width, uint8_t *nonzero) {
    rows_context c = {.x = x, .second = y, .width = width, .to = nonzero};
    ck_ranges(rows, row_grain(width), nonzero_body, &c);
}

static double dot(const float *a, const float *b, long width) {
    double sum = 0;
    for (long i = 0; i < width; i++) sum += (double)a[i] * (double)b[i];
    return sum;
}
static void dots_body(void *opaque, long begin, long end) {
    rows_context *c = opaque;
    for (long i = begin; i < end; i++)
        c->sums[i] = dot((const float *)c->x + (c->rows ? c->rows[i] : i) * c->width, c->second + i * c->width, c->width);
}
void ck_row_dots(const float *a, const int32_t *a_rows, const float *b, long rows, long width, double *dots) {
    rows_context c = {.x = a, .rows = a_rows, .second = b, .width = width, .sums = dots};
    ck_ranges(rows, row_grain(width), dots_body, &c);
}

static void entropies_body(void *opaque, long begin, long end) {
    rows_context *c = opaque;
    for (long r = begin; r < end; r++) {
        const float *p = (const float *)c->x + r * c->width;
        double sum = 0;
        for (long i = 0; i < c->width; i++)
            if (p[i] > 0) sum += (double)p[i] * log((double)p[i]);
        c->sums[r] = sum;
    }
}
void ck_row_entropies(const float *p, long rows, long width, double *sums) {
    rows_context c = {.x = p, .width = width, .sums = sums};
    ck_ranges(rows, row_grain(width), entropies_body, &c);
}

// Sixteen columns at a time, each with its own sum over the rows.
static void means_body(void *opaque, long begin, long end) {
    rows_context *c = opaque;
    const float *x = c->x;
    for (long j = begin; j < end; j += LANES) {
        long n = end - j < LANES ? end - j : LANES;
        double sums[LANES] = {0};
        for (long r = 0; r < c->count; r++)
            for (long i = 0; i < n; i++) sums[i] += (double)x[r * c->width + j + i];
        for (long i = 0; i < n; i++) ((float *)c->to)[j + i] = (float)(sums[i] / (double)(c->count > 0 ? c->count : 1));
    }
}
void ck_column_means(const float *x, long rows, long width, float *means) {
    rows_context c = {.x = x, .count = rows, .width = width, .to = means};
    ck_ranges(width, 64, means_body, &c);
}

static void scale_f64_body(void *opaque, long begin, long end) {
    rows_context *c = opaque;
    for (long r = begin; r < end; r++) {
        const float *x = (const float *)c->x + r * c->width;
        float *y = (float *)c->to + r * c->width;
        for (long i = 0; i < c->width; i++) y[i] = (float)((double)x[i] * c->factors[r]);
    }
}
void ck_scale_rows_f64(const float *x, const double *factors, long rows, long width, float *y) {
    rows_context c = {.x = x, .factors = factors, .width = width, .to = y};
    ck_ranges(rows, row_grain(width), scale_f64_body, &c);
}

static void scale_backward_f64_body(void *opaque, long begin, long end) {
    rows_context *c = opaque;
    for (long r = begin; r < end; r++) {
        const float *y = (const float *)c->x + r * c->width;
        float *dy = (float *)c->to + r * c->width;
        for (long i = 0; i < c->width; i++)
            dy[i] = (float)(((double)dy[i] - c->along[r] * (double)y[i]) * c->factors[r]);
    }
}
void ck_scale_rows_backward_f64(
    float *dy, const float *y, const double *along, const double *factors, long rows, long width
) {
    rows_context c = {.x = y, .along = along, .factors = factors, .width = width, .to = dy};
    ck_ranges(rows, row_grain(width), scale_backward_f64_body, &c);
}

static void standardize_body(void *opaque, long begin, long end) {
    rows_context *c = opaque;
    for (long r = begin; r < end; r++) {
        const float *x = (const float *)c->x + r * c->width;
        float *y = (float *)c->to + r * c->stride;
        double square = dot(x, x, c->width);
        float factor = square > 0 ? (float)sqrt((double)c->width / square) : 1;
        for (long i = 0; i < c->width; i++) y[i] = (x[i] * factor - c->second[i]) * c->scales[i];
        y[c->width] = 1;
        for (long i = c->width + 1; i < c->stride; i++) y[i] = 0;
    }
}
void ck_standardize_rows(
    const float *x, const float *mean, const float *inverse_deviation, long rows, long width, long stride, float *y
) {
    rows_context c = {.x = x, .second = mean, .scales = inverse_deviation, .width = width, .stride = stride, .to = y};
    ck_ranges(rows, row_grain(width), standardize_body, &c);
}

// Blocks as in ck_sum_of_squares, whose sums these equal.
static void squares_body(void *opaque, long begin, long end) {
    rows_context *c = opaque;
    for (long r = begin; r < end; r++) {
        double sum = 0;
        for (long at = 0; at < c->width; at += CK_SUM_BLOCK)
            sum += ck_current()->sum_of_squares(
                (const float *)c->x + r * c->width + at, c->width - at < CK_SUM_BLOCK ? c->width - at : CK_SUM_BLOCK);
        c->sums[r] = sum;
    }
}
void ck_row_squares(const float *x, long rows, long width, double *squares) {
    rows_context c = {.x = x, .width = width, .sums = squares};
    ck_ranges(rows, row_grain(width), squares_body, &c);
}
