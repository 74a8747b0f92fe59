// What a core can do at most with these instructions, for the limits that `nla bench` sets its workloads beside. Compiled by each
// kernels_*.c for its instruction set, behind attention_body.h.

// As many sums as the register tile of products has: enough for the latency of the instruction, few enough for the registers.
#define LIMIT_SUMS (PRODUCT_ROWS * PRODUCT_GROUPS)
// Long enough that the clock is read seldom, well below a millisecond.
#define LIMIT_ROUNDS 20000

// Multiplies and adds in registers alone, numbers or pairs of bfloat16, and returns the operations: a multiplication and an addition are two.
// `sink` keeps the compiler from leaving the work out.
INLINE double limit_arithmetic(const bool pairs, float *sink) {
    lanes sums[LIMIT_SUMS], a = splat(sink[0]), b = splat(sink[1]);
    _Pragma("unroll") for (int i = 0; i < LIMIT_SUMS; i++) sums[i] = splat((float)i);
    for (long round = 0; round < LIMIT_ROUNDS; round++)
        _Pragma("unroll") for (int i = 0; i < LIMIT_SUMS; i++)
#if NATIVE_BF16
            sums[i] = pairs ? fused_pairs(a, b, sums[i]) : fused(a, b, sums[i]);
#else
            sums[i] = fused(a, b, sums[i]);
#endif
    lanes total = sums[0];
    for (int i = 1; i < LIMIT_SUMS; i++) total += sums[i];
    sink[2] = lane_sum(total);
    return (pairs ? 4.0 : 2.0) * LIMIT_ROUNDS * LIMIT_SUMS * LANES;
}
static double limit_multiply_adds(float *sink) { return limit_arithmetic(false, sink); }
#if NATIVE_BF16
static double limit_pair_products(float *sink) { return limit_arithmetic(true, sink); }
#endif

// Reads `count` floats in one stream, with the hint of few_rows_body.h. `count` is a multiple of 64.
static float limit_read(const float *x, long count) {
    lanes sums[4] = {splat(0), splat(0), splat(0), splat(0)};
    for (long i = 0; i < count; i += 4 * LANES) {
        _Pragma("unroll") for (int u = 0; u < 4; u++) {
            __builtin_prefetch((const char *)(x + i + u * LANES) + HINT_BYTES, 0, 3);
            sums[u] += load(x + i + u * LANES);
        }
    }
    return lane_sum((sums[0] + sums[1]) + (sums[2] + sums[3]));
}
