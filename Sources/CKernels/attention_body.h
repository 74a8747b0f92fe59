// Attention for one item: up to `tile` consecutive query rows of a task with all the query heads that share one key head.
// Softmax runs along the keys in tiles of KEYS with a running maximum, so no score matrix exists (Dao et al. 2022). Products
// are small matrix products on packed tiles, in float32 or of pairs of bfloat16. Without instructions for such pairs their operands are
// rounded to bfloat16 all the same, and multiplied in float32. Widths are padded with zeros to whole lanes.

#if NATIVE_BF16
#define HAS_PAIRS true
#else
#define HAS_PAIRS false
#define fused_pairs(a, b, c) fused(a, b, c)  // never asked for
#endif

// C[m, n] (+)= A · B, n a multiple of LANES. A is read one element at a time, element (i, p) at a[i·row + p·column], so its
// transpose costs nothing. With `pairs` an element of A or B holds two bfloat16, of steps 2p and 2p + 1, and k counts pairs.
INLINE void product_tile(
    const bool pairs, const int rows, const int groups, long k, const float *a, long row, long column, const float *b, long b_stride,
    float *c, long c_stride, bool accumulate
) {
    lanes sums[PRODUCT_ROWS][PRODUCT_GROUPS];
    _Pragma("unroll") for (int i = 0; i < rows; i++)
        _Pragma("unroll") for (int j = 0; j < groups; j++) sums[i][j] = accumulate ? load(c + i * c_stride + j * LANES) : splat(0);
    for (long p = 0; p < k; p++) {
        lanes right[PRODUCT_GROUPS];
        for (int j = 0; j < groups; j++) right[j] = load(b + p * b_stride + j * LANES);
        for (int i = 0; i < rows; i++) {
            lanes left = splat(a[i * row + p * column]);
            for (int j = 0; j < groups; j++)
                sums[i][j] = pairs ? fused_pairs(left, right[j], sums[i][j]) : fused(left, right[j], sums[i][j]);
        }
    }
    _Pragma("unroll") for (int i = 0; i < rows; i++)
        for (int j = 0; j < groups; j++) store(c + i * c_stride + j * LANES, sums[i][j]);
}

INLINE void product_columns(
    const bool pairs, const int groups, long m, long k, const float *a, long row, long column, const float *b, long b_stride, float *c,
    long c_stride, bool accumulate
) {
    long i = 0;
    for (; i + PRODUCT_ROWS <= m; i += PRODUCT_ROWS)
        product_tile(
            pairs, PRODUCT_ROWS, groups, k, a + i * row, row, column, b, b_stride, c + i * c_stride, c_stride, accumulate);
    for (; i + 2 <= m; i += 2)
        product_tile(pairs, 2, groups, k, a + i * row, row, column, b, b_stride, c + i * c_stride, c_stride, accumulate);
    for (; i < m; i++)
        product_tile(pairs, 1, groups, k, a + i * row, row, column, b, b_stride, c + i * c_stride, c_stride, accumulate);
}

INLINE void product_of(
    const bool pairs, long m, long n, long k, const float *a, long row, long column, const float *b, long b_stride, float *c,
    long c_stride, bool accumulate
) {
    long j = 0;
    for (; j + PRODUCT_GROUPS * LANES <= n; j += PRODUCT_GROUPS * LANES)
        product_columns(pairs, PRODUCT_GROUPS, m, k, a, row, column, b + j, b_stride, c + j, c_stride, accumulate);
#if PRODUCT_GROUPS > 2
    for (; j + 2 * LANES <= n; j += 2 * LANES)
        product_columns(pairs, 2, m, k, a, row, column, b + j, b_stride, c + j, c_stride, accumulate);
#endif
    for (; j < n; j += LANES) product_columns(pairs, 1, m, k, a, row, column, b + j, b_stride, c + j, c_stride, accumulate);
}

static void product(
    bool pairs, long m, long n, long k, const float *a, long row, long column, const float *b, long b_stride, float *c,
    long c_stride, bool accumulate
) {
    if (pairs) product_of(true, m, n, k, a, row, column, b, b_stride, c, c_stride, accumulate);
    else product_of(false, m, n, k, a, row, column, b, b_stride, c, c_stride, accumulate);
}

