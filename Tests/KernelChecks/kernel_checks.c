#include "KernelChecks.h"

#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "CKernels.h"

static _Thread_local char message[256];
static _Thread_local unsigned long long state;

static unsigned random_bits(void) {
    state = state * 6364136223846793005ull + 1442695040888963407ull;
    return (unsigned)(state >> 33);
}
static long between(long low, long high) { return low + random_bits() % (unsigned long)(high - low + 1); }
// Roughly normal, so that sums have realistic spread.
static float normal(void) {
    float s = 0;
    for (int i = 0; i < 4; i++) s += (float)random_bits() / 2147483648.0f - 0.5f;
    return s * 1.7f;
}

// Buffers are allocated exactly as long as the kernel may touch, so that the address sanitizer sees one element too many.
static void *allocate(unsigned long bytes) { return malloc(bytes ? bytes : 1); }
static float *floats(long n) {
    float *x = allocate((unsigned long)n * 4);
    for (long i = 0; i < n; i++) x[i] = normal();
    return x;
}
static unsigned long size_of(ck_type t) { return t == CK_F32 ? 4 : 2; }
static void *typed(ck_type t, long n) {
    float *x = floats(n);
    if (t == CK_F32) return x;
    void *y = allocate((unsigned long)n * 2);
    ck_plain_convert(x, CK_F32, y, t, n);
    free(x);
    return y;
}
static void *copy(const void *x, unsigned long bytes) {
    void *y = allocate(bytes);
    memcpy(y, x, bytes);
    return y;
}
static ck_type any_type(void) { return (ck_type)(random_bits() % 3); }
static ck_type float_or_bf16(void) { return random_bits() % 2 ? CK_F32 : CK_BF16; }

// ‖a − b‖ / (‖b‖ + scale) over values of one type.
static double difference(const void *a, const void *b, ck_type type, long n, double scale) {
    float *x = allocate((unsigned long)n * 4), *y = allocate((unsigned long)n * 4);
    double d = 0, s = 1e-30;
    ck_plain_convert(a, type, x, CK_F32, n);
    ck_plain_convert(b, type, y, CK_F32, n);
    for (long i = 0; i < n; i++) {
        d += ((double)x[i] - (double)y[i]) * ((double)x[i] - (double)y[i]);
        s += (double)y[i] * (double)y[i];
    }
    free(x);
    free(y);
    return isfinite(d) ? sqrt(d) / (sqrt(s) + scale) : INFINITY;
}
static const char *expect_scaled(
    const char *what, const void *fast, const void *plain, ck_type type, long n, double tolerance, double scale
) {
    double d = difference(fast, plain, type, n, scale);
    if (d <= tolerance) return NULL;
    snprintf(message, sizeof message, "%s: relative difference %g over %ld values, tolerance %g", what, d, n, tolerance);
    return message;
}
static const char *expect(const char *what, const void *fast, const void *plain, ck_type type, long n, double tolerance) {
    return expect_scaled(what, fast, plain, type, n, tolerance, 0);
}
// Rounding to the element type dominates; float32 differs only by the order of sums.
static double tolerance_of(ck_type type) { return type == CK_F32 ? 2e-6 : type == CK_BF16 ? 4e-3 : 5e-4; }

static const char *check_convert(void) {
    ck_type from = any_type(), to = any_type();
    long n = random_bits() % 8 == 0 ? between(30000, 80000) : between(1, 300);
    void *x = typed(from, n), *fast = allocate((unsigned long)n * size_of(to)), *plain = allocate((unsigned long)n * size_of(to));
    if (from == CK_F32 && n > 4) ((float *)x)[1] = NAN, ((float *)x)[2] = INFINITY, ((float *)x)[3] = 1e-40f;
    ck_convert(x, from, fast, to, n);
    ck_plain_convert(x, from, plain, to, n);
    bool same = true;
    for (long i = 0; i < n && same; i++) {
        float a, b;
        ck_plain_convert((char *)fast + i * (long)size_of(to), to, &a, CK_F32, 1);
        ck_plain_convert((char *)plain + i * (long)size_of(to), to, &b, CK_F32, 1);
        same = a == b || (a != a && b != b);
    }
    free(x), free(fast), free(plain);
    return same ? NULL : "conversions round differently";
}

// Fills in what a product works on, from its sizes, types and kind; `even` strides let the kernels take pairs.
static void fill_product(ck_matmul *j, bool even) {
    long unit = even ? 2 : 1;
    j->a_stride = (j->a_transposed ? j->m : j->k) + unit * between(0, 3);
    j->b_stride = (j->b_transposed ? j->k : j->n) + unit * between(0, 3);
    j->c_stride = j->n + between(0, 3);
    j->accumulate = random_bits() % 2;
    j->a = typed(j->a_type, (j->a_transposed ? j->k : j->m) * j->a_stride);
    j->b = typed(j->b_type, (j->b_transposed ? j->n : j->k) * j->b_stride);
    j->bias = random_bits() % 2 ? floats(j->n) : NULL;
    j->c = typed(j->c_type, j->m * j->c_stride);
}

static float *absolute(const void *x, ck_type type, long n) {
    float *y = allocate((unsigned long)n * 4);
    ck_plain_convert(x, type, y, CK_F32, n);
    for (long i = 0; i < n; i++) y[i] = fabsf(y[i]);
    return y;
}

// ‖|C| + |A|·|B| + |bias|‖: what the rounding of a sum of products is small beside. ‖A·B‖ itself is not: its terms may cancel. `c` is what C
// held before.
static double size_of_products(const ck_matmul *job, const void *c) {
    ck_matmul j = *job;
    j.a = absolute(job->a, job->a_type, (job->a_transposed ? job->k : job->m) * job->a_stride), j.a_type = CK_F32;
    if (job->stored) {
        long rows = job->stored->rows, columns = job->stored->columns;
        int32_t *all = allocate((unsigned long)rows * 4);
        for (long i = 0; i < rows; i++) all[i] = (int32_t)i;
        float *dense = allocate((unsigned long)(rows * columns) * 4);
        ck_plain_unpack_rows(job->stored, all, rows, dense, CK_F32);
        // A weight counts as the largest of its 32: where codes have an offset, that is taken off sums of so large terms.
        for (long i = 0; i < rows * columns; i += columns)
            for (long begin = 0; begin < columns; begin += 32) {
                long end = begin + 32 < columns ? begin + 32 : columns;
                float largest = 0;
                for (long k = begin; k < end; k++) largest = fmaxf(largest, fabsf(dense[i + k]));
                for (long k = begin; k < end; k++) dense[i + k] = largest;
            }
        j.b = dense, j.b_stride = columns, j.stored = NULL;
        free(all);
    } else {
        j.b = absolute(job->b, job->b_type, (job->b_transposed ? job->n : job->k) * job->b_stride);
    }
    j.b_type = CK_F32;
    j.bias = job->bias ? absolute(job->bias, CK_F32, job->n) : NULL;
    j.c = absolute(c, job->c_type, job->m * job->c_stride), j.c_type = CK_F32;
    ck_plain_matmul(&j);
    double sum = 0;
    for (long i = 0; i < j.m; i++)
        for (long k = 0; k < j.n; k++) sum += (double)((float *)j.c)[i * j.c_stride + k] * (double)((float *)j.c)[i * j.c_stride + k];
    free((void *)j.a), free((void *)j.b), free((void *)j.bias), free(j.c);
    return sqrt(sum);
}

// Runs products, compares each with the plain one, and frees what they worked on.
static const char *check_products(ck_matmul *jobs, long count) {
    void *plain[2];
    for (long i = 0; i < count; i++)
        plain[i] = copy(jobs[i].c, (unsigned long)(jobs[i].m * jobs[i].c_stride) * size_of(jobs[i].c_type));
    const char *error = ck_matmul_run(jobs, count);
    for (long i = 0; i < count; i++) {
        ck_matmul j = jobs[i];
        j.c = plain[i];
        if (!error) {
            double size = j.a_type == CK_BF16 ? 0 : size_of_products(&j, j.c);
            ck_plain_matmul(&j);
            // bfloat16 arithmetic rounds B too when B is wider. float32: five units in the last place of the terms' size.
            double tolerance = j.a_type == CK_BF16 ? 6e-3 : 3e-7;
            error = expect_scaled("matmul", jobs[i].c, plain[i], j.c_type, j.m * j.c_stride, tolerance, size);
            if (error) {
                unsigned long used = strlen(message);
                snprintf(
                    message + used, sizeof message - used, " (m %ld n %ld k %ld types %d %d %d transposed %d %d add %d layout %d)",
                    j.m, j.n, j.k, j.a_type, j.b_type, j.c_type, j.a_transposed, j.b_transposed, j.accumulate,
                    j.stored ? (int)j.stored->layout : -1);
            }
        }
        free((void *)j.a), free((void *)j.b), free((void *)j.bias), free(jobs[i].c), free(plain[i]);
    }
    return error;
}

