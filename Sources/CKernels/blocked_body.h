// Products of any size in float32, for processors on which no library is faster: A and B of any type and either layout are packed into
// float32 panels a block at a time, and multiplied by the register tile of attention_body.h, behind which this is included. Products of
// bfloat16 on processors without its instructions come here too: their operands are bfloat16 already, or are rounded on the way.
//
// The blocks are those of Goto and van de Geijn (2008): a block of A, CK_BLOCK_ROWS × CK_BLOCK_DEPTH, stays in the second cache, a panel
// of B, CK_BLOCK_DEPTH × PRODUCT_COLUMNS, in the first. An element of C adds up in the order of k, in blocks of a depth that follows from
// k alone: the result does not depend on how the product is shared over threads.

#define PRODUCT_COLUMNS (PRODUCT_GROUPS * LANES)

// Eight rows of eight, transposed.
INLINE void transpose_eight(lanes8 r[8]) {
#define EXCHANGE_EIGHT(step, low_, high_)                               \
    _Pragma("unroll") for (int i = 0; i < 8; i++)                       \
        if (!(i & step)) {                                              \
            lanes8 low = low_(r[i], r[i + step]);                       \
            r[i + step] = high_(r[i], r[i + step]);                     \
            r[i] = low;                                                 \
        }
#define LOW_EIGHT_1(a, b) __builtin_shufflevector(a, b, 0, 8, 2, 10, 4, 12, 6, 14)
#define HIGH_EIGHT_1(a, b) __builtin_shufflevector(a, b, 1, 9, 3, 11, 5, 13, 7, 15)
#define LOW_EIGHT_2(a, b) __builtin_shufflevector(a, b, 0, 1, 8, 9, 4, 5, 12, 13)
#define HIGH_EIGHT_2(a, b) __builtin_shufflevector(a, b, 2, 3, 10, 11, 6, 7, 14, 15)
#define LOW_EIGHT_4(a, b) __builtin_shufflevector(a, b, 0, 1, 2, 3, 8, 9, 10, 11)
#define HIGH_EIGHT_4(a, b) __builtin_shufflevector(a, b, 4, 5, 6, 7, 12, 13, 14, 15)
    EXCHANGE_EIGHT(1, LOW_EIGHT_1, HIGH_EIGHT_1)
    EXCHANGE_EIGHT(2, LOW_EIGHT_2, HIGH_EIGHT_2)
    EXCHANGE_EIGHT(4, LOW_EIGHT_4, HIGH_EIGHT_4)
}

INLINE lanes8 load8_as(const void *p, ck_type type, long i) {
    lanes8 v;
    if (type == CK_F32) {
        __builtin_memcpy(&v, (const float *)p + i, sizeof v);
    } else if (type == CK_BF16) {
        uint16_t __attribute__((vector_size(16))) h;
        __builtin_memcpy(&h, (const uint16_t *)p + i, sizeof h);
        v = (lanes8)(__builtin_convertvector(h, uint32_t __attribute__((vector_size(32)))) << 16);
    } else {
        _Float16 __attribute__((vector_size(16))) h;
        __builtin_memcpy(&h, (const uint16_t *)p + i, sizeof h);
        v = __builtin_convertvector(h, lanes8);
    }
    return v;
}

// to[p · panel + i] = element p of row i, for `count` rows of `depth` elements with `stride` between rows; zero in rows
// count..<panel. `panel` is a constant of at most eight, or a multiple of eight. Up to seven floats beyond the end are written.
INLINE void pack_across(
    const void *from, ck_type type, bool round, long stride, long count, long depth, const long panel, float *to
) {
    for (long i = 0; i < panel; i += 8) {
        long rows = count - i < 8 ? count - i : 8, p = 0;
        const char *at = (const char *)from + i * stride * type_bytes(type);
        if (rows < 0) rows = 0;
        for (; p + 8 <= depth; p += 8) {
            lanes8 block[8];
            _Pragma("unroll") for (int r = 0; r < 8; r++)
                block[r] = r < rows ? load8_as(at, type, r * stride + p) : (lanes8){0};
            transpose_eight(block);
            _Pragma("unroll") for (int r = 0; r < 8; r++) __builtin_memcpy(to + (p + r) * panel + i, &block[r], sizeof block[r]);
        }
        for (; p < depth; p++)
            for (long r = 0; r < (panel < 8 ? panel : 8); r++)
                to[p * panel + i + r] = r < rows ? get_as(at, type, r * stride + p) : 0;
    }
    if (round) {
        long n = depth * panel, i = 0;
        for (; i + LANES <= n; i += LANES) store(to + i, rounded(load(to + i)));
        for (; i < n; i++) to[i] = bf16_to_float(float_to_bf16(to[i]));
    }
}