#define INTERLEAVE(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#define LOW_1(a, b) INTERLEAVE(a, b, 0, 16, 2, 18, 4, 20, 6, 22, 8, 24, 10, 26, 12, 28, 14, 30)
#define HIGH_1(a, b) INTERLEAVE(a, b, 1, 17, 3, 19, 5, 21, 7, 23, 9, 25, 11, 27, 13, 29, 15, 31)
#define LOW_2(a, b) INTERLEAVE(a, b, 0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29)
#define HIGH_2(a, b) INTERLEAVE(a, b, 2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31)
#define LOW_4(a, b) INTERLEAVE(a, b, 0, 1, 2, 3, 16, 17, 18, 19, 8, 9, 10, 11, 24, 25, 26, 27)
#define HIGH_4(a, b) INTERLEAVE(a, b, 4, 5, 6, 7, 20, 21, 22, 23, 12, 13, 14, 15, 28, 29, 30, 31)
#define LOW_8(a, b) INTERLEAVE(a, b, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23)
#define HIGH_8(a, b) INTERLEAVE(a, b, 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31)
#define EXCHANGE(step)                                           \
    for (int i = 0; i < LANES; i++)                              \
        if (!(i & step)) {                                       \
            lanes low = LOW_##step(r[i], r[i + step]);           \
            r[i + step] = HIGH_##step(r[i], r[i + step]);        \
            r[i] = low;                                          \
        }

// Sixteen rows of sixteen, transposed.
INLINE void transpose_block(lanes r[LANES]) {
    _Pragma("unroll") EXCHANGE(1) _Pragma("unroll") EXCHANGE(2) _Pragma("unroll") EXCHANGE(4) _Pragma("unroll") EXCHANGE(8)
}

// At most sixteen `rows` of at most sixteen `columns`, transposed; zero beyond. Each way transposes for itself: joined before
// that, the block would lie in memory, not in registers (5% of a rollout).
INLINE void transposed_block(const float *from, long stride, long rows, long columns, lanes block[LANES]) {
    if (rows >= LANES && columns >= LANES) {
        _Pragma("unroll") for (int r = 0; r < LANES; r++) block[r] = load(from + r * stride);
        transpose_block(block);
    } else {
        for (int r = 0; r < LANES; r++)
            block[r] = r < rows ? load_some(from + r * stride, CK_F32, 0, columns < LANES ? columns : LANES, 0) : splat(0);
        transpose_block(block);
    }
}

// to[j, i] = from[i, j] for `count` rows of `width`; `to` is [padded width, KEYS], zero where there is no key or no column. With
// `pairs`, to[j / 2, i] holds columns j and j + 1.
static void pack_transposed(bool pairs, bool rounds, const float *from, long stride, long count, long width, long padded, float *to) {
    long keys = (count + LANES - 1) / LANES * LANES;
    for (long i = 0; i < keys; i += LANES)
        for (long j = 0; j < padded; j += LANES) {
            lanes block[LANES];
            transposed_block(from + i * stride + j, stride, count - i, width - j, block);
            if (pairs) {
                _Pragma("unroll") for (int r = 0; r < LANES; r += 2)
                    store(to + (j + r) / 2 * KEYS + i, pair(block[r], block[r + 1]));
            } else if (rounds) {
                _Pragma("unroll") for (int r = 0; r < LANES; r++) store(to + (j + r) * KEYS + i, rounded(block[r]));
            } else {
                _Pragma("unroll") for (int r = 0; r < LANES; r++) store(to + (j + r) * KEYS + i, block[r]);
            }
        }
}

// to[i, 0...padded) = scale · from[i, 0...width), zeros beyond.
INLINE void pack_row(const float *from, long width, long padded, float scale, float *to) {
    long j = 0;
    for (; j + LANES <= width; j += LANES) store(to + j, load(from + j) * splat(scale));
    if (j < padded) store(to + j, load_some(from, CK_F32, j, width - j, 0) * splat(scale));
}

// Rounds rows to bfloat16, in place; width a multiple of LANES.
static void round_rows(float *x, long count, long width, long stride) {
    for (long i = 0; i < count; i++)
        for (long j = 0; j < width; j += LANES) store(x + i * stride + j, rounded(load(x + i * stride + j)));
}