static const char *check_matmul(void) {
    ck_matmul jobs[2];
    long count = between(1, 2);
    for (long i = 0; i < count; i++) {
        ck_matmul *j = &jobs[i];
        memset(j, 0, sizeof *j);
        j->m = random_bits() % 2 ? between(1, 9) : random_bits() % 8 == 0 ? between(150, 240) : between(1, 70);
        j->n = between(1, 150), j->k = random_bits() % 16 == 0 ? between(500, 1100) : between(1, 130);
        j->a_type = float_or_bf16();
        j->b_type = random_bits() % 2 ? j->a_type : any_type();
        j->c_type = j->a_type == CK_BF16 ? float_or_bf16() : CK_F32;
        j->a_transposed = random_bits() % 4 == 0, j->b_transposed = random_bits() % 2;
        fill_product(j, false);
    }
    return check_products(jobs, count);
}

// Some rows of bfloat16 against a weight in whole pairs: a kernel of its own, with several panels of columns, and depths in several pieces.
static const char *check_matmul_some(void) {
    bool deep = random_bits() % 6 == 0;
    ck_matmul j = {
        .m = random_bits() % 4 == 0 ? between(100, 192) : between(9, 60), .n = deep ? between(1, 80) : between(1, 300),
        .k = 2 * (deep ? between(500, 700) : between(1, 90)), .a_type = CK_BF16, .b_type = CK_BF16, .c_type = float_or_bf16(),
        .b_transposed = true};
    fill_product(&j, true);
    return check_products(&j, 1);
}

// Products so large that they are shared by rules of their own: many rows against a wider weight, by rows; and many rows against a large
// weight that is read across, by its fewer columns.
static const char *check_matmul_large(void) {
    bool across = random_bits() % 8 == 0;
    ck_matmul j = {
        .m = between(512, 530), .n = across ? between(30, 60) : between(560, 600),
        .k = across ? ((1l << 19) + 29) / 30 : between(1, 24), .b_transposed = !across, .c_type = CK_F32};
    j.a_type = j.b_type = float_or_bf16();
    fill_product(&j, false);
    return check_products(&j, 1);
}

// Products of several blocks: in rows, in columns or in depth, and now and then in all three.
static const char *check_matmul_blocked(void) {
    long which = between(0, 30);
    ck_matmul j = {
        .m = which % 3 == 0 ? between(190, 400) : between(9, 30), .n = which % 3 == 1 || which == 30 ? between(500, 1100) : between(1, 40),
        .k = which % 3 == 2 || which == 30 ? between(380, 1200) : between(1, 40), .a_type = float_or_bf16(),
        .a_transposed = random_bits() % 2, .b_transposed = random_bits() % 2};
    j.b_type = random_bits() % 2 ? j.a_type : any_type();
    j.c_type = j.a_type == CK_BF16 ? float_or_bf16() : CK_F32;
    fill_product(&j, random_bits() % 2);
    return check_products(&j, 1);
}

// A stored matrix of random codes. Its scales are numbers of ordinary size: random bytes would be NaN now and then.
static ck_stored stored_matrix(ck_layout layout, long rows, long blocks) {
    static const int halves[CK_LAYOUT_COUNT][2] = {
        [CK_Q4_0] = {0, 0}, [CK_Q4_1] = {0, 2}, [CK_Q5_0] = {0, 0}, [CK_Q5_1] = {0, 2}, [CK_Q8_0] = {0, 0}, [CK_Q2_K] = {80, 82},
        [CK_Q3_K] = {108, 108}, [CK_Q4_K] = {0, 2}, [CK_Q5_K] = {0, 2}, [CK_Q6_K] = {208, 208}, [CK_IQ4_NL] = {0, 0}, [CK_IQ4_XS] = {0, 0}};
    long bytes = ck_block_bytes(layout), row_bytes = blocks * bytes;
    unsigned char *codes = allocate((unsigned long)(rows * row_bytes));
    for (long i = 0; i < rows * row_bytes; i++) codes[i] = (unsigned char)random_bits();
    for (long i = 0; i < rows * blocks; i++) {
        unsigned char *block = codes + i * bytes;
        float scale = normal() * 0.02f;
        if (layout == CK_MXFP4) block[0] = (unsigned char)between(random_bits() % 4 ? 118 : 0, 128);
        else if (layout == CK_Q8_K) memcpy(block, &scale, 4);
        else
            for (int h = 0; h < 2; h++, scale = normal() * 0.02f) ck_plain_convert(&scale, CK_F32, block + halves[layout][h], CK_F16, 1);
    }
    int32_t *order = NULL;
    if (random_bits() % 2) {
        order = allocate((unsigned long)rows * 4);
        for (long i = 0; i < rows; i++) {
            long other = between(0, i);
            order[i] = order[other], order[other] = (int32_t)i;
        }
    }
    return (ck_stored){
        .layout = layout, .rows = rows, .columns = blocks * ck_block_weights(layout), .codes = codes, .row_bytes = row_bytes, .order = order};
}

// Scales of ordinary size: [count].
static void *scales_of(ck_scale_type type, long count) {
    static const ck_type types[] = {[CK_SCALE_F32] = CK_F32, [CK_SCALE_BF16] = CK_BF16, [CK_SCALE_F16] = CK_F16};
    if (type <= CK_SCALE_F16) return typed(types[type], count);
    unsigned char *scales = allocate((unsigned long)count);
    for (long i = 0; i < count; i++) scales[i] = (unsigned char)(type == CK_SCALE_E8M0 ? between(118, 130) : between(0, 126));
    return scales;
}

// A matrix of random codes with scales of groups, of any shape.
static ck_stored grouped_matrix(void) {
    static const int bits[CK_CODE_COUNT] = {2, 3, 4, 5, 6, 8, 8, 8, 4, 4};
    ck_grouped g = {
        .code = (ck_code)between(0, CK_CODE_COUNT - 1), .scale_type = (ck_scale_type)between(0, CK_SCALE_E4M3), .rounding = any_type(),
        .group_rows = random_bits() % 2 ? 1 : between(1, 50), .group_columns = random_bits() % 4 ? 16 * between(1, 8) : between(1, 40),
        .zero = (float)between(0, 8), .factor = random_bits() % 4 ? 1 : 0.0078125f};
    // The largest code times the largest scale is no float16.
    if (g.scale_type == CK_SCALE_E4M3 && g.rounding == CK_F16) g.factor = 0.0078125f;
    long rows = between(1, 60), columns = random_bits() % 2 ? 16 * between(1, 80) : between(1, 700);
    long groups = (columns + g.group_columns - 1) / g.group_columns, count = (rows + g.group_rows - 1) / g.group_rows * groups;
    g.groups = groups;
    if (random_bits() % 4 == 0) {
        int32_t *group_of = allocate((unsigned long)columns * 4);
        for (long i = 0; i < columns; i++) group_of[i] = (int32_t)between(0, groups - 1);
        g.group_of = group_of;
    }
    g.scales = scales_of(g.scale_type, count);
    if (g.scale_type <= CK_SCALE_F16 && random_bits() % 2) g.offsets = scales_of(g.scale_type, count);
    if (random_bits() % 2) {
        signed char *zeros = allocate((unsigned long)count);
        for (long i = 0; i < count; i++) zeros[i] = (signed char)between(-16, 16);
        g.zeros = zeros;
    }
    for (int i = 0; i < 16; i++) g.numbers[i] = normal();
    long row_bytes = (columns * bits[g.code] + 7) / 8;
    unsigned char *codes = allocate((unsigned long)(rows * row_bytes));
    for (long i = 0; i < rows * row_bytes; i++) {
        codes[i] = (unsigned char)random_bits();
        if (g.code == CK_E4M3 && (codes[i] & 127) == 127) codes[i] ^= 1;  // no number
    }
    return (ck_stored){.layout = CK_GROUPED, .rows = rows, .columns = columns, .codes = codes, .row_bytes = row_bytes, .grouped = g};
}

static void free_stored(ck_stored s) {
    free((void *)s.codes), free((void *)s.order), free((void *)s.grouped.group_of), free((void *)s.grouped.scales);
    free((void *)s.grouped.offsets), free((void *)s.grouped.zeros);
}

// Codes laid anew are where they belong.
static const char *check_repacked(void) {
    static const uint8_t order[8] = {0, 2, 4, 6, 1, 3, 5, 7};
    long rows = between(1, 80), columns = 8 * between(1, 12), bytes = 1l << between(0, 2), halves = (rows + 1) / 2;
    unsigned char *from = allocate((unsigned long)(rows * columns * 4)), *to = allocate((unsigned long)(rows * columns * bytes));
    for (long i = 0; i < rows * columns * 4; i++) from[i] = (unsigned char)random_bits();
    ck_transpose(from, rows, columns, bytes, to);
    bool same = true;
    for (long r = 0; r < rows; r++)
        for (long c = 0; c < columns; c++)
            same = same && memcmp(to + (c * rows + r) * bytes, from + (r * columns + c) * bytes, (unsigned long)bytes) == 0;
    unsigned char *nibbles = allocate((unsigned long)(halves * columns));
    ck_transpose_nibbles((const uint32_t *)(const void *)from, rows, columns, order, nibbles);
    for (long r = 0; r < rows; r++)
        for (long c = 0; c < columns; c++) {
            int code = from[(r * columns + c) / 2] >> 4 * (c % 2) & 15;
            long place = c / 8 * 8 + order[c % 8];
            same = same && (nibbles[place * halves + r / 2] >> 4 * (r % 2) & 15) == code;
        }
    int bits = (int)between(2, 8);
    long count = between(1, 50), row_bytes = (count * bits + 7) / 8;
    unsigned char *packed = allocate((unsigned long)row_bytes), *spread = allocate((unsigned long)count);
    for (long i = 0; i < row_bytes; i++) packed[i] = (unsigned char)random_bits();
    ck_spread_codes(packed, 1, row_bytes, bits, count, 1, spread);
    for (long i = 0; i < count; i++) {
        int code = 0;
        for (long b = 0; b < bits; b++) code |= (packed[(i * bits + b) / 8] >> (i * bits + b) % 8 & 1) << b;
        same = same && spread[i] == (unsigned char)(code + 1);
    }
    free(from), free(to), free(nibbles), free(packed), free(spread);
    return same ? NULL : "repacked codes are not where they belong";
}

