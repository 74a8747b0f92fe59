// Row kernels, written once in `lanes` and compiled by each kernels_*.c for its instruction set.

INLINE void convert_typed(const void *from, ck_type from_type, void *to, ck_type to_type, long count) {
    long i = 0;
    for (; i + LANES <= count; i += LANES) {
        lanes x = load_as(from, from_type, i);
        if (to_type == CK_BF16) store_bf16((uint16_t *)to + i, narrowed_exactly(x));
        else store_as(to, to_type, i, x);
    }
    for (; i < count; i++) set_as(to, to_type, i, get_as(from, from_type, i));
}

static void convert(const void *from, ck_type from_type, void *to, ck_type to_type, long count) {
    if (from_type == to_type) memcpy(to, from, (unsigned long)(count * type_bytes(from_type)));
    else if (from_type == CK_F32 && to_type == CK_BF16) convert_typed(from, CK_F32, to, CK_BF16, count);
    else if (from_type == CK_BF16 && to_type == CK_F32) convert_typed(from, CK_BF16, to, CK_F32, count);
    else if (from_type == CK_F16 && to_type == CK_F32) convert_typed(from, CK_F16, to, CK_F32, count);
    else if (from_type == CK_F16) convert_typed(from, CK_F16, to, CK_BF16, count);
    else if (from_type == CK_F32) convert_typed(from, CK_F32, to, CK_F16, count);
    else convert_typed(from, CK_BF16, to, CK_F16, count);
}

static void add_scaled(float *y, const float *x, float scale, long count) {
    long i = 0;
    lanes s = splat(scale);
    for (; i + LANES <= count; i += LANES) store(y + i, fused(s, load(x + i), load(y + i)));
    for (; i < count; i++) y[i] += scale * x[i];
}

static void scale_row(float *y, const float *x, float scale, long count) {
    long i = 0;
    lanes s = splat(scale);
    for (; i + LANES <= count; i += LANES) store(y + i, s * load(x + i));
    for (; i < count; i++) y[i] = scale * x[i];
}

static double sum_of_squares(const float *x, long count) {
    double total = 0;
    // Short runs in float32, their sums in float64: as exact as the input deserves.
    for (long begin = 0; begin < count; begin += 1024) {
        long end = begin + 1024 < count ? begin + 1024 : count, i = begin;
        lanes a = splat(0), b = splat(0);
        for (; i + 2 * LANES <= end; i += 2 * LANES) {
            lanes u = load(x + i), v = load(x + i + LANES);
            a = fused(u, u, a);
            b = fused(v, v, b);
        }
        float rest = 0;
        for (; i < end; i++) rest += x[i] * x[i];
        total += (double)(lane_sum(a + b) + rest);
    }
    return total;
}

static long first_nonfinite(const void *x, ck_type type, long count) {
    long i = 0;
    for (; i + LANES <= count; i += LANES) {
        // x − x is 0 for numbers, NaN for NaN and infinities.
        lanes v = load_as(x, type, i);
        float s = lane_sum(v - v);
        if (s != s) break;
    }
    for (; i < count; i++) {
        float v = get_as(x, type, i);
        if (v - v != v - v) return i;
    }
    return -1;
}

static void column_sums(const void *x, ck_type type, long rows, long width, long begin, long end, float *sums) {
    for (long j = begin; j < end; j += LANES) {
        long n = end - j < LANES ? end - j : LANES;
        lanes total = splat(0);
        for (long r = 0; r < rows; r++)
            total += n == LANES ? load_as(x, type, r * width + j) : load_some(x, type, r * width + j, n, 0);
        store_some(sums, CK_F32, j, n, total + load_some(sums, CK_F32, j, n, 0));
    }
}

static void embed_row(const void *table, ck_type type, long id, long width, float scale, float *out) {
    long i = 0;
    for (; i + LANES <= width; i += LANES) store(out + i, load_as(table, type, id * width + i) * splat(scale));
    for (; i < width; i++) out[i] = get_as(table, type, id * width + i) * scale;
}

INLINE void rms_norm_typed(
    const float *x, const void *weight, ck_type weight_type, float offset, float eps, long width, void *y,
    ck_type y_type, float *inverse_rms
) {
    lanes squares = splat(0);
    float rest = 0;
    long i = 0;
    for (; i + LANES <= width; i += LANES) {
        lanes v = load(x + i);
        squares = fused(v, v, squares);
    }
    for (; i < width; i++) rest += x[i] * x[i];
    float inverse = 1.0f / sqrtf((lane_sum(squares) + rest) / (float)width + eps);
    for (i = 0; i + LANES <= width; i += LANES)
        store_as(y, y_type, i, load(x + i) * splat(inverse) * (load_as(weight, weight_type, i) + splat(offset)));
    for (; i < width; i++) set_as(y, y_type, i, x[i] * inverse * (get_as(weight, weight_type, i) + offset));
    if (inverse_rms) *inverse_rms = inverse;
}