// Rows of keys or values as the right side of a product over keys. In float32 that is [count, padded width], in place when no
// padding is needed; in pairs it is [(count + 1) / 2, padded width], a row beyond the last one being zero.
static const float *key_rows(
    bool pairs, bool rounds, const float *from, long *stride, long count, long width, long padded, float *space
) {
    if (!pairs && !rounds && width == padded) return from;
    if (!pairs) {
        for (long i = 0; i < count; i++) pack_row(from + i * *stride, width, padded, 1, space + i * padded);
        if (rounds) round_rows(space, count, padded, padded);
    } else
        for (long i = 0; i < count; i += 2)
            for (long j = 0; j < padded; j += LANES) {
                const float *row = from + i * *stride, *next = row + *stride;
                bool whole = j + LANES <= width;
                lanes first = whole ? load(row + j) : load_some(row, CK_F32, j, width - j, 0), second = splat(0);
                if (i + 1 < count) second = whole ? load(next + j) : load_some(next, CK_F32, j, width - j, 0);
                store(space + i / 2 * padded + j, pair(first, second));
            }
    *stride = padded;
    return space;
}

// Two neighbouring rows of a matrix as pairs, [(count + 1) / 2, width], both with rows of `stride`; width a multiple of LANES.
static void pair_rows(const float *from, long count, long width, long stride, float *to) {
    for (long i = 0; i < count; i += 2)
        for (long j = 0; j < width; j += LANES)
            store(
                to + i / 2 * stride + j,
                pair(load(from + i * stride + j), i + 1 < count ? load(from + (i + 1) * stride + j) : splat(0)));
}

// Row by row the same values in bfloat16: two neighbours of a row in one element.
static void narrow_rows(const float *from, long count, long width, long stride, float *to) {
    for (long i = 0; i < count; i++)
        for (long j = 0; j < width; j += LANES)
            store_bf16((uint16_t *)(to + i * stride / 2) + j, narrowed(load(from + i * stride + j)));
}

// The pieces of one tile. `narrow` and `paired` ones are what the products take: with `pairs` bfloat16 copies, else the same memory.
typedef struct {
    bool pairs, rounds;  // operands as pairs of bfloat16; rounded to bfloat16, in float32
    long group, width, padded, queries;  // queries: rows × heads of the group
    long row_begin, first_visible;  // of the first query row
    long q_stride, kv_stride;
    float *q, *keys, *values, *rows, *scores, *out, *peak, *total, *dscores, *dout, *dq, *delta;
    float *narrow_q, *narrow_dout, *narrow_scores;  // [queries, padded], [queries, padded], [queries, KEYS] in bfloat16
    float *paired_q, *paired_dout, *paired_scores;  // neighbouring queries in pairs
} attention_tile;

// Below this many queries, packing pairs costs more than their products save: operands stay as they are, on every CPU.
#define PAIRED_QUERIES 8

// Cuts the scratch up and packs the queries, scaled. Pieces: see ck_attention_scratch.
static attention_tile open_tile(
    const ck_attention *a, long task, long query_begin, long query_end, long kv_head, float *scratch
) {
    attention_tile t;
    t.group = a->heads / a->kv_heads;
    t.width = a->width;
    t.padded = (a->width + LANES - 1) / LANES * LANES;
    t.queries = (query_end - query_begin) * t.group;
    bool narrows = a->pairs && t.queries >= PAIRED_QUERIES;
    t.pairs = HAS_PAIRS && narrows, t.rounds = !HAS_PAIRS && narrows;
    t.row_begin = a->tasks[task].query_row + query_begin;
    t.first_visible = a->tasks[task].first_visible + query_begin;
    t.q_stride = a->heads * a->width;
    t.kv_stride = a->kv_heads * a->width;
    float *next = scratch;
#define PIECE(count) next; next += (count)
    t.keys = PIECE(KEYS * t.padded);
    t.values = PIECE(KEYS * t.padded);
    t.rows = PIECE(2 * KEYS * t.padded);
    t.q = PIECE(t.queries * t.padded);
    t.out = PIECE(t.queries * t.padded);
    t.dout = PIECE(t.queries * t.padded);
    t.dq = PIECE(t.queries * t.padded);
    t.scores = PIECE(t.queries * KEYS);
    t.dscores = PIECE(t.queries * KEYS);
    t.peak = PIECE(t.queries);
    t.total = PIECE(t.queries * LANES);
    t.delta = PIECE(t.queries);
    t.narrow_q = t.q, t.narrow_dout = t.dout, t.narrow_scores = t.scores;
    t.paired_q = t.q, t.paired_dout = t.dout, t.paired_scores = t.scores;
    if (t.pairs) {
        long even = t.queries + t.queries % 2;
        t.narrow_q = PIECE(t.queries * t.padded / 2);
        t.narrow_dout = PIECE(t.queries * t.padded / 2);
        t.narrow_scores = PIECE(t.queries * KEYS / 2);
        t.paired_q = PIECE(even * t.padded / 2);
        t.paired_dout = PIECE(even * t.padded / 2);
        t.paired_scores = PIECE(even * KEYS / 2);
    }
#undef PIECE
    for (long i = 0; i < t.queries; i++) {
        const float *q = a->q + (t.row_begin + i / t.group) * t.q_stride + (kv_head * t.group + i % t.group) * t.width;
        pack_row(q, t.width, t.padded, a->scale, t.q + i * t.padded);
    }
    if (t.pairs) narrow_rows(t.q, t.queries, t.padded, t.padded, t.narrow_q);
    if (t.rounds) round_rows(t.q, t.queries, t.padded, t.padded);
    return t;
}