// Unpacked weights equal the plain ones bit for bit.
static const char *check_stored_rows(void) {
    ck_layout layout = (ck_layout)between(0, CK_LAYOUT_COUNT - 1);
    ck_stored s = random_bits() % 2 ? grouped_matrix() : stored_matrix(layout, between(1, 40), between(1, 5));
    long count = between(1, 60), n = count * s.columns;
    int32_t *rows = allocate((unsigned long)count * 4);
    for (long i = 0; i < count; i++) rows[i] = (int32_t)between(0, s.rows - 1);
    ck_type type = float_or_bf16();
    void *fast = allocate((unsigned long)n * size_of(type)), *plain = allocate((unsigned long)n * size_of(type));
    ck_unpack_rows(&s, rows, count, fast, type);
    ck_plain_unpack_rows(&s, rows, count, plain, type);
    bool same = memcmp(fast, plain, (unsigned long)n * size_of(type)) == 0;
    free_stored(s), free(rows), free(fast), free(plain);
    snprintf(message, sizeof message, "stored layout %d is unpacked otherwise (code %d)", s.layout, s.grouped.code);
    return same ? NULL : message;
}

// Products with a stored matrix: few rows, some and many, along the blocks and across them.
static const char *check_matmul_stored(void) {
    ck_layout layout = (ck_layout)between(0, CK_LAYOUT_COUNT - 1);
    bool along = random_bits() % 4 != 0;
    long blocks = ck_block_weights(layout) == 32 ? between(1, 12) : between(1, 3);
    ck_stored s = random_bits() % 2 ? grouped_matrix() : stored_matrix(layout, between(1, 150), blocks);
    ck_matmul j = {
        .m = random_bits() % 2 ? between(1, 9) : random_bits() % 8 == 0 ? between(150, 240) : between(9, 70),
        .n = along ? s.rows : s.columns, .k = along ? s.columns : s.rows, .a_type = float_or_bf16(), .b_transposed = along};
    j.c_type = j.a_type == CK_BF16 ? float_or_bf16() : CK_F32;
    fill_product(&j, random_bits() % 2);
    free((void *)j.b);
    j.b = NULL, j.stored = &s;
    const char *error = check_products(&j, 1);
    free_stored(s);
    return error;
}

// Few rows with stored weights of every layout: rows of blocks that are no whole segments, an odd number of columns. Some activations are
// large, as they are in language models. And a column is the same bytes whatever columns are made with it, so that no number of threads
// changes it.
static const char *check_stored_few(void) {
    const char *error = NULL;
    for (int layout = 0; layout < CK_LAYOUT_COUNT && !error; layout++) {
        long blocks = ck_block_weights((ck_layout)layout) == 32 ? between(1, 21) : between(1, 3);
        ck_stored s = stored_matrix((ck_layout)layout, between(1, 21), blocks);
        ck_matmul j = {.m = between(1, 8), .n = s.rows, .k = s.columns, .a_type = CK_F32, .b_transposed = true, .c_type = CK_F32};
        fill_product(&j, false);
        free((void *)j.b);
        j.b = NULL, j.stored = &s;
        float *a = (float *)(uintptr_t)j.a;
        for (long i = 0; i < 3; i++) a[between(0, j.m - 1) * j.a_stride + between(0, j.k - 1)] *= 100;
        j.accumulate = false;
        ck_matmul one = j;
        ck_stored row = s;
        long column = between(0, s.rows - 1);
        one.n = 1, one.stored = &row, one.bias = j.bias ? j.bias + column : NULL, one.c_stride = 1, one.c = floats(j.m);
        row.rows = 1, row.order = NULL;
        row.codes = (const char *)s.codes + (s.order ? s.order[column] : column) * s.row_bytes;
        const char *failed = ck_matmul_run(&j, 1);
        if (!failed) failed = ck_matmul_run(&one, 1);
        for (long r = 0; !failed && r < j.m; r++)
            if (memcmp((float *)j.c + r * j.c_stride + column, (float *)one.c + r, 4) != 0) failed = "a column of stored weights depends on others";
        free(one.c);
        error = failed ? failed : check_products(&j, 1);
        free_stored(s);
    }
    return error;
}

static const char *check_rms_norm(void) {
    long rows = between(1, 40), width = random_bits() % 8 == 0 ? between(900, 1100) : between(4, 150), n = rows * width;
    ck_type wt = any_type(), yt = float_or_bf16();
    float *x = floats(n), offset = random_bits() % 2 ? 1 : 0, eps = 1e-6f, *dy = floats(n);
    void *w = typed(wt, width), *y = typed(yt, n), *py = typed(yt, n);
    float *s = floats(rows), *ps = floats(rows);
    ck_rms_norm(x, w, wt, offset, eps, rows, width, y, yt, s);
    ck_plain_rms_norm(x, w, wt, offset, eps, rows, width, py, yt, ps);
    const char *error = expect("rms_norm", y, py, yt, n, tolerance_of(yt));
    if (!error) error = expect("inverse rms", s, ps, CK_F32, rows, 2e-6);
    bool add = random_bits() % 2, frozen = random_bits() % 3 == 0;
    float *dx = floats(n), *pdx = copy(dx, (unsigned long)n * 4), *dw = floats(width), *pdw = copy(dw, (unsigned long)width * 4);
    ck_rms_norm_backward(dy, x, w, wt, offset, ps, rows, width, dx, add, frozen ? NULL : dw);
    ck_plain_rms_norm_backward(dy, x, w, wt, offset, ps, rows, width, pdx, add, frozen ? NULL : pdw);
    if (!error) error = expect("rms_norm dx", dx, pdx, CK_F32, n, 5e-6);
    if (!error) error = expect("rms_norm dw", dw, pdw, CK_F32, width, 5e-6);
    free(x), free(dy), free(w), free(y), free(py), free(s), free(ps), free(dx), free(pdx), free(dw), free(pdw);
    return error;
}

static const char *check_rotate(void) {
    long rows = between(1, 30), heads = between(1, 9), width = 2 * between(1, 70), positions = 50, n = rows * heads * width;
    float *x = floats(n), *plain = copy(x, (unsigned long)n * 4), *c = floats(positions * width / 2), *s = floats(positions * width / 2);
    int32_t *at = allocate((unsigned long)rows * 4);
    for (long i = 0; i < rows; i++) at[i] = (int32_t)between(0, positions - 1);
    int direction = random_bits() % 2 ? 1 : -1;
    ck_rotate(x, at, c, s, rows, heads, width, direction);
    ck_plain_rotate(plain, at, c, s, rows, heads, width, direction);
    const char *error = expect("rotate", x, plain, CK_F32, n, 1e-6);
    free(x), free(plain), free(c), free(s), free(at);
    return error;
}

static const char *check_gated(void) {
    long n = random_bits() % 8 == 0 ? between(5000, 20000) : between(1, 200);
    ck_type in = float_or_bf16(), out = float_or_bf16();
    ck_activation activation = (ck_activation)(random_bits() % 3);
    void *gate = typed(in, n), *up = typed(in, n), *y = typed(out, n), *py = typed(out, n);
    for (long i = 0; in == CK_F32 && i < n; i += 7) ((float *)gate)[i] *= 40;  // saturated activations
    ck_gated(gate, up, in, activation, n, y, out);
    ck_plain_gated(gate, up, in, activation, n, py, out);
    const char *error = expect("gated", y, py, out, n, tolerance_of(out));
    float *d = floats(n);
    void *dg = typed(in, n), *du = typed(in, n), *pdg = typed(in, n), *pdu = typed(in, n);
    ck_gated_backward(d, gate, up, in, activation, n, dg, du);
    ck_plain_gated_backward(d, gate, up, in, activation, n, pdg, pdu);
    if (!error) error = expect("gated dgate", dg, pdg, in, n, tolerance_of(in));
    if (!error) error = expect("gated dup", du, pdu, in, n, tolerance_of(in));
    free(gate), free(up), free(y), free(py), free(d), free(dg), free(du), free(pdg), free(pdu);
    return error;
}

