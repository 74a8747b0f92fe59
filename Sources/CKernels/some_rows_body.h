// Products of bfloat16 with more rows than few_rows is for, and too few to pay for laying a whole weight out anew, as oneDNN
// does: 64 activations that are explained together. Included behind attention_body.h, whose register tile it uses.

// to[p, i] = the pairs p of row i of `from`, for `depth` pairs of `count` rows; zero up to whole lanes of rows.
INLINE void pack_panel(const float *from, long stride, long count, long depth, float *to) {
    for (long i = 0; i < count; i += LANES)
        for (long p = 0; p < depth; p += LANES) {
            float *out = to + p * CK_PANEL + i;
            lanes block[LANES];
            transposed_block(from + i * stride + p, stride, count - i, depth - p, block);
            if (depth - p >= LANES) {
                _Pragma("unroll") for (int r = 0; r < LANES; r++) store(out + r * CK_PANEL, block[r]);
            } else {
                for (int r = 0; r < depth - p; r++) store(out + r * CK_PANEL, block[r]);
            }
        }
}

// Columns begin..<end of the job, whose A and B are bfloat16 with even k and strides; `scratch` holds CK_SOME_SCRATCH floats.
static void some_rows(const ck_matmul *job, long begin, long end, float *scratch) {
    const float *a = job->a, *b = job->b, *bias = job->bias;
    long pairs = job->k / 2, a_stride = job->a_stride / 2, b_stride = job->b_stride / 2;
    float *panel = scratch, *sums = scratch + CK_PANEL * CK_PANEL_PAIRS;
    for (long n = begin; n < end; n += CK_PANEL) {
        long count = end - n < CK_PANEL ? end - n : CK_PANEL, columns = (count + LANES - 1) / LANES * LANES;
        for (long p = 0; p < pairs; p += CK_PANEL_PAIRS) {
            bool last = p + CK_PANEL_PAIRS >= pairs;
            long depth = last ? pairs - p : CK_PANEL_PAIRS;
            pack_panel(b + n * b_stride + p, b_stride, count, depth, panel);
            // What is packed next comes from memory meanwhile: a few lines for each tile of rows.
            const float *next = last ? b + (n + CK_PANEL) * b_stride : b + n * b_stride + p + CK_PANEL_PAIRS;
            long next_depth = last ? pairs : pairs - p - CK_PANEL_PAIRS;
            long lines = (next_depth < CK_PANEL_PAIRS ? next_depth : CK_PANEL_PAIRS) / LANES * CK_PANEL, line = 0;
            if (last && n + CK_PANEL >= end) lines = 0;
            for (long m = 0; m < job->m; m += PRODUCT_ROWS) {
                long rows = job->m - m < PRODUCT_ROWS ? job->m - m : PRODUCT_ROWS;
                for (long until = lines * (m + rows) / job->m; line < until; line++)
                    __builtin_prefetch(next + line % CK_PANEL * b_stride + line / CK_PANEL * LANES, 0, 2);
                product_of(
                    true, rows, columns, depth, a + m * a_stride + p, a_stride, 1, panel, CK_PANEL, sums + m * CK_PANEL, CK_PANEL,
                    p > 0);
            }
        }
        for (long m = 0; m < job->m; m++) {
            char *to = (char *)job->c + (m * job->c_stride + n) * type_bytes(job->c_type);
            for (long i = 0; i < count; i += LANES) {
                lanes sum = load(sums + m * CK_PANEL + i);
                if (count - i >= LANES) {
                    if (bias) sum += load(bias + n + i);
                    if (job->accumulate) sum += load_as(to, job->c_type, i);
                    store_as(to, job->c_type, i, sum);
                } else {
                    if (bias) sum += load_some(bias + n, CK_F32, i, count - i, 0);
                    if (job->accumulate) sum += load_some(to, job->c_type, i, count - i, 0);
                    store_some(to, job->c_type, i, count - i, sum);
                }
            }
        }
    }
}