// The part of a key tile [first, first + count) that query row i of the tile may see: columns low..<high.
INLINE void visible_columns(
    const ck_attention *a, const attention_tile *t, long i, long first, long count, long *low, long *high
) {
    long visible = t->first_visible + i / t->group;
    *high = visible - first < count ? visible - first : count;
    *low = a->window > 0 && visible - a->window > first ? visible - a->window - first : 0;
}

// Scores of a key tile: to[i, j] = from[i] · packed[:, j]. Near the diagonal the first queries see fewer keys than the last, so
// the products go in bands of queries, each as wide as its last query sees. Columns beyond are left as they are.
#define BAND 12
static void score_product(
    const ck_attention *a, const attention_tile *t, const float *from, const float *packed, long first, long count, float *to
) {
    long depth = t->pairs ? t->padded / 2 : t->padded;
    for (long i = 0; i < t->queries; i += BAND) {
        long rows = t->queries - i < BAND ? t->queries - i : BAND, low, high;
        visible_columns(a, t, i + rows - 1, first, count, &low, &high);
        if (high <= 0) continue;
        long columns = (high + LANES - 1) / LANES * LANES;
        product(t->pairs, rows, columns, depth, from + i * depth, depth, 1, packed, KEYS, to + i * KEYS, KEYS, false);
    }
}

// to[i] += weights[i, :] · rows, in the same bands; weights beyond what a query sees are zero.
static void weighted_product(
    const ck_attention *a, const attention_tile *t, const float *weights, const float *rows, long stride, long first,
    long count, float *to
) {
    long width = t->pairs ? KEYS / 2 : KEYS;
    for (long i = 0; i < t->queries; i += BAND) {
        long band = t->queries - i < BAND ? t->queries - i : BAND, low, high;
        visible_columns(a, t, i + band - 1, first, count, &low, &high);
        if (high <= 0) continue;
        long depth = t->pairs ? (high + 1) / 2 : high;
        product(
            t->pairs, band, t->padded, depth, weights + i * width, width, 1, rows, stride, to + i * t->padded, t->padded, true);
    }
}

// to[j] (+)= Σ over queries of weights[i, j] · from[i], for the keys of a tile; both sides paired over queries.
static void key_product(
    const attention_tile *t, const float *weights, const float *from, long count, float *to, long stride, bool accumulate
) {
    long depth = t->pairs ? (t->queries + 1) / 2 : t->queries;
    product(t->pairs, count, t->padded, depth, weights, 1, KEYS, from, t->padded, to, stride, accumulate);
}

// Walks the key tiles that some query of the tile may see.
#define FOR_EACH_KEY_TILE(a, t, task)                                                                                   \
    long seen_ = 0, last_ = (t).first_visible + ((t).queries - 1) / (t).group;                                          \
    long oldest_ = (a)->window > 0 ? (t).first_visible - (a)->window : 0;                                               \
    for (long span_ = 0; span_ < (a)->tasks[task].span_count; seen_ += (a)->spans[(a)->tasks[task].span_begin + span_].count, span_++) \
        for (long at_ = 0; at_ < (a)->spans[(a)->tasks[task].span_begin + span_].count; at_ += KEYS)
#define KEY_TILE(a, task)                                                                   \
    ck_attention_span s_ = (a)->spans[(a)->tasks[task].span_begin + span_];                 \
    long count = s_.count - at_ < KEYS ? s_.count - at_ : KEYS, first = seen_ + at_;        \
    if (first >= last_ || first + count <= oldest_) continue;                               \
    long key_row = s_.row + at_, columns = (count + LANES - 1) / LANES * LANES