static const char *check_log_probabilities(void) {
    long rows = between(1, 9), width = random_bits() % 8 == 0 ? between(4000, 9000) : between(1, 400), n = rows * width;
    ck_type type = float_or_bf16();
    float *logits = floats(n), *lp = floats(rows), *plp = floats(rows), *c = floats(rows);
    for (long i = 0; i < n; i++) logits[i] *= 10;
    int32_t *targets = allocate((unsigned long)rows * 4);
    for (long i = 0; i < rows; i++) targets[i] = (int32_t)between(0, width - 1);
    void *p = typed(type, n), *pp = typed(type, n);
    ck_token_log_probabilities(logits, targets, rows, width, lp, p, type);
    ck_plain_token_log_probabilities(logits, targets, rows, width, plp, pp, type);
    const char *error = expect("probabilities", p, pp, type, n, type == CK_F32 ? 1e-5 : 4e-3);
    for (long i = 0; i < rows && !error; i++)
        if (fabsf(lp[i] - plp[i]) > 2e-5f) error = "log-probabilities differ";
    // The gradient from unrounded probabilities. The target's is looked at by itself: where the model is sure it is tiny.
    ck_token_log_probabilities_backward(p, type, targets, lp, c, rows, width);
    for (long r = 0; r < rows && !error; r++) {
        const float *row = logits + r * width;
        double peak = -INFINITY, total = 0, rest = 0;
        for (long i = 0; i < width; i++) peak = (double)row[i] > peak ? (double)row[i] : peak;
        for (long i = 0; i < width; i++) total += exp((double)row[i] - peak);
        for (long i = 0; i < width; i++) rest += i == targets[r] ? 0 : exp((double)row[i] - peak) / total;
        for (long i = 0; i < width && !error; i++) {
            double exact = (double)c[r] * (i == targets[r] ? rest : -exp((double)row[i] - peak) / total);
            float got;
            ck_plain_convert((char *)p + (r * width + i) * (long)size_of(type), type, &got, CK_F32, 1);
            if (fabs((double)got - exact) > (type == CK_F32 ? 1e-4 : 8e-3) * fabs(exact) + 1e-6) error = "logit gradients";
        }
    }
    free(logits), free(lp), free(plp), free(c), free(targets), free(p), free(pp);
    return error;
}

static const char *check_scores(void) {
    long rows = between(1, 6), width = between(1, 300), n = rows * width;
    float *p = floats(n), *g = floats(n), *a = floats(rows), *b = floats(rows), *c = floats(rows), *dp = floats(n);
    if (random_bits() % 4 == 0) memset(p, 0, (unsigned long)width * 4);
    ck_normalized_mse(p, g, rows, width, a);
    ck_plain_normalized_mse(p, g, rows, width, b);
    const char *error = expect("normalized mse", a, b, CK_F32, rows, 1e-5);
    // The gradient by central differences of the plain score.
    ck_normalized_mse_backward(p, g, c, rows, width, dp);
    for (int trial = 0; trial < 5 && !error; trial++) {
        long r = between(0, rows - 1), i = r * width + between(0, width - 1);
        float kept = p[i], step = 1e-2f, up, down;
        if (p[r * width] == 0 && width > 1 && p[r * width + 1] == 0) continue;
        p[i] = kept + step;
        ck_plain_normalized_mse(p + r * width, g + r * width, 1, width, &up);
        p[i] = kept - step;
        ck_plain_normalized_mse(p + r * width, g + r * width, 1, width, &down);
        p[i] = kept;
        double slope = (double)c[r] * ((double)up - (double)down) / (2 * (double)step);
        if (width > 8 && fabs(slope - (double)dp[i]) > 2e-3 * (fabs(slope) + 0.05)) error = "the gradient of the normalized mse is not its slope";
    }
    free(p), free(g), free(a), free(b), free(c), free(dp);
    return error;
}

// A random forest: a few segments, each with a parent, all rows attending; sometimes only the last rows of a segment ask.
static const char *check_attention(void) {
    long kv = between(1, 3), group = between(1, 5), heads = kv * group, width = random_bits() % 2 ? 16 * between(1, 6) : between(1, 70);
    long segments = between(1, 6), parent[8], start[8], length[8], total = 0;
    for (long s = 0; s < segments; s++) {
        parent[s] = s == 0 || random_bits() % 4 == 0 ? -1 : between(0, s - 1);
        start[s] = total;
        length[s] = random_bits() % 3 == 0 ? between(60, 140) : between(1, 20);
        total += length[s];
    }
    ck_attention_task tasks[8];
    ck_attention_span spans[64];
    long span_count = 0, query_rows = 0;
    for (long s = 0; s < segments; s++) {
        long chain[8], depth = 0, visible = 0, asked = random_bits() % 3 ? length[s] : between(1, length[s]);
        for (long p = s; p >= 0; p = parent[p]) chain[depth++] = p;
        tasks[s] = (ck_attention_task){query_rows, asked, 0, span_count, depth};
        while (depth-- > 0) {
            spans[span_count++] = (ck_attention_span){start[chain[depth]], length[chain[depth]]};
            visible += length[chain[depth]];
        }
        tasks[s].first_visible = visible - asked + 1;
        query_rows += asked;
    }
    long qn = query_rows * heads * width, kn = total * kv * width;
    ck_attention a = {
        .q = floats(qn), .k = floats(kn), .v = floats(kn), .heads = heads, .kv_heads = kv, .width = width,
        .scale = 1 / sqrtf((float)width), .window = random_bits() % 2 ? 0 : between(1, 90), .tasks = tasks,
        .task_count = segments, .spans = spans, .query_rows = query_rows, .key_rows = total, .pairs = random_bits() % 2};
    ck_type type = float_or_bf16();
    void *out = typed(type, qn), *plain = typed(type, qn);
    float *sums = floats(query_rows * heads), *plain_sums = floats(query_rows * heads);
    ck_attention_forward(&a, out, type, sums);
    ck_plain_attention_forward(&a, plain, type, plain_sums);
    // With operands in bfloat16, as much as their rounding makes; NaN and misplaced elements make more.
    double exact = a.pairs ? 6e-3 : 3e-6, exact_gradient = a.pairs ? 3e-2 : 1e-5;
    const char *error = expect("attention", out, plain, type, qn, type == CK_F32 ? exact : 4e-3 + exact);
    if (!error) error = expect("log-sum-exp", sums, plain_sums, CK_F32, query_rows * heads, exact);
    float *dout = floats(qn), *dq = floats(qn), *dk = floats(kn), *dv = floats(kn), *pq = floats(qn);
    float *pk = copy(dk, (unsigned long)kn * 4), *pv = copy(dv, (unsigned long)kn * 4);
    ck_attention_backward(&a, plain, type, plain_sums, dout, dq, dk, dv);
    ck_plain_attention_backward(&a, plain, type, plain_sums, dout, pq, pk, pv);
    // Where a query sees one key, its gradient is zero but for rounding: errors count against the incoming gradient too.
    double scale = 0.1 * sqrt((double)qn);
    if (!error) error = expect_scaled("attention dq", dq, pq, CK_F32, qn, exact_gradient, scale);
    if (!error) error = expect_scaled("attention dk", dk, pk, CK_F32, kn, exact_gradient, scale);
    if (!error) error = expect("attention dv", dv, pv, CK_F32, kn, exact_gradient);
    free((void *)a.q), free((void *)a.k), free((void *)a.v), free(out), free(plain), free(sums), free(plain_sums);
    free(dout), free(dq), free(dk), free(dv), free(pq), free(pk), free(pv);
    return error;
}

