// Products with few rows, written once in `lanes` and compiled by each kernels_*.c for its instruction set.

// Dot products for a few rows of A: each weight is read once and used for all of them. `a` is A in float32, [m, k].
//
// The memory is the limit: one or two long streams per thread, with a hint two pages ahead, read fastest (measured: eight
// streams reach half of it). Several accumulators per stream keep the adders busy meanwhile.
#define HINT_BYTES 8192

INLINE void few_rows_tile(
    const ck_matmul *job, ck_type type, const float *a, long m0, const int rows, long n0, const int columns, const int unroll
) {
    lanes sums[2][4][4];
    long k = job->k, stride = job->b_stride * type_bytes(type), i = 0;
    const char *b = (const char *)job->b + n0 * stride;
    _Pragma("unroll") for (int c = 0; c < columns; c++)
        _Pragma("unroll") for (int r = 0; r < rows; r++)
            _Pragma("unroll") for (int u = 0; u < unroll; u++) sums[c][r][u] = splat(0);
    for (; i + unroll * LANES <= k; i += unroll * LANES)
        _Pragma("unroll") for (int c = 0; c < columns; c++) {
            const char *at = b + c * stride;
            for (long line = 0; line < unroll * LANES * type_bytes(type); line += 64)
                __builtin_prefetch(at + i * type_bytes(type) + line + HINT_BYTES, 0, 3);
            _Pragma("unroll") for (int u = 0; u < unroll; u++) {
                lanes w = load_as(at, type, i + u * LANES);
                _Pragma("unroll") for (int r = 0; r < rows; r++)
                    sums[c][r][u] = fused(w, load(a + (m0 + r) * k + i + u * LANES), sums[c][r][u]);
            }
        }
    for (int c = 0; c < columns; c++)
        for (int r = 0; r < rows; r++) {
            lanes sum = sums[c][r][0];
            for (int u = 1; u < unroll; u++) sum += sums[c][r][u];
            float total = lane_sum(sum);
            for (long j = i; j < k; j++) total += get_as(b + c * stride, type, j) * a[(m0 + r) * k + j];
            if (job->bias) total += job->bias[n0 + c];
            long at = (m0 + r) * job->c_stride + n0 + c;
            if (job->accumulate) total += get_as(job->c, job->c_type, at);
            set_as(job->c, job->c_type, at, total);
        }
}

INLINE void few_rows_typed(const ck_matmul *job, ck_type type, const float *a, long begin, long end) {
    long n = begin;
    if (job->m == 1) {
        for (; n < end; n++) few_rows_tile(job, type, a, 0, 1, n, 1, 4);
        return;
    }
    for (; n + 2 <= end; n += 2) {
        long m = 0;
        for (; m + 4 <= job->m; m += 4) few_rows_tile(job, type, a, m, 4, n, 2, 2);
        if (m + 2 <= job->m) few_rows_tile(job, type, a, m, 2, n, 2, 2), m += 2;
        if (m < job->m) few_rows_tile(job, type, a, m, 1, n, 2, 2);
    }
    for (; n < end; n++)
        for (long m = 0; m < job->m; m++) few_rows_tile(job, type, a, m, 1, n, 1, 4);
}

static void few_rows(const ck_matmul *job, const float *a, long begin, long end) {
    if (job->b_type == CK_BF16) few_rows_typed(job, CK_BF16, a, begin, end);
    else if (job->b_type == CK_F32) few_rows_typed(job, CK_F32, a, begin, end);
    else few_rows_typed(job, CK_F16, a, begin, end);
}