static void attention_forward(
    const ck_attention *a, long task, long query_begin, long query_end, long kv_head, void *out, ck_type out_type,
    float *log_sum_exp, float *scratch
) {
    attention_tile t = open_tile(a, task, query_begin, query_end, kv_head, scratch);
    memset(t.out, 0, (unsigned long)(t.queries * t.padded) * 4);
    for (long i = 0; i < t.queries; i++) {
        t.peak[i] = -INFINITY;
        store(t.total + i * LANES, splat(0));
    }
    FOR_EACH_KEY_TILE(a, t, task) {
        KEY_TILE(a, task);
        const float *keys = a->k + key_row * t.kv_stride + kv_head * t.width;
        pack_transposed(t.pairs, t.rounds, keys, t.kv_stride, count, t.width, t.padded, t.keys);
        score_product(a, &t, t.narrow_q, t.keys, first, count, t.scores);
        for (long i = 0; i < t.queries; i++) {
            float *s = t.scores + i * KEYS;
            long low, high;
            visible_columns(a, &t, i, first, count, &low, &high);
            for (long j = 0; j < low && j < columns; j++) s[j] = -INFINITY;
            for (long j = high < 0 ? 0 : high; j < columns; j++) s[j] = -INFINITY;
            lanes highest = splat(-INFINITY);
            for (long j = 0; j < columns; j += LANES) highest = maximum(highest, load(s + j));
            float peak = lane_maximum(highest);
            if (peak > t.peak[i]) {
                // A new highest score: what was summed so far shrinks.
                float correction = t.peak[i] == -INFINITY ? 0 : expf(t.peak[i] - peak);
                store(t.total + i * LANES, load(t.total + i * LANES) * splat(correction));
                scale_row(t.out + i * t.padded, t.out + i * t.padded, correction, t.padded);
                t.peak[i] = peak;
            }
            // With no key seen yet the peak is −∞ and any finite stand-in makes every weight zero.
            lanes shift = splat(t.peak[i] == -INFINITY ? 0 : t.peak[i]), total = load(t.total + i * LANES);
            for (long j = 0; j < columns; j += LANES) {
                lanes weight = exponential(load(s + j) - shift);
                store(s + j, weight);
                total += weight;
            }
            store(t.total + i * LANES, total);
        }
        long stride = t.kv_stride;
        const float *values =
            key_rows(t.pairs, t.rounds, a->v + key_row * stride + kv_head * t.width, &stride, count, t.width, t.padded, t.values);
        if (t.pairs) narrow_rows(t.scores, t.queries, columns, KEYS, t.narrow_scores);
        if (t.rounds) round_rows(t.scores, t.queries, columns, KEYS);
        weighted_product(a, &t, t.narrow_scores, values, stride, first, count, t.out);
    }
    for (long i = 0; i < t.queries; i++) {
        long row = t.row_begin + i / t.group, head = kv_head * t.group + i % t.group;
        float *o = t.out + i * t.padded, total = lane_sum(load(t.total + i * LANES));
        scale_row(o, o, 1 / total, t.padded);
        convert(o, CK_F32, (char *)out + (row * t.q_stride + head * t.width) * type_bytes(out_type), out_type, t.width);
        if (log_sum_exp) log_sum_exp[row * a->heads + head] = t.peak[i] + logf(total);
    }
}

// The gradient's memory of key row `row`, of dk or dv, and how many of the next `count` rows lie behind it.
INLINE float *gradient_rows(const ck_key_gradients *g, int which, long row, long count, long stride, long *run) {
    int32_t place = g->places[row], step = place < 0 ? -1 : 1;
    for (*run = 1; *run < count && g->places[row + *run] == place + step * (int32_t)*run;) ++*run;
    if (place < 0) return (which == 0 ? g->private_dk : g->private_dv) + (-1 - (long)place) * stride;
    return (which == 0 ? g->dk : g->dv) + (long)place * stride;
}