// Backward passes are cut into as many units as a large machine has threads, by the shapes alone, and their results do not depend on the
// number of threads, to the last bit.
static const char *check_backward_units(void) {
    enum { DOCUMENTS = 8, LENGTH = 128, HEADS = 8, KV = 1, WIDTH = 16, ROWS = DOCUMENTS * LENGTH };
    bool prompted = random_bits() % 2;  // the first document stands before all others
    ck_attention_task tasks[DOCUMENTS];
    ck_attention_span spans[2 * DOCUMENTS];
    long used = 0;
    for (long d = 0; d < DOCUMENTS; d++) {
        long before = prompted && d > 0 ? LENGTH : 0;
        tasks[d] = (ck_attention_task){d * LENGTH, LENGTH, before + 1, used, before ? 2 : 1};
        if (before) spans[used++] = (ck_attention_span){0, LENGTH};
        spans[used++] = (ck_attention_span){d * LENGTH, LENGTH};
    }
    long qn = ROWS * HEADS * WIDTH, kn = ROWS * KV * WIDTH;
    ck_attention a = {
        .q = floats(qn), .k = floats(kn), .v = floats(kn), .heads = HEADS, .kv_heads = KV, .width = WIDTH, .scale = 0.25f,
        .tasks = tasks, .task_count = DOCUMENTS, .spans = spans, .query_rows = ROWS, .key_rows = ROWS, .pairs = random_bits() % 2};
    const char *error = ck_attention_backward_units(&a) < CK_MAX_THREADS ? "attention has too few units for a large machine" : NULL;
    if (!error && ck_norm_backward_units(ROWS) < CK_MAX_THREADS) error = "a norm has too few units for a large machine";
    float *out = floats(qn), *sums = floats(ROWS * HEADS), *dout = floats(qn), *dq = floats(qn), *again_q = floats(qn);
    float *dk = floats(kn), *dv = floats(kn), *again_k = copy(dk, (unsigned long)kn * 4), *again_v = copy(dv, (unsigned long)kn * 4);
    float *plain_q = floats(qn), *plain_k = copy(dk, (unsigned long)kn * 4), *plain_v = copy(dv, (unsigned long)kn * 4);
    float *weight = floats(WIDTH), *inverse = floats(qn / WIDTH), *dw = calloc(WIDTH, 4), *again_w = calloc(WIDTH, 4);
    int threads = ck_threads();
    ck_attention_forward(&a, out, CK_F32, sums);
    ck_set_threads(1);
    ck_attention_backward(&a, out, CK_F32, sums, dout, dq, dk, dv);
    ck_rms_norm_backward(dout, a.q, weight, CK_F32, 0, inverse, qn / WIDTH, WIDTH, again_q, false, dw);
    ck_set_threads(3);
    ck_rms_norm_backward(dout, a.q, weight, CK_F32, 0, inverse, qn / WIDTH, WIDTH, again_q, false, again_w);
    ck_attention_backward(&a, out, CK_F32, sums, dout, again_q, again_k, again_v);
    ck_set_threads(threads);
    if (!error && (memcmp(dq, again_q, (unsigned long)qn * 4) || memcmp(dk, again_k, (unsigned long)kn * 4) || memcmp(dv, again_v, (unsigned long)kn * 4)))
        error = "gradients of attention depend on the number of threads";
    if (!error && memcmp(dw, again_w, WIDTH * 4)) error = "gradients of a norm depend on the number of threads";
    ck_plain_attention_backward(&a, out, CK_F32, sums, dout, plain_q, plain_k, plain_v);
    double tolerance = a.pairs ? 2e-2 : 1e-5;
    if (!error) error = expect("attention dk", dk, plain_k, CK_F32, kn, tolerance);
    if (!error) error = expect("attention dv", dv, plain_v, CK_F32, kn, tolerance);
    free((void *)a.q), free((void *)a.k), free((void *)a.v), free(out), free(sums), free(dout), free(dq), free(again_q), free(dk);
    free(dv), free(again_k), free(again_v), free(plain_q), free(plain_k), free(plain_v), free(weight), free(inverse), free(dw), free(again_w);
    return error;
}

#ifdef KERNEL_CHECKS_MAIN
// Operations and bytes of weights are counted as the mathematics has them: a pair of a query and a key that it does not see is none. Only
// in the program of its own, where nothing else counts meanwhile.
static const char *check_counts(void) {
    long m = between(1, 40), n = between(1, 40), k = between(1, 40);
    float *a = floats(m * k), *b = floats(n * k), *c = floats(m * n);
    ck_matmul job = {m, n, k, a, CK_F32, k, false, b, CK_F32, k, true, NULL, NULL, c, CK_F32, n, false};
    unsigned long long operations = ck_operations(), bytes = ck_weight_bytes();
    const char *refusal = ck_matmul_run(&job, 1);
    operations = ck_operations() - operations, bytes = ck_weight_bytes() - bytes;
    free(a), free(b), free(c);
    if (refusal) return refusal;
    if (operations != 2ull * (unsigned long long)(m * n * k)) return "a product is counted wrongly";
    if (bytes != 4ull * (unsigned long long)(n * k)) return "the bytes of a weight are counted wrongly";

    long first = between(1, 20), queries = between(1, 30), window = between(0, 25), heads = between(1, 3), width = 16;
    unsigned long long pairs = 0;
    for (long i = 0; i < queries; i++)
        for (long key = 0; key < first + i; key++) pairs += window == 0 || key >= first + i - window;
    long keys = first + queries - 1;
    float *q = floats(queries * heads * width), *kv = floats(keys * heads * width), *out = floats(queries * heads * width);
    ck_attention_task task = {0, queries, first, 0, 1};
    ck_attention_span span = {0, keys};
    ck_attention attention = {
        .q = q, .k = kv, .v = kv, .heads = heads, .kv_heads = heads, .width = width, .scale = 1, .window = window, .tasks = &task,
        .task_count = 1, .spans = &span, .query_rows = queries, .key_rows = keys};
    operations = ck_operations();
    ck_attention_forward(&attention, out, CK_F32, NULL);
    operations = ck_operations() - operations;
    free(q), free(kv), free(out);
    return operations == 4 * pairs * (unsigned long long)(heads * width) ? NULL : "attention is counted wrongly";
}

// The limits are measured at all; how high they are is the machine's affair.
static const char *check_limits(void) {
    if (random_bits() % 8) return NULL;  // they take half a second
    double limits[] = {ck_arithmetic_limit(CK_F32), ck_arithmetic_limit(CK_BF16), ck_reading_limit()};
    for (int i = 0; i < 3; i++)
        if (!(limits[i] > 0 && limits[i] < INFINITY)) return "a limit is no number above 0";
    return NULL;
}

// What the kernels ask for memory (parallel.h).
extern void *(*ck_zeroed_memory)(size_t count, size_t bytes);
static void *no_memory(size_t count, size_t bytes) {
    (void)count, (void)bytes;
    return NULL;
}

// Without memory a kernel ends the process with a line that says so: it never goes on without a gradient. Only in the program of its own:
// a fork of the Swift tests would hold the files that other tests have locked.
static const char *check_out_of_memory(void) {
    int ends[2];
    if (pipe(ends)) return "no pipe";
    pid_t child = fork();
    if (child == 0) {
        struct rlimit no_core = {0, 0};
        setrlimit(RLIMIT_CORE, &no_core);
        dup2(ends[1], 2);
        ck_zeroed_memory = no_memory;
        float x[64] = {0}, moments[64] = {0};
        int32_t slots[1] = {0};
        uint8_t touched[1] = {0};
        ck_attention_task task = {0, 1, 1, 0, 1};
        ck_attention_span span = {0, 1};
        ck_attention a = {
            .q = x, .k = x, .v = x, .heads = 1, .kv_heads = 1, .width = 16, .scale = 1, .tasks = &task, .task_count = 1, .spans = &span,
            .query_rows = 1, .key_rows = 1};
        ck_adamw o = {0, 0, 0, 1, 0, 1, 1};
        switch (random_bits() % 4) {
        case 0: ck_rms_norm_backward(x, x, x, CK_F32, 0, x, 1, 16, moments, false, moments); break;
        case 1: ck_adamw_rows(&o, x, NULL, x, slots, touched, moments, moments, 1, 16); break;
        case 2: ck_attention_forward(&a, moments, CK_F32, NULL); break;
        default: ck_attention_backward(&a, x, CK_F32, x, x, moments, moments, moments);
        }
        _exit(0);
    }
    close(ends[1]);
    char line[256] = {0};
    long length = read(ends[0], line, sizeof line - 1);
    close(ends[0]);
    int status = 0;
    waitpid(child, &status, 0);
    if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGABRT) return "a kernel went on without memory";
    return length > 0 && strstr(line, "out of memory") ? NULL : "a kernel ended without saying that memory ran out";
}
#endif

// The processor quota as control groups of both versions state it.
static const char *check_quota(void) {
    static const struct {
        const char *membership, *file, *text, *second_file, *second_text;
        double quota;
    } cases[] = {
        {"0::/a/b\n", "a/cpu.max", "150000 100000\n", "a/b/cpu.max", "max 100000\n", 1.5},
        {"0::/a/b\n", "a/cpu.max", "max 100000\n", "a/b/cpu.max", "200000 50000\n", 4},
        {"0::/outside\n", "cpu.max", "300000 100000\n", NULL, NULL, 3},
        {"0::/\n", "x", "", NULL, NULL, INFINITY},
        {"3:memory:/g\n2:cpu,cpuacct:/g\n", "cpu,cpuacct/g/cpu.cfs_quota_us", "50000\n", "cpu,cpuacct/g/cpu.cfs_period_us", "100000\n", 0.5},
        {"2:cpu,cpuacct:/docker/1\n", "cpu/cpu.cfs_quota_us", "200000\n", "cpu/cpu.cfs_period_us", "100000\n", 2},
        {"2:cpu,cpuacct:/g\n", "cpu/g/cpu.cfs_quota_us", "-1\n", "cpu/g/cpu.cfs_period_us", "100000\n", INFINITY},
        {"9:cpuset:/g\n", "cpuset/g/cpu.cfs_quota_us", "1\n", "cpuset/g/cpu.cfs_period_us", "100000\n", INFINITY},
    };
    const char *error = NULL;
    for (unsigned long i = 0; i < sizeof cases / sizeof *cases && !error; i++) {
        char root[] = "/tmp/quota-XXXXXX", path[4200], command[4300];
        if (!mkdtemp(root)) return "no temporary folder";
        const char *files[] = {cases[i].file, cases[i].second_file, "membership"};
        const char *texts[] = {cases[i].text, cases[i].second_text, cases[i].membership};
        for (int f = 0; f < 3; f++) {
            if (!files[f]) continue;
            snprintf(path, sizeof path, "%s/%s", root, files[f]);
            for (char *slash = path + strlen(root) + 1; (slash = strchr(slash, '/')); *slash++ = '/') {
                *slash = 0;
                mkdir(path, 0700);
            }
            FILE *file = fopen(path, "w");
            if (!file) return "a temporary file cannot be written";
            fputs(texts[f], file), fclose(file);
        }
        double quota = ck_cpu_quota(path, root);
        if (quota != cases[i].quota) {
            snprintf(message, sizeof message, "quota of case %lu: %g, not %g", i, quota, cases[i].quota);
            error = message;
        }
        snprintf(command, sizeof command, "rm -rf %s", root);
        if (system(command)) error = "a temporary folder cannot be removed";
    }
#ifdef __linux__
    return error;
#else
    return NULL;
#endif
}