// The same for sixteen rows of bfloat16 in whole pairs: two elements travel in one.
INLINE void pack_pairs_across(const uint16_t *from, long stride, long depth, float *to) {
    for (long i = 0; i < LANES; i += 8)
        for (long p = 0; p < depth; p += 16) {
            lanes8 block[8];
            _Pragma("unroll") for (int r = 0; r < 8; r++)
                __builtin_memcpy(&block[r], from + (i + r) * stride + p, sizeof block[r]);
            transpose_eight(block);
            _Pragma("unroll") for (int r = 0; r < 8; r++) {
                typedef uint32_t bits8 __attribute__((vector_size(32)));
                bits8 first = (bits8)block[r] << 16, second = (bits8)block[r] & 0xffff0000u;
                __builtin_memcpy(to + (p + 2 * r) * PRODUCT_COLUMNS + i, &first, sizeof first);
                __builtin_memcpy(to + (p + 2 * r + 1) * PRODUCT_COLUMNS + i, &second, sizeof second);
            }
        }
}

// Panels of PRODUCT_COLUMNS columns from rows as they lie: to[(j · depth + p) · PRODUCT_COLUMNS + i] is element i of panel j of row p, for
// `count` columns in all; zero beyond. A row of all panels is read in one go.
INLINE void pack_along(const void *from, ck_type type, bool round, long stride, long count, long depth, float *to) {
    for (long p = 0; p < depth; p++)
        for (long j = 0; j < count; j += LANES) {
            float *out = to + j / PRODUCT_COLUMNS * PRODUCT_COLUMNS * depth + p * PRODUCT_COLUMNS + j % PRODUCT_COLUMNS;
            long at = p * stride + j;
            lanes v = count - j >= LANES ? load_as(from, type, at) : load_some(from, type, at, count - j, 0);
            store(out, round ? rounded(v) : v);
        }
    // The rest of the last panel.
    long begin = (count + LANES - 1) / LANES * LANES, end = (count + PRODUCT_COLUMNS - 1) / PRODUCT_COLUMNS * PRODUCT_COLUMNS;
    for (long p = 0; p < depth; p++)
        for (long j = begin; j < end; j += LANES)
            store(to + j / PRODUCT_COLUMNS * PRODUCT_COLUMNS * depth + p * PRODUCT_COLUMNS + j % PRODUCT_COLUMNS, splat(0));
}

// One panel of PRODUCT_ROWS columns (of A, stored across), of which `count` or more are there; zero beyond. Up to seven floats beyond the
// end are written.
INLINE void pack_along_narrow(const void *from, ck_type type, long stride, long count, long depth, float *to) {
    for (long p = 0; p < depth; p++, to += PRODUCT_ROWS) {
        if (count >= 8 && PRODUCT_ROWS <= 8) {
            lanes8 v = load8_as(from, type, p * stride);
            __builtin_memcpy(to, &v, sizeof v);
        } else {
            for (long i = 0; i < PRODUCT_ROWS; i++) to[i] = i < count ? get_as(from, type, p * stride + i) : 0;
        }
    }
}

// Panels of B: columns n..<n + count of rows p..<p + depth.
INLINE void pack_right_typed(const ck_matmul *job, ck_type type, bool round, long n, long count, long p, long depth, float *to) {
    long from = job->b_transposed ? n * job->b_stride + p : p * job->b_stride + n;
    const char *b = (const char *)job->b + from * type_bytes(type);
    if (!job->b_transposed) {
        pack_along(b, type, round, job->b_stride, count, depth, to);
        return;
    }
    for (long j = 0; j < count; j += PRODUCT_COLUMNS, b += PRODUCT_COLUMNS * job->b_stride * type_bytes(type), to += PRODUCT_COLUMNS * depth) {
        long columns = count - j < PRODUCT_COLUMNS ? count - j : PRODUCT_COLUMNS;
        long paired = type == CK_BF16 && columns == PRODUCT_COLUMNS ? depth / 16 * 16 : 0;
        for (long i = 0; paired && i < PRODUCT_COLUMNS; i += LANES)
            pack_pairs_across((const uint16_t *)b + i * job->b_stride, job->b_stride, paired, to + i);
        if (paired < depth)
            pack_across(
                b + paired * type_bytes(type), type, round, job->b_stride, columns, depth - paired, PRODUCT_COLUMNS,
                to + paired * PRODUCT_COLUMNS);
    }
}
static void pack_right(const ck_matmul *job, bool round, long n, long count, long p, long depth, float *to) {
    if (job->b_type == CK_BF16) pack_right_typed(job, CK_BF16, false, n, count, p, depth, to);
    else if (job->b_type == CK_F32 && round) pack_right_typed(job, CK_F32, true, n, count, p, depth, to);
    else if (job->b_type == CK_F32) pack_right_typed(job, CK_F32, false, n, count, p, depth, to);
    else pack_right_typed(job, CK_F16, round, n, count, p, depth, to);
}