static void rms_norm_row(
    const float *x, const void *weight, ck_type weight_type, float offset, float eps, long width, void *y,
    ck_type y_type, float *inverse_rms
) {
    if (weight_type == CK_BF16 && y_type == CK_BF16)
        rms_norm_typed(x, weight, CK_BF16, offset, eps, width, y, CK_BF16, inverse_rms);
    else if (weight_type == CK_F32 && y_type == CK_F32)
        rms_norm_typed(x, weight, CK_F32, offset, eps, width, y, CK_F32, inverse_rms);
    else rms_norm_typed(x, weight, weight_type, offset, eps, width, y, y_type, inverse_rms);
}

// With n = x·s, s = 1/rms, g = dy·(w + offset): dx = s·(g − n·mean(g·n)), dw = dy·n.
static void rms_norm_backward_row(
    const float *dy, const float *x, const void *weight, ck_type weight_type, float offset, float inverse_rms,
    long width, float *dx, bool accumulate_dx, float *dweight
) {
    lanes dots = splat(0), inverse = splat(inverse_rms), shift = splat(offset);
    float rest = 0;
    long i = 0;
    for (; i + LANES <= width; i += LANES)
        dots = fused(load(dy + i) * (load_as(weight, weight_type, i) + shift), load(x + i), dots);
    for (; i < width; i++) rest += dy[i] * (get_as(weight, weight_type, i) + offset) * x[i];
    float mean = (lane_sum(dots) + rest) * inverse_rms / (float)width;
    for (i = 0; i + LANES <= width; i += LANES) {
        lanes n = load(x + i) * inverse, d = load(dy + i);
        lanes value = inverse * (d * (load_as(weight, weight_type, i) + shift) - n * splat(mean));
        store(dx + i, accumulate_dx ? load(dx + i) + value : value);
        if (dweight) store(dweight + i, fused(d, n, load(dweight + i)));
    }
    for (; i < width; i++) {
        float n = x[i] * inverse_rms;
        float value = inverse_rms * (dy[i] * (get_as(weight, weight_type, i) + offset) - n * mean);
        dx[i] = accumulate_dx ? dx[i] + value : value;
        if (dweight) dweight[i] += dy[i] * n;
    }
}

static void rotate_row(float *x, const float *cosine, const float *sine, long heads, long width, float direction) {
    long half = width / 2;
    for (long h = 0; h < heads; h++) {
        float *first = x + h * width, *second = first + half;
        long i = 0;
        for (; i + LANES <= half; i += LANES) {
            lanes a = load(first + i), b = load(second + i), c = load(cosine + i), s = load(sine + i) * splat(direction);
            store(first + i, a * c - b * s);
            store(second + i, b * c + a * s);
        }
        for (; i < half; i++) {
            float a = first[i], b = second[i], s = sine[i] * direction;
            first[i] = a * cosine[i] - b * s;
            second[i] = b * cosine[i] + a * s;
        }
    }
}

// activation(x) and its derivative.
INLINE lanes activate(lanes x, ck_activation activation, lanes *slope) {
    lanes one = splat(1.0f), half = splat(0.5f);
    if (activation == CK_SILU) {
        lanes sigmoid = one / (one + exponential(-x));
        *slope = sigmoid * fused(x, one - sigmoid, one);
        return x * sigmoid;
    }
    if (activation == CK_GELU_TANH) {
        const float root = 0.7978845608028654f, cubic = 0.044715f;  // √(2/π), Hendrycks & Gimpel 2016
        lanes square = x * x;
        lanes t = hyperbolic_tangent(splat(root) * x * fused(splat(cubic), square, one));
        *slope = half * (one + t) + half * x * (one - t * t) * splat(root) * fused(splat(3 * cubic), square, one);
        return half * x * (one + t);
    }
    float in[LANES], cumulative[LANES];
    store(in, x);
    for (int i = 0; i < LANES; i++) cumulative[i] = 0.5f * (1.0f + erff(in[i] * 0.70710678f));
    lanes c = load(cumulative);
    *slope = fused(x * splat(0.3989422804f), exponential(splat(-0.5f) * x * x), c);
    return x * c;
}

INLINE void gated_typed(
    const void *gate, const void *up, ck_type in_type, ck_activation activation, long count, void *out, ck_type out_type
) {
    lanes slope;
    long i = 0;
    for (; i + LANES <= count; i += LANES)
        store_as(out, out_type, i, activate(load_as(gate, in_type, i), activation, &slope) * load_as(up, in_type, i));
    if (i < count) {
        long n = count - i;
        lanes value = activate(load_some(gate, in_type, i, n, 0), activation, &slope);
        store_some(out, out_type, i, n, value * load_some(up, in_type, i, n, 0));
    }
}