static const char *check_adamw(void) {
    long n = random_bits() % 8 == 0 ? between(5000, 9000) : between(1, 100);
    ck_adamw o = {1e-2f, 0.9f, 0.999f, 1e-8f, 0.01f, 0.5f, between(1, 5)};
    float *w = floats(n), *g = floats(n), *m = floats(n), *v = floats(n);
    for (long i = 0; i < n; i++) v[i] = fabsf(v[i]);
    float *pw = copy(w, (unsigned long)n * 4), *pm = copy(m, (unsigned long)n * 4), *pv = copy(v, (unsigned long)n * 4);
    float *bm = copy(m, (unsigned long)n * 4), *bv = copy(v, (unsigned long)n * 4), *joined = floats(n);
    uint16_t *upper = allocate((unsigned long)n * 2);
    int16_t *low = allocate((unsigned long)n * 2);
    ck_split_master(w, upper, low, n);
    ck_join_master(upper, low, joined, n);
    const char *error = memcmp(joined, w, (unsigned long)n * 4) ? "the two halves of a master weight do not join to it" : NULL;
    ck_adamw_f32(&o, w, g, m, v, n);
    ck_plain_adamw_f32(&o, pw, g, pm, pv, n);
    ck_adamw_bf16(&o, upper, low, g, bm, bv, n);
    if (!error) error = expect("adamw weight", w, pw, CK_F32, n, 1e-6);
    if (!error) error = expect("adamw m", m, pm, CK_F32, n, 1e-6);
    if (!error) error = expect("adamw v", v, pv, CK_F32, n, 1e-6);
    ck_join_master(upper, low, joined, n);
    if (!error) error = expect("adamw split weight", joined, pw, CK_F32, n, 1e-6);
    free(w), free(g), free(m), free(v), free(pw), free(pm), free(pv), free(bm), free(bv), free(joined), free(upper), free(low);
    return error;
}

// A table with gradients for some rows against the plain step with zeros for the others, over several steps.
static const char *check_adamw_rows(void) {
    long rows = between(1, 12), width = between(1, 70), n = rows * width;
    bool split = random_bits() % 2;
    float *w = floats(n), *m = calloc((unsigned long)n, 4), *v = calloc((unsigned long)n, 4), *joined = floats(n);
    float *pw = copy(w, (unsigned long)n * 4), *pm = calloc((unsigned long)n, 4), *pv = calloc((unsigned long)n, 4);
    uint16_t *upper = allocate((unsigned long)n * 2);
    int16_t *low = allocate((unsigned long)n * 2);
    uint8_t *touched = calloc((unsigned long)rows, 1);
    int32_t *slots = allocate((unsigned long)rows * 4);
    ck_split_master(w, upper, low, n);
    for (long step = 1; step <= 3; step++) {
        ck_adamw o = {1e-2f, 0.9f, 0.999f, 1e-8f, 0.1f, 0.5f, step};
        float *dense = calloc((unsigned long)n, 4), *compact = floats(n);
        int32_t used = 0;
        for (long r = 0; r < rows; r++) {
            slots[r] = random_bits() % 3 ? -1 : used++;
            if (slots[r] >= 0) memcpy(dense + r * width, compact + slots[r] * width, (unsigned long)width * 4);
        }
        ck_adamw_rows(&o, split ? (void *)upper : (void *)w, split ? low : NULL, compact, slots, touched, m, v, rows, width);
        ck_plain_adamw_f32(&o, pw, dense, pm, pv, n);
        free(dense), free(compact);
    }
    if (split) ck_join_master(upper, low, joined, n);
    const char *error = expect("adamw rows", split ? joined : w, pw, CK_F32, n, 1e-6);
    if (!error) error = expect("adamw rows m", m, pm, CK_F32, n, 1e-6);
    free(w), free(m), free(v), free(joined), free(pw), free(pm), free(pv), free(upper), free(low), free(touched), free(slots);
    return error;
}

static const char *check_reductions(void) {
    long rows = between(1, 30), width = between(1, 300), n = rows * width;
    ck_type type = any_type();
    void *x = typed(type, n);
    float *sums = floats(width), *plain = copy(sums, (unsigned long)width * 4), *wide = floats(n);
    ck_plain_convert(x, type, wide, CK_F32, n);
    for (long j = 0; j < width; j++) {
        double total = 0;
        for (long r = 0; r < rows; r++) total += (double)wide[r * width + j];
        plain[j] += (float)total;
    }
    ck_column_sums(x, type, rows, width, sums, true);
    const char *error = expect("column sums", sums, plain, CK_F32, width, 2e-6);
    double squares = 0;
    for (long i = 0; i < n; i++) squares += (double)wide[i] * (double)wide[i];
    if (!error && fabs(ck_sum_of_squares(wide, n) - squares) > 1e-5 * squares) error = "sum of squares";
    if (!error && ck_first_nonfinite(wide, CK_F32, n) != -1) error = "a finite array was called non-finite";
    long at = between(0, n - 1);
    wide[at] = random_bits() % 2 ? NAN : -INFINITY;
    if (!error && ck_first_nonfinite(wide, CK_F32, n) != at) error = "the first non-finite element was missed";
    // Gather, then scatter back: equal rows add up.
    int32_t *index = allocate((unsigned long)rows * 4);
    float *picked = floats(n), *back = calloc((unsigned long)n, 4), *expected = calloc((unsigned long)n, 4);
    ck_plain_convert(x, type, wide, CK_F32, n);
    for (long r = 0; r < rows; r++) index[r] = (int32_t)between(0, rows - 1);
    ck_gather_rows(wide, index, rows, width * 4, picked);
    ck_scatter_add_rows(picked, index, rows, width, back);
    for (long r = 0; r < rows; r++)
        for (long j = 0; j < width; j++) expected[index[r] * width + j] += wide[index[r] * width + j];
    if (!error) error = expect("gather and scatter", back, expected, CK_F32, n, 1e-6);
    ck_embed(x, type, index, rows, width, 3, picked);
    for (long i = 0; i < n; i++) expected[i] = wide[index[i / width] * width + i % width] * 3;
    if (!error) error = expect("embed", picked, expected, CK_F32, n, 1e-6);
    free(x), free(sums), free(plain), free(wide), free(index), free(picked), free(back), free(expected);
    return error;
}

static const char *check_sums(void) {
    long n = random_bits() % 8 == 0 ? between(30000, 80000) : between(1, 100);
    float *x = floats(n), *y = floats(n), *expected = copy(y, (unsigned long)n * 4), factor = normal();
    for (long i = 0; i < n; i++) expected[i] += factor * x[i];
    ck_add_scaled(y, x, factor, n);
    const char *error = expect_scaled("add scaled", y, expected, CK_F32, n, 1e-6, 1);
    for (long i = 0; i < n; i++) expected[i] = factor * x[i];
    ck_scale(y, x, factor, n);
    if (!error) error = expect("scale", y, expected, CK_F32, n, 1e-6);
    for (long i = 0; i < n; i++) expected[i] = factor;
    ck_fill(y, factor, n);
    if (!error) error = expect("fill", y, expected, CK_F32, n, 0);
    free(x), free(y), free(expected);
    return error;
}

// One NaN among the keys, queries or values reaches every row that sees it: a damaged weight must not turn into numbers.
static const char *check_damage(void) {
    long keys = between(1, 90), width = between(1, 40), which = between(0, 2);
    ck_attention_task task = {0, keys, 1, 0, 1};
    ck_attention_span span = {0, keys};
    float *q = floats(keys * width), *k = floats(keys * width), *v = floats(keys * width), *out = floats(keys * width + 3);
    long row = between(0, keys - 1), at = row * width + between(0, width - 1);
    (which == 0 ? q : which == 1 ? k : v)[at] = NAN;
    ck_attention a = {
        .q = q, .k = k, .v = v, .heads = 1, .kv_heads = 1, .width = width, .scale = 1, .tasks = &task, .task_count = 1,
        .spans = &span, .query_rows = keys, .key_rows = keys};
    ck_attention_forward(&a, out, CK_F32, NULL);
    const char *error = NULL;
    for (long i = row; i < (which == 0 ? row + 1 : keys) && !error; i++)
        if (ck_first_nonfinite(out + i * width, CK_F32, width) < 0) error = "attention made a number of NaN";
    float gate[3] = {NAN, 1, 2}, up[3] = {1, 1, 1};
    for (int activation = 0; activation < 3 && !error; activation++) {
        ck_gated(gate, up, CK_F32, (ck_activation)activation, 3, out, CK_F32);
        if (out[0] == out[0]) error = "an activation made a number of NaN";
    }
    free(q), free(k), free(v), free(out);
    return error;
}