// Rows m..<m + count of A, columns p..<p + depth, in panels of PRODUCT_ROWS.
INLINE void pack_left_typed(const ck_matmul *job, ck_type type, long m, long count, long p, long depth, float *to) {
    long from = job->a_transposed ? p * job->a_stride + m : m * job->a_stride + p;
    const char *a = (const char *)job->a + from * type_bytes(type);
    if (job->a_transposed) {
        // Panels are written from the first to the last: what one writes beyond its end the next one writes again.
        for (long i = 0; i < count; i += PRODUCT_ROWS, to += depth * PRODUCT_ROWS)
            pack_along_narrow(a + i * type_bytes(type), type, job->a_stride, count - i, depth, to);
        return;
    }
    for (long i = 0; i < count; i += PRODUCT_ROWS, to += depth * PRODUCT_ROWS, a += PRODUCT_ROWS * job->a_stride * type_bytes(type))
        pack_across(
            a, type, false, job->a_stride, count - i < PRODUCT_ROWS ? count - i : PRODUCT_ROWS, depth, PRODUCT_ROWS, to);
}
static void pack_left(const ck_matmul *job, long m, long count, long p, long depth, float *to) {
    if (job->a_type == CK_BF16) pack_left_typed(job, CK_BF16, m, count, p, depth, to);
    else if (job->a_type == CK_F32) pack_left_typed(job, CK_F32, m, count, p, depth, to);
    else pack_left_typed(job, CK_F16, m, count, p, depth, to);
}

// A tile of C that is not whole, or is not float32: c[i, 0..<columns] (+)= sums, and bias.
static void finish_rows(const ck_matmul *job, long m, long rows, long n, long columns, const float *sums, long stride, bool add) {
    for (long r = 0; r < rows; r++) {
        long at = (m + r) * job->c_stride + n;
        char *to = (char *)job->c + at * type_bytes(job->c_type);
        for (long i = 0; i < columns; i += LANES) {
            long count = columns - i < LANES ? columns - i : LANES;
            lanes sum = load(sums + r * stride + i);
            if (count == LANES) {
                if (job->bias) sum += load(job->bias + n + i);
                if (add) sum += load_as(to, job->c_type, i);
                store_as(to, job->c_type, i, sum);
            } else {
                if (job->bias) sum += load_some(job->bias + n, CK_F32, i, count, 0);
                if (add) sum += load_some(to, job->c_type, i, count, 0);
                store_some(to, job->c_type, i, count, sum);
            }
        }
    }
}

#define BLOCKED_LEFT ((CK_BLOCK_ROWS + PRODUCT_ROWS) * CK_BLOCK_DEPTH + 8)

// Whether C is summed up beside and written at the end: it is not float32, has a bias, or its last panel is not whole.
static bool blocked_keeps(const ck_matmul *job) {
    return job->c_type != CK_F32 || job->bias || job->n % PRODUCT_COLUMNS != 0;
}

// Columns that are finished before the next ones begin.
static long blocked_columns(const ck_matmul *job) {
    return blocked_keeps(job) || job->m > CK_BLOCK_ROWS ? CK_BLOCK_COLUMNS : CK_MORE_COLUMNS;
}

// Columns of B that are packed together.
static long blocked_packed(const ck_matmul *job) {
    return job->m <= CK_BLOCK_ROWS ? CK_FEW_COLUMNS : CK_BLOCK_COLUMNS;
}

static long blocked_scratch(const ck_matmul *job) {
    long wide = blocked_columns(job), right = blocked_packed(job) * CK_BLOCK_DEPTH + 8;
    return BLOCKED_LEFT + right + (blocked_keeps(job) ? (job->m + PRODUCT_ROWS) * wide : PRODUCT_ROWS * PRODUCT_COLUMNS);
}