// With P = softmax(S), dP = dO·Vᵀ, δ = Σ dO·O: dS = P·(dP − δ), dQ = scale·dS·K, dK = dSᵀ·(scale·Q), dV = Pᵀ·dO.
static void attention_backward(
    const ck_attention *a, long task, long query_begin, long query_end, long kv_head, const void *out, ck_type out_type,
    const float *log_sum_exp, const float *dout, float *dq, const ck_key_gradients *gradients, float *scratch
) {
    attention_tile t = open_tile(a, task, query_begin, query_end, kv_head, scratch);
    memset(t.dq, 0, (unsigned long)(t.queries * t.padded) * 4);
    for (long i = 0; i < t.queries; i++) {
        long row = t.row_begin + i / t.group, head = kv_head * t.group + i % t.group;
        long at = row * t.q_stride + head * t.width;
        pack_row(dout + at, t.width, t.padded, 1, t.dout + i * t.padded);
        float *o = t.out + i * t.padded;
        store(o + t.padded - LANES, splat(0));
        convert((const char *)out + at * type_bytes(out_type), out_type, o, CK_F32, t.width);
        lanes delta = splat(0);
        for (long j = 0; j < t.padded; j += LANES) delta = fused(load(o + j), load(t.dout + i * t.padded + j), delta);
        t.delta[i] = lane_sum(delta);
        t.peak[i] = log_sum_exp[row * a->heads + head];
    }
    if (t.pairs) {
        narrow_rows(t.dout, t.queries, t.padded, t.padded, t.narrow_dout);
        pair_rows(t.q, t.queries, t.padded, t.padded, t.paired_q);
        pair_rows(t.dout, t.queries, t.padded, t.padded, t.paired_dout);
    }
    if (t.rounds) round_rows(t.dout, t.queries, t.padded, t.padded);
    FOR_EACH_KEY_TILE(a, t, task) {
        KEY_TILE(a, task);
        long offset = key_row * t.kv_stride + kv_head * t.width;
        pack_transposed(t.pairs, t.rounds, a->k + offset, t.kv_stride, count, t.width, t.padded, t.keys);
        score_product(a, &t, t.narrow_q, t.keys, first, count, t.scores);
        pack_transposed(t.pairs, t.rounds, a->v + offset, t.kv_stride, count, t.width, t.padded, t.values);
        score_product(a, &t, t.narrow_dout, t.values, first, count, t.dscores);
        for (long i = 0; i < t.queries; i++) {
            float *p = t.scores + i * KEYS, *ds = t.dscores + i * KEYS;
            long low, high;
            visible_columns(a, &t, i, first, count, &low, &high);
            for (long j = 0; j < low && j < columns; j++) p[j] = -INFINITY;
            for (long j = high < 0 ? 0 : high; j < columns; j++) p[j] = -INFINITY;
            // Masked columns hold no derivative either, whatever was there.
            for (long j = 0; j < columns; j += LANES) {
                lanes probability = exponential(load(p + j) - splat(t.peak[i]));
                store(p + j, probability);
                lanes slope = probability * (load(ds + j) - splat(t.delta[i]));
                store(ds + j, (lanes)((lanes_i32)slope & (probability > splat(0))));
            }
        }
        long stride = t.kv_stride;
        const float *keys = key_rows(t.pairs, t.rounds, a->k + offset, &stride, count, t.width, t.padded, t.rows);
        if (t.pairs) narrow_rows(t.dscores, t.queries, columns, KEYS, t.narrow_scores);
        if (t.rounds) round_rows(t.scores, t.queries, columns, KEYS), round_rows(t.dscores, t.queries, columns, KEYS);
        weighted_product(a, &t, t.pairs ? t.narrow_scores : t.dscores, keys, stride, first, count, t.dq);
        // dK, then dV, for the keys that some query sees: straight into place when no padding has to be dropped.
        long low, reach;
        visible_columns(a, &t, t.queries - 1, first, count, &low, &reach);
        for (int which = 0; which < 2; which++) {
            float *weights = which == 0 ? t.dscores : t.scores;
            const float *from = which == 0 ? t.paired_q : t.paired_dout;
            if (t.pairs) {
                pair_rows(weights, t.queries, columns, KEYS, t.paired_scores);
                weights = t.paired_scores;
            }
            for (long j = 0, run; j < reach; j += run) {
                float *to = gradient_rows(gradients, which, key_row + j, reach - j, t.kv_stride, &run) + kv_head * t.width;
                if (t.width == t.padded) {
                    key_product(&t, weights + j, from, run, to, t.kv_stride, true);
                    continue;
                }
                float *space = t.rows + KEYS * t.padded;
                key_product(&t, weights + j, from, run, space, t.padded, false);
                for (long i = 0; i < run; i++) add_scaled(to + i * t.kv_stride, space + i * t.padded, 1, t.width);
            }
        }
    }
    for (long i = 0; i < t.queries; i++) {
        long row = t.row_begin + i / t.group, head = kv_head * t.group + i % t.group;
        scale_row(dq + row * t.q_stride + head * t.width, t.dq + i * t.padded, a->scale, t.width);
    }
}