// Edits change what is drawn from and not what the log-probability is of; the cut by share of the largest leaves out the rest.
static const char *check_edits(const float *logits, long width, float *scratch) {
    const char *error = NULL;
    long first = between(0, width - 1), second = between(0, width - 1);
    float *changed = floats(width);
    memcpy(changed, logits, (unsigned long)width * 4);
    ck_logit_edit edits[] = {{(int32_t)first, 0.5f, 1.5f, 0.25f}, {(int32_t)second, -3, 1, -4}, {-1, 9, 1, 0}, {(int32_t)width, 9, 1, 0}};
    long count = first == second ? 1 : 4;
    for (long e = 0; e < (count < 2 ? count : 2); e++) {
        float x = logits[edits[e].token] + edits[e].bias;
        changed[edits[e].token] = (x > 0 ? x / edits[e].repetition : x * edits[e].repetition) - edits[e].penalty;
    }
    for (int greedy = 0; greedy < 2 && !error; greedy++) {
        ck_sampling s = {greedy ? 0 : 0.8f, 1, 0, (double)random_bits() / 2147483648.0, 0, NULL, 0}, t = s;
        t.edits = edits, t.edit_count = count, t.min_p = 0.3f, s.min_p = 0.3f;
        int32_t expected, got;
        float lp;
        double plain = 0, largest = -INFINITY;
        ck_sample(changed, 1, width, &s, &expected, NULL, scratch);
        ck_sample(logits, 1, width, &t, &got, &lp, scratch);
        if (got != expected) error = "edits draw another token than changed logits do";
        for (long j = 0; j < width; j++) plain += exp((double)logits[j] - (double)logits[got]);
        for (long j = 0; j < width; j++) largest = changed[j] > largest ? changed[j] : largest;
        if (!error && fabs((double)lp + log(plain)) > 1e-4) error = "edits changed the log-probability";
        if (!error && exp((changed[got] - largest) / (greedy ? 1 : 0.8)) < 0.2999) error = "a token below the least share";
    }
    int32_t top[3];
    long most = width < 3 ? width : 3;
    ck_most_probable(logits, width, most, top);
    for (long i = 0; i < most && !error; i++) {
        long above = 0;
        for (long j = 0; j < width; j++) above += logits[j] > logits[top[i]] || (logits[j] == logits[top[i]] && j < top[i]);
        if (above != i) error = "the most probable tokens are others";
    }
    free(changed);
    return error;
}

static const char *check_sampling(void) {
    long rows = between(1, 5), width = between(1, 700), n = rows * width;
    float *logits = floats(n), *scratch = floats(2 * n), *lp = floats(rows);
    int32_t *chosen = allocate((unsigned long)rows * 4);
    ck_sampling *s = allocate((unsigned long)rows * sizeof *s);
    const char *error = NULL;
    for (long r = 0; r < rows; r++)
        s[r] = (ck_sampling){
            random_bits() % 4 ? 0.1f + (float)between(1, 20) / 10 : 0, random_bits() % 2 ? 1 : (float)between(1, 99) / 100,
            random_bits() % 2 ? 0 : between(1, width), (double)random_bits() / 2147483648.0, 0, NULL, 0};
    ck_sample(logits, rows, width, s, chosen, lp, scratch);
    for (long r = 0; r < rows && !error; r++) {
        const float *row = logits + r * width;
        long rank = 0, i = chosen[r];
        double heavier = 0, total = 0, plain = 0;
        if (i < 0 || i >= width) error = "a token outside the vocabulary";
        for (long j = 0; j < width && !error; j++) rank += row[j] > row[i];
        for (long j = 0; j < width && !error; j++) plain += exp((double)row[j] - (double)row[i]);
        if (!error && fabs((double)lp[r] + log(plain)) > 1e-4) error = "a sampled token's log-probability is wrong";
        if (s[r].temperature == 0 && rank != 0) error = "greedy did not take the largest logit";
        if (s[r].top_k > 0 && rank >= s[r].top_k) error = "a token beyond the top k";
        if (s[r].temperature > 0 && s[r].top_k == 0)
            for (long j = 0; j < width; j++) {
                double weight = exp(((double)row[j] - (double)row[i]) / (double)s[r].temperature);
                total += weight;
                if (row[j] > row[i]) heavier += weight;
            }
        if (s[r].temperature > 0 && s[r].top_k == 0 && heavier > (double)s[r].top_p * total * 1.0001)
            error = "a token outside the nucleus";
    }
    if (!error) error = check_edits(logits, width, scratch);
    ck_sampling even = {1, 0.1f, 0, 0.999, 0, NULL, 0};
    for (long i = 0; i < width; i++) logits[i] = 1;
    ck_sample(logits, 1, width, &even, chosen, NULL, scratch);
    if (!error && chosen[0] > width / 10) error = "the nucleus kept more ties than it needs";
    free(logits), free(scratch), free(lp), free(chosen), free(s);
    return error;
}

// A sum of float64 in order, compared bit for bit.
static bool same_double(double a, double b) { return memcmp(&a, &b, sizeof a) == 0; }

// Sums in order are those sums, whatever threads and instruction sets there are.
static const char *check_ordered_sums(void) {
    long rows = between(1, 60), width = random_bits() % 4 ? between(1, 100) : between(300, 3000), n = rows * width;
    float *a = floats(n), *b = floats(n), *means = floats(width), *y = floats(n), *factors32 = floats(rows);
    double *sums = allocate((unsigned long)rows * 8), *factors = allocate((unsigned long)rows * 8);
    int32_t *places = allocate((unsigned long)rows * 4);
    const char *error = NULL;
    if (random_bits() % 2) memset(a + between(0, rows - 1) * width, 0, (unsigned long)width * 4);
    for (long r = 0; r < rows; r++) places[r] = (int32_t)between(0, rows - 1), factors[r] = (double)normal();
    ck_row_dots(a, places, b, rows, width, sums);
    for (long r = 0; r < rows && !error; r++) {
        volatile double expected = 0;
        for (long i = 0; i < width; i++) expected += (double)a[places[r] * width + i] * (double)b[r * width + i];
        if (!same_double(sums[r], expected)) error = "products of rows are added in another order";
    }
    ck_row_entropies(a, rows, width, sums);
    for (long r = 0; r < rows && !error; r++) {
        volatile double expected = 0;
        for (long i = 0; i < width; i++) {
            volatile double term = a[r * width + i] > 0 ? (double)a[r * width + i] * log((double)a[r * width + i]) : 0;
            if (a[r * width + i] > 0) expected += term;
        }
        if (!same_double(sums[r], expected)) error = "entropies are added in another order";
    }
    ck_column_means(a, rows, width, means);
    for (long i = 0; i < width && !error; i++) {
        volatile double expected = 0;
        for (long r = 0; r < rows; r++) expected += (double)a[r * width + i];
        if (means[i] != (float)(expected / (double)rows)) error = "means of columns are added in another order";
    }
    ck_row_squares(a, rows, width, sums);
    for (long r = 0; r < rows && !error; r++)
        if (!same_double(sums[r], ck_sum_of_squares(a + r * width, width))) error = "squares of a row differ from those of a vector";
    ck_scale_rows_f64(a, factors, rows, width, y);
    for (long i = 0; i < n && !error; i++) {
        volatile double expected = (double)a[i] * factors[i / width];
        if (y[i] != (float)expected) error = "rows are scaled otherwise";
    }
    ck_row_dots(a, NULL, b, rows, width, sums);
    memcpy(y, a, (unsigned long)n * 4);
    ck_scale_rows_backward_f64(y, b, sums, factors, rows, width);
    for (long i = 0; i < n && !error; i++) {
        volatile double along = sums[i / width] * (double)b[i], rest = (double)a[i] - along, expected = rest * factors[i / width];
        if (y[i] != (float)expected) error = "gradients of scaled rows differ";
    }
    long stride = width + between(1, 20);
    float *features = floats(rows * stride), *mean = floats(width), *deviation = floats(width);
    ck_standardize_rows(a, mean, deviation, rows, width, stride, features);
    for (long r = 0; r < rows && !error; r++) {
        volatile double square = 0;
        for (long i = 0; i < width; i++) square += (double)a[r * width + i] * (double)a[r * width + i];
        volatile float factor = square > 0 ? (float)sqrt((double)width / square) : 1;
        for (long i = 0; i < stride && !error; i++) {
            volatile float scaled = i < width ? a[r * width + i] * factor : 0, moved = i < width ? scaled - mean[i] : 0;
            float expected = i < width ? moved * deviation[i] : i == width ? 1 : 0;
            if (features[r * stride + i] != expected) error = "rows are standardized otherwise";
        }
    }
    for (long r = 0; r < rows; r++) factors32[r] = (float)factors[r], places[r] = (int32_t)(rows - 1 - r);
    ck_scale_rows(a, factors32, rows, width, y);
    ck_add_scaled_rows(b, factors32, places, rows, width, y);
    float *expected = floats(n);
    for (long r = 0; r < rows; r++) ck_scale(expected + r * width, a + r * width, factors32[r], width);
    for (long r = 0; r < rows; r++) ck_add_scaled(expected + places[r] * width, b + r * width, factors32[r], width);
    if (!error && memcmp(y, expected, (unsigned long)n * 4) != 0) error = "scaled rows are not those of vectors";
    free(a), free(b), free(means), free(y), free(factors32), free(sums), free(factors), free(places), free(features), free(mean);
    free(deviation), free(expected);
    return error;
}