// Asks for the lines of the next panel of B while this one is multiplied: `part` of `parts` of them.
INLINE void fetch_right(const ck_matmul *job, long n, long count, long p, long depth, long part, long parts) {
    long rows = job->b_transposed ? count : depth, bytes = (job->b_transposed ? depth : count) * type_bytes(job->b_type);
    long from = job->b_transposed ? n * job->b_stride + p : p * job->b_stride + n;
    const char *b = (const char *)job->b + from * type_bytes(job->b_type);
    for (long r = rows * part / parts; r < rows * (part + 1) / parts; r++)
        for (long line = 0; line < bytes; line += 64) __builtin_prefetch(b + r * job->b_stride * type_bytes(job->b_type) + line, 0, 2);
}

// The tiles of a block of A with one panel of B: rows m..<m + rows, columns n + j..<n + j + PRODUCT_COLUMNS.
typedef struct {
    const ck_matmul *job;
    float *sums;  // C of columns n..<n + padded in float32, where it is not made in place
    long n, padded;
    bool kept, add;
} blocked_output;
INLINE void blocked_tiles(
    const blocked_output *o, long m, long rows, long j, long depth, const float *left, const float *right
) {
    const ck_matmul *job = o->job;
    for (long i = 0; i < rows; i += PRODUCT_ROWS) {
        long high = rows - i < PRODUCT_ROWS ? rows - i : PRODUCT_ROWS;
        bool aside = !o->kept && high < PRODUCT_ROWS;
        float *to = o->kept ? o->sums + (m + i) * o->padded + j : aside ? o->sums : (float *)job->c + (m + i) * job->c_stride + o->n + j;
        long stride = o->kept ? o->padded : aside ? PRODUCT_COLUMNS : job->c_stride;
        // The next tile of C comes from memory meanwhile.
        for (long r = 0; !aside && r < PRODUCT_ROWS; r++) __builtin_prefetch(to + (PRODUCT_ROWS + r) * stride, 1, 3);
        product_tile(
            false, PRODUCT_ROWS, PRODUCT_GROUPS, depth, left + i * depth, 1, PRODUCT_ROWS, right, PRODUCT_COLUMNS, to, stride,
            o->add && !aside);
        if (aside) finish_rows(job, m + i, high, o->n + j, PRODUCT_COLUMNS, to, stride, o->add);
    }
}

// The whole product of `job`, alone; `scratch` holds `blocked_scratch(job)` floats. Up to CK_BLOCK_ROWS rows, panels of B are packed a few
// at a time, just before they are used; more rows use each several times, from a block of packed panels.
static void blocked(const ck_matmul *job, float *scratch) {
    bool round = job->a_type == CK_BF16, single = job->m <= CK_BLOCK_ROWS;
    blocked_output o = {.job = job, .kept = blocked_keeps(job)};
    long blocks = (job->k + CK_BLOCK_DEPTH - 1) / CK_BLOCK_DEPTH, wide = blocked_columns(job), packed = blocked_packed(job);
    float *left = scratch, *right = left + BLOCKED_LEFT;
    o.sums = right + packed * CK_BLOCK_DEPTH + 8;
    for (o.n = 0; o.n < job->n; o.n += wide) {
        long columns = job->n - o.n < wide ? job->n - o.n : wide;
        o.padded = (columns + PRODUCT_COLUMNS - 1) / PRODUCT_COLUMNS * PRODUCT_COLUMNS;
        for (long block = 0; block < blocks; block++) {
            long p = job->k * block / blocks, depth = job->k * (block + 1) / blocks - p;
            o.add = block > 0 || (job->accumulate && !o.kept);
            if (single) pack_left(job, 0, job->m, p, depth, left);
            for (long n = 0; n < columns; n += packed) {
                long some = columns - n < packed ? columns - n : packed, panels = (some + PRODUCT_COLUMNS - 1) / PRODUCT_COLUMNS;
                pack_right(job, round, o.n + n, some, p, depth, right);
                for (long m = 0; m < job->m; m += CK_BLOCK_ROWS) {
                    long rows = job->m - m < CK_BLOCK_ROWS ? job->m - m : CK_BLOCK_ROWS;
                    if (!single) pack_left(job, m, rows, p, depth, left);
                    for (long j = 0; j < panels; j++) {
                        long next = o.n + n + packed, ahead = job->n - next < packed ? job->n - next : packed;
                        if (single && ahead > 0) fetch_right(job, next, ahead, p, depth, j, panels);
                        blocked_tiles(&o, m, rows, n + j * PRODUCT_COLUMNS, depth, left, right + j * PRODUCT_COLUMNS * depth);
                    }
                }
            }
        }
        for (long m = 0; o.kept && m < job->m; m++)
            finish_rows(job, m, 1, o.n, columns, o.sums + m * o.padded, o.padded, job->accumulate);
    }
}