static void gated(
    const void *gate, const void *up, ck_type in_type, ck_activation activation, long count, void *out, ck_type out_type
) {
    if (in_type == CK_BF16 && out_type == CK_BF16 && activation == CK_SILU)
        gated_typed(gate, up, CK_BF16, CK_SILU, count, out, CK_BF16);
    else if (in_type == CK_F32 && out_type == CK_F32 && activation == CK_SILU)
        gated_typed(gate, up, CK_F32, CK_SILU, count, out, CK_F32);
    else gated_typed(gate, up, in_type, activation, count, out, out_type);
}

INLINE void gated_backward_typed(
    const float *dout, const void *gate, const void *up, ck_type in_type, ck_activation activation, long count,
    void *dgate, void *dup
) {
    lanes slope;
    long i = 0;
    for (; i + LANES <= count; i += LANES) {
        lanes d = load(dout + i), u = load_as(up, in_type, i);
        lanes value = activate(load_as(gate, in_type, i), activation, &slope);
        store_as(dup, in_type, i, d * value);
        store_as(dgate, in_type, i, d * u * slope);
    }
    if (i < count) {
        long n = count - i;
        lanes d = load_some(dout, CK_F32, i, n, 0), u = load_some(up, in_type, i, n, 0);
        lanes value = activate(load_some(gate, in_type, i, n, 0), activation, &slope);
        store_some(dup, in_type, i, n, d * value);
        store_some(dgate, in_type, i, n, d * u * slope);
    }
}

static void gated_backward(
    const float *dout, const void *gate, const void *up, ck_type in_type, ck_activation activation, long count,
    void *dgate, void *dup
) {
    if (in_type == CK_BF16 && activation == CK_SILU)
        gated_backward_typed(dout, gate, up, CK_BF16, CK_SILU, count, dgate, dup);
    else gated_backward_typed(dout, gate, up, in_type, activation, count, dgate, dup);
}

static float row_maximum(const float *x, long count) {
    lanes a = splat(-INFINITY), b = a;
    long i = 0;
    for (; i + 2 * LANES <= count; i += 2 * LANES) {
        a = maximum(a, load(x + i));
        b = maximum(b, load(x + i + LANES));
    }
    float m = lane_maximum(maximum(a, b));
    for (; i < count; i++) m = x[i] > m ? x[i] : m;
    return m;
}

static double exponentials(const float *x, float shift, float scale, long count, float *out) {
    double total = 0;
    for (long begin = 0; begin < count; begin += 4096) {
        long end = begin + 4096 < count ? begin + 4096 : count, i = begin;
        lanes sum = splat(0);
        for (; i + LANES <= end; i += LANES) {
            lanes e = exponential((load(x + i) - splat(shift)) * splat(scale));
            store(out + i, e);
            sum += e;
        }
        if (i < end) {
            lanes e = exponential((load_some(x, CK_F32, i, end - i, -INFINITY) - splat(shift)) * splat(scale));
            store_some(out, CK_F32, i, end - i, e);
            sum += e;
        }
        total += (double)lane_sum(sum);
    }
    return total;
}

static float softmax_row(const float *logits, long target, long width, void *probabilities, ck_type type) {
    float peak = row_maximum(logits, width), chosen = logits[target];
    double total = 0;
    for (long begin = 0; begin < width; begin += 4096) {
        long end = begin + 4096 < width ? begin + 4096 : width, i = begin;
        lanes sum = splat(0);
        for (; i + LANES <= end; i += LANES) sum += exponential(load(logits + i) - splat(peak));
        if (i < end) sum += exponential(load_some(logits, CK_F32, i, end - i, -INFINITY) - splat(peak));
        total += (double)lane_sum(sum);
    }
    float log_sum_exp = peak + (float)log(total);
    if (probabilities) {
        long i = 0;
        if (type == CK_BF16)
            for (; i + LANES <= width; i += LANES)
                store_as(probabilities, CK_BF16, i, exponential(load(logits + i) - splat(log_sum_exp)));
        for (; i + LANES <= width; i += LANES)
            store_as(probabilities, type, i, exponential(load(logits + i) - splat(log_sum_exp)));
        if (i < width) {
            lanes rest = load_some(logits, CK_F32, i, width - i, 0);
            store_some(probabilities, type, i, width - i, exponential(rest - splat(log_sum_exp)));
        }
    }
    return chosen - log_sum_exp;
}

static void softmax_backward_row(
    void *probabilities, ck_type type, long target, float log_probability, float coefficient, long width
) {
    long i = 0;
    lanes c = splat(-coefficient);
    for (; i + LANES <= width; i += LANES) store_as(probabilities, type, i, c * load_as(probabilities, type, i));
    for (; i < width; i++) set_as(probabilities, type, i, -coefficient * get_as(probabilities, type, i));
    set_as(probabilities, type, target, -coefficient * expm1f(log_probability));
}