// Rows and bytes that are moved about arrive, and nothing else is touched.
static const char *check_moved_rows(void) {
    long rows = between(2, 40), width = between(1, 70), n = rows * width;
    float *x = floats(n), *y = floats(n), *to = floats(n), *before = copy(to, (unsigned long)n * 4);
    const char *error = NULL;
    // Two ranges, the later one first, and the rows between them as they were.
    long first = between(0, rows - 2), second = between(first + 1, rows - 1);
    ck_row_range ranges[] = {{second, rows - second}, {0, first}};
    ck_store_rows(x, ranges, 2, width * 4, to);
    for (long r = 0; r < rows && !error; r++) {
        const float *expected = r >= second ? x + (r - second) * width : r < first ? x + (rows - second + r) * width : before + r * width;
        if (memcmp(to + r * width, expected, (unsigned long)width * 4) != 0) error = "stored rows are elsewhere";
    }
    ck_clear_rows(to, ranges, 2, width * 4);
    for (long r = 0; r < rows && !error; r++)
        for (long i = 0; i < width && !error; i++)
            if (to[r * width + i] != (r >= second || r < first ? 0 : before[r * width + i])) error = "other rows were cleared";
    ck_type type = any_type();
    void *table = typed(type, n);
    int32_t *from = allocate((unsigned long)rows * 4), *places = allocate((unsigned long)rows * 4);
    int64_t *at = allocate((unsigned long)rows * 8);
    for (long r = 0; r < rows; r++) {
        from[r] = (int32_t)between(0, rows - 1), places[r] = (int32_t)((r + first) % rows), at[r] = between(0, n - 1);
    }
    ck_gather_rows_as_f32(table, type, from, places, rows, width, to);
    for (long r = 0; r < rows && !error; r++)
        for (long i = 0; i < width && !error; i++) {
            float expected;
            ck_plain_convert((char *)table + (from[r] * width + i) * (long)size_of(type), type, &expected, CK_F32, 1);
            if (to[places[r] * width + i] != expected) error = "gathered rows are others";
        }
    ck_gather_elements(x, at, rows, to);
    for (long r = 0; r < rows && !error; r++)
        if (to[r] != x[at[r]]) error = "gathered elements are others";
    ck_add_number(x, 0.5f, n, to);
    for (long i = 0; i < n && !error; i++)
        if (to[i] != x[i] + 0.5f) error = "a number was not added";
    long side = rows < width ? rows : width;
    memcpy(to, x, (unsigned long)n * 4);
    ck_add_to_diagonal(to, 2, side);
    for (long i = 0; i < side * side && !error; i++)
        if (to[i] != (i % (side + 1) == 0 ? x[i] + 2 : x[i])) error = "a diagonal is elsewhere";
    ck_copy_bytes(x, n * 4, to);
    if (!error && (!ck_same_bytes(x, to, n * 4) || memcmp(x, to, (unsigned long)n * 4) != 0)) error = "bytes were not copied";
    ((uint8_t *)to)[between(0, n * 4 - 1)] ^= 1;
    if (!error && ck_same_bytes(x, to, n * 4)) error = "other bytes pass for the same";
    ck_clear_bytes(to, n * 4);
    ck_clear_bytes(y, n * 4);
    if (!error && ck_holds_byte(to, 7, n * 4)) error = "cleared bytes hold a seven";
    ((uint8_t *)to)[between(0, n * 4 - 1)] = 7;
    if (!error && !ck_holds_byte(to, 7, n * 4)) error = "a byte was not found";
    uint8_t *nonzero = allocate((unsigned long)rows);
    memset(to, 0, (unsigned long)n * 4);
    to[first * width + between(0, width - 1)] = 1e-40f;
    y[second * width + between(0, width - 1)] = NAN;
    to[(second == rows - 1 ? first : rows - 1) * width] = second == rows - 1 ? 1 : -0.0f;
    ck_nonzero_rows(to, y, rows, width, nonzero);
    for (long r = 0; r < rows && !error; r++)
        if (nonzero[r] != (r == first || r == second)) error = "rows that are zero pass for others";
    free(x), free(y), free(to), free(before), free(table), free(from), free(places), free(at), free(nonzero);
    return error;
}

// Codes equal the plain ones bit for bit, and a scale that float16 cannot hold is told.
static const char *check_quantized(void) {
    long blocks = random_bits() % 8 == 0 ? between(1000, 2000) : between(1, 20), n = 32 * blocks;
    float *x = floats(n);
    unsigned char *fast = allocate((unsigned long)blocks * 34), *plain = allocate((unsigned long)blocks * 34);
    for (long block = 0; block < blocks; block++) {
        float scale = powf(10, (float)between(-44, 5));
        for (long i = 0; i < 32; i++) x[32 * block + i] *= random_bits() % 9 ? scale : 0;
        // Halves, which are rounded away from zero.
        if (random_bits() % 4 == 0)
            for (long i = 0; i < 32; i++) x[32 * block + i] = i ? (float)between(-254, 254) / 2 : 127;
    }
    long bad = ck_quantize_q8_0(x, blocks, fast);
    ck_plain_quantize_q8_0(x, blocks, plain);
    const char *error = memcmp(fast, plain, (unsigned long)blocks * 34) == 0 ? NULL : "codes differ from the plain ones";
    if (!error && bad >= 0) error = "a scale that float16 holds passes for too large";
    long chosen = between(0, blocks - 1);
    x[32 * chosen + between(0, 31)] = 1e7f;
    if (!error && ck_quantize_q8_0(x, blocks, fast) != chosen) error = "a scale too large for float16 was not found";
    free(x), free(fast), free(plain);
    return error;
}

static const struct {
    const char *name;
    const char *(*run)(void);
} checks[] = {
    {"convert", check_convert}, {"matmul", check_matmul}, {"matmul_some", check_matmul_some},
    {"matmul_large", check_matmul_large},
    {"matmul_blocked", check_matmul_blocked}, {"rms_norm", check_rms_norm}, {"rotate", check_rotate},
    {"gated", check_gated}, {"log_probabilities", check_log_probabilities}, {"scores", check_scores},
    {"attention", check_attention}, {"backward_units", check_backward_units}, {"quota", check_quota}, {"adamw", check_adamw},
    {"adamw_rows", check_adamw_rows}, {"reductions", check_reductions}, {"sums", check_sums}, {"damage", check_damage},
    {"sampling", check_sampling},
    // A check's place is a part of its seeds: new ones go here.
    {"stored_rows", check_stored_rows}, {"matmul_stored", check_matmul_stored}, {"repacked", check_repacked},
    {"ordered_sums", check_ordered_sums}, {"moved_rows", check_moved_rows}, {"quantized", check_quantized},
    {"stored_few", check_stored_few},
#ifdef KERNEL_CHECKS_MAIN
    {"counts", check_counts}, {"limits", check_limits}, {"out_of_memory", check_out_of_memory},
#endif
};
#define CHECKS (sizeof checks / sizeof *checks)
unsigned kernel_check_count(void) { return CHECKS; }
const char *kernel_check_name(unsigned index) { return checks[index].name; }

const char *kernel_check(const char *name, unsigned seed) {
    for (unsigned long i = 0; i < CHECKS; i++)
        if (strcmp(checks[i].name, name) == 0) {
            state = seed * 7919ull + i;
            random_bits();
            return checks[i].run();
        }
    return "no such check";
}

#ifdef KERNEL_CHECKS_MAIN
// usage: kernel_checks [SEEDS]. Every check, every instruction set this CPU has, one and several threads.
int main(int argc, char **argv) {
    unsigned seeds = argc > 1 ? (unsigned)atoi(argv[1]) : 30;
    int failures = 0, best = ck_force_instruction_set(-1);
    for (int level = best; level >= 0; level--) {
        ck_force_instruction_set(level);
        for (unsigned long i = 0; i < CHECKS; i++)
            for (unsigned seed = 0; seed < seeds; seed++) {
                ck_set_threads((int)(1 + seed % 3));
                const char *error = kernel_check(checks[i].name, seed);
                if (error) {
                    printf("%s, %s, seed %u: %s\n", checks[i].name, ck_instruction_set(), seed, error);
                    failures++;
                }
            }
        printf("%s: %lu kernels, %u seeds\n", ck_instruction_set(), CHECKS, seeds);
    }
    printf("%s\n", failures ? "FAILED" : "all kernels agree with their plain versions");
    return failures ? 1 : 0;
}
#endif
