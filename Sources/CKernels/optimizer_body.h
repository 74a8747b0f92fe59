// AdamW, written once in `lanes` and compiled by each kernels_*.c for its instruction set.

typedef struct {
    lanes rate_over_correction, root_correction, beta1, beta2, rest1, rest2, eps, decay, scale;
} adamw_lanes;

INLINE adamw_lanes adamw_constants(const ck_adamw *o) {
    double correction1 = 1 - pow((double)o->beta1, (double)o->step), correction2 = 1 - pow((double)o->beta2, (double)o->step);
    return (adamw_lanes){
        splat((float)((double)o->learning_rate / correction1)), splat((float)(1 / sqrt(correction2))), splat(o->beta1),
        splat(o->beta2), splat(1 - o->beta1), splat(1 - o->beta2), splat(o->eps),
        splat(1 - o->learning_rate * o->weight_decay), splat(o->gradient_scale)};
}

INLINE lanes adamw_update(const adamw_lanes *c, lanes weight, lanes gradient, lanes *m, lanes *v) {
    gradient *= c->scale;
    *m = fused(c->beta1, *m, c->rest1 * gradient);
    *v = fused(c->beta2, *v, c->rest2 * gradient * gradient);
    lanes root = __builtin_elementwise_sqrt(*v) * c->root_correction + c->eps;
    return weight * c->decay - c->rate_over_correction * *m / root;
}

static void adamw_f32(const ck_adamw *o, float *weight, const float *gradient, float *m, float *v, long count) {
    adamw_lanes c = adamw_constants(o);
    for (long i = 0; i < count; i += LANES) {
        long n = count - i < LANES ? count - i : LANES;
        bool whole = n == LANES;
        lanes mi = whole ? load(m + i) : load_some(m, CK_F32, i, n, 0);
        lanes vi = whole ? load(v + i) : load_some(v, CK_F32, i, n, 0);
        lanes wi = whole ? load(weight + i) : load_some(weight, CK_F32, i, n, 0);
        lanes gi = whole ? load(gradient + i) : load_some(gradient, CK_F32, i, n, 0);
        wi = adamw_update(&c, wi, gi, &mi, &vi);
        if (whole) {
            store(m + i, mi);
            store(v + i, vi);
            store(weight + i, wi);
        } else {
            store_some(m, CK_F32, i, n, mi);
            store_some(v, CK_F32, i, n, vi);
            store_some(weight, CK_F32, i, n, wi);
        }
    }
}

// Halves of up to LANES weights. The size of a whole vector is written out: a variable one would be a call of the C library.
INLINE void copy_halves(void *to, const void *from, long n) {
    if (n == LANES) __builtin_memcpy(to, from, sizeof(lanes_u16));
    else __builtin_memcpy(to, from, (unsigned long)n * 2);
}

// The master weight is (weight << 16) + low as bits; the upper half is rounded half up, so that the rest fits 16 signed bits.
INLINE lanes join_halves(lanes_u16 upper, lanes_i16 lower) {
    lanes_u32 bits = __builtin_convertvector(upper, lanes_u32) << 16;
    return (lanes)(bits + (lanes_u32)__builtin_convertvector(lower, lanes_i32));
}
INLINE void split_halves(lanes x, lanes_u16 *upper, lanes_i16 *lower) {
    lanes_u32 bits = (lanes_u32)x, high = (bits + 0x8000u) >> 16;
    *upper = __builtin_convertvector(high, lanes_u16);
    *lower = __builtin_convertvector((lanes_i32)(bits - (high << 16)), lanes_i16);
}

static void adamw_bf16(
    const ck_adamw *o, uint16_t *weight, int16_t *low, const float *gradient, float *m, float *v, long count
) {
    adamw_lanes c = adamw_constants(o);
    for (long i = 0; i < count; i += LANES) {
        long n = count - i < LANES ? count - i : LANES;
        lanes_u16 upper = {0};
        lanes_i16 lower = {0};
        copy_halves(&upper, weight + i, n);
        copy_halves(&lower, low + i, n);
        bool whole = n == LANES;
        lanes mi = whole ? load(m + i) : load_some(m, CK_F32, i, n, 0);
        lanes vi = whole ? load(v + i) : load_some(v, CK_F32, i, n, 0);
        lanes gi = whole ? load(gradient + i) : load_some(gradient, CK_F32, i, n, 0);
        lanes wi = adamw_update(&c, join_halves(upper, lower), gi, &mi, &vi);
        split_halves(wi, &upper, &lower);
        copy_halves(weight + i, &upper, n);
        copy_halves(low + i, &lower, n);
        if (whole) {
            store(m + i, mi);
            store(v + i, vi);
        } else {
            store_some(m, CK_F32, i, n, mi);
            store_some(v, CK_F32, i, n, vi);
        }
    }
}

static void decay_bf16(float factor, uint16_t *weight, int16_t *low, long count) {
    for (long i = 0; i < count; i += LANES) {
        long n = count - i < LANES ? count - i : LANES;
        lanes_u16 upper = {0};
        lanes_i16 lower = {0};
        copy_halves(&upper, weight + i, n);
        copy_halves(&lower, low + i, n);
        split_halves(join_halves(upper, lower) * splat(factor), &upper, &lower);
        copy_halves(weight + i, &upper, n);
        copy_halves(low + i, &lower, n);
    }
}
