// The plain kernels: no threads, no vectors, float64 sums. They are what the fast ones are tested against.
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lanes.h"
#include "parallel.h"

void ck_plain_convert(const void *from, ck_type from_type, void *to, ck_type to_type, long count) {
    for (long i = 0; i < count; i++) set_as(to, to_type, i, get_as(from, from_type, i));
}

void ck_plain_matmul(const ck_matmul *job) {
    ck_matmul dense = *job;
    float *unpacked = NULL;
    if (job->stored) {
        const ck_stored *s = job->stored;
        unpacked = ck_allocate(s->rows * s->columns, 4, "a stored matrix");
        ck_plain_unpack_rows(s, NULL, s->rows, unpacked, CK_F32);
        dense.b = unpacked, dense.b_type = CK_F32, dense.b_stride = s->columns;
    }
    const ck_matmul *j = &dense;
    for (long m = 0; m < j->m; m++)
        for (long n = 0; n < j->n; n++) {
            double total = j->bias ? (double)j->bias[n] : 0;
            long at = m * j->c_stride + n;
            for (long k = 0; k < j->k; k++) {
                long a = j->a_transposed ? k * j->a_stride + m : m * j->a_stride + k;
                long b = j->b_transposed ? n * j->b_stride + k : k * j->b_stride + n;
                total += (double)get_as(j->a, j->a_type, a) * (double)get_as(j->b, j->b_type, b);
            }
            if (j->accumulate) total += (double)get_as(j->c, j->c_type, at);
            set_as(j->c, j->c_type, at, (float)total);
        }
    free(unpacked);
}

void ck_plain_rms_norm(
    const float *x, const void *weight, ck_type weight_type, float offset, float eps, long rows, long width, void *y,
    ck_type y_type, float *inverse_rms
) {
    for (long r = 0; r < rows; r++) {
        double squares = 0;
        for (long i = 0; i < width; i++) squares += (double)x[r * width + i] * (double)x[r * width + i];
        double inverse = 1 / sqrt(squares / (double)width + (double)eps);
        for (long i = 0; i < width; i++)
            set_as(
                y, y_type, r * width + i,
                (float)((double)x[r * width + i] * inverse * (double)(get_as(weight, weight_type, i) + offset)));
        if (inverse_rms) inverse_rms[r] = (float)inverse;
    }
}

void ck_plain_rms_norm_backward(
    const float *dy, const float *x, const void *weight, ck_type weight_type, float offset, const float *inverse_rms,
    long rows, long width, float *dx, bool accumulate_dx, float *dweight
) {
    for (long r = 0; r < rows; r++) {
        double s = (double)inverse_rms[r], mean = 0;
        for (long i = 0; i < width; i++)
            mean += (double)dy[r * width + i] * (double)(get_as(weight, weight_type, i) + offset) *
                    (double)x[r * width + i] * s / (double)width;
        for (long i = 0; i < width; i++) {
            long at = r * width + i;
            double n = (double)x[at] * s, g = (double)dy[at] * (double)(get_as(weight, weight_type, i) + offset);
            dx[at] = (float)(s * (g - n * mean)) + (accumulate_dx ? dx[at] : 0);
            if (dweight) dweight[i] += (float)((double)dy[at] * n);
        }
    }
}

void ck_plain_rotate(
    float *x, const int32_t *positions, const float *cosine, const float *sine, long rows, long heads, long width,
    int direction
) {
    long half = width / 2;
    for (long r = 0; r < rows; r++)
        for (long h = 0; h < heads; h++)
            for (long i = 0; i < half; i++) {
                float *first = x + (r * heads + h) * width + i, *second = first + half, a = *first, b = *second;
                float c = cosine[positions[r] * half + i], s = sine[positions[r] * half + i] * (float)direction;
                *first = a * c - b * s;
                *second = b * c + a * s;
            }
}

static double activate(double x, ck_activation activation, double *slope) {
    if (activation == CK_SILU) {
        double sigmoid = 1 / (1 + exp(-x));
        *slope = sigmoid * (1 + x * (1 - sigmoid));
        return x * sigmoid;
    }
    if (activation == CK_GELU_TANH) {
        double root = sqrt(2 / M_PI), t = tanh(root * (x + 0.044715 * x * x * x));
        *slope = 0.5 * (1 + t) + 0.5 * x * (1 - t * t) * root * (1 + 3 * 0.044715 * x * x);
        return 0.5 * x * (1 + t);
    }
    double c = 0.5 * (1 + erf(x / sqrt(2)));
    *slope = c + x * exp(-0.5 * x * x) / sqrt(2 * M_PI);
    return x * c;
}

void ck_plain_gated(
    const void *gate, const void *up, ck_type in_type, ck_activation activation, long count, void *out, ck_type out_type
) {
    double slope;
    for (long i = 0; i < count; i++)
        set_as(
            out, out_type, i,
            (float)(activate((double)get_as(gate, in_type, i), activation, &slope) * (double)get_as(up, in_type, i)));
}

void ck_plain_gated_backward(
    const float *dout, const void *gate, const void *up, ck_type in_type, ck_activation activation, long count,
    void *dgate, void *dup
) {
    for (long i = 0; i < count; i++) {
        double slope, value = activate((double)get_as(gate, in_type, i), activation, &slope);
        float u = get_as(up, in_type, i);
        set_as(dup, in_type, i, (float)((double)dout[i] * value));
        set_as(dgate, in_type, i, (float)((double)dout[i] * (double)u * slope));
    }
}

void ck_plain_token_log_probabilities(
    const float *logits, const int32_t *targets, long rows, long width, float *log_probability, void *probabilities,
    ck_type type
) {
    for (long r = 0; r < rows; r++) {
        const float *row = logits + r * width;
        double peak = -INFINITY, total = 0;
        for (long i = 0; i < width; i++) peak = (double)row[i] > peak ? (double)row[i] : peak;
        for (long i = 0; i < width; i++) total += exp((double)row[i] - peak);
        log_probability[r] = (float)((double)row[targets[r]] - peak - log(total));
        for (long i = 0; probabilities && i < width; i++)
            set_as(probabilities, type, r * width + i, (float)(exp((double)row[i] - peak) / total));
    }
}

void ck_plain_normalized_mse(const float *prediction, const float *truth, long rows, long width, float *mse) {
    for (long r = 0; r < rows; r++) {
        double pg = 0, pp = 0, gg = 0;
        for (long i = 0; i < width; i++) {
            double p = (double)prediction[r * width + i], g = (double)truth[r * width + i];
            pg += p * g;
            pp += p * p;
            gg += g * g;
        }
        mse[r] = (float)((pp > 0) + (gg > 0) - (pp > 0 && gg > 0 ? 2 * pg / sqrt(pp * gg) : 0));
    }
}

// The softmax weights of query row `r` of a task and head `h`, over its keys; also the key rows. Returns their number.
static long attend(
    const ck_attention *a, const ck_attention_task *t, long r, long h, double *weights, long *rows, double *log_sum_exp
) {
    long group = a->heads / a->kv_heads, visible = t->first_visible + r, seen = 0, count = 0;
    long oldest = a->window > 0 && visible > a->window ? visible - a->window : 0;
    const float *q = a->q + ((t->query_row + r) * a->heads + h) * a->width;
    double peak = -INFINITY, total = 0;
    for (long s = 0; s < t->span_count; s++) {
        ck_attention_span span = a->spans[t->span_begin + s];
        for (long i = 0; i < span.count; i++, seen++) {
            if (seen >= visible || seen < oldest) continue;
            const float *k = a->k + ((span.row + i) * a->kv_heads + h / group) * a->width;
            double score = 0;
            for (long d = 0; d < a->width; d++) score += (double)q[d] * (double)k[d];
            rows[count] = span.row + i;
            weights[count++] = score * (double)a->scale;
        }
    }
    for (long i = 0; i < count; i++) peak = weights[i] > peak ? weights[i] : peak;
    for (long i = 0; i < count; i++) total += weights[i] = exp(weights[i] - peak);
    for (long i = 0; i < count; i++) weights[i] /= total;
    *log_sum_exp = peak + log(total);
    return count;
}

static unsigned long longest_keys(const ck_attention *a) {
    long longest = 1;
    for (long t = 0; t < a->task_count; t++) {
        long keys = 0;
        for (long s = 0; s < a->tasks[t].span_count; s++) keys += a->spans[a->tasks[t].span_begin + s].count;
        longest = keys > longest ? keys : longest;
    }
    return (unsigned long)longest;
}

void ck_plain_attention_forward(const ck_attention *a, void *out, ck_type out_type, float *log_sum_exp) {
    double *weights = malloc(longest_keys(a) * sizeof(double));
    long *rows = malloc(longest_keys(a) * sizeof(long)), group = a->heads / a->kv_heads;
    for (long task = 0; task < a->task_count; task++)
        for (long r = 0; r < a->tasks[task].query_count; r++)
            for (long h = 0; h < a->heads; h++) {
                double sum;
                long count = attend(a, &a->tasks[task], r, h, weights, rows, &sum);
                long row = a->tasks[task].query_row + r;
                if (log_sum_exp) log_sum_exp[row * a->heads + h] = (float)sum;
                for (long d = 0; d < a->width; d++) {
                    double value = 0;
                    for (long i = 0; i < count; i++)
                        value += weights[i] * (double)a->v[(rows[i] * a->kv_heads + h / group) * a->width + d];
                    set_as(out, out_type, (row * a->heads + h) * a->width + d, (float)value);
                }
            }
    free(weights);
    free(rows);
}

void ck_plain_attention_backward(
    const ck_attention *a, const void *out, ck_type out_type, const float *log_sum_exp, const float *dout, float *dq,
    float *dk, float *dv
) {
    (void)log_sum_exp;
    double *weights = malloc(longest_keys(a) * sizeof(double));
    long *rows = malloc(longest_keys(a) * sizeof(long)), group = a->heads / a->kv_heads;
    for (long task = 0; task < a->task_count; task++)
        for (long r = 0; r < a->tasks[task].query_count; r++)
            for (long h = 0; h < a->heads; h++) {
                double sum, delta = 0;
                long count = attend(a, &a->tasks[task], r, h, weights, rows, &sum);
                long at = ((a->tasks[task].query_row + r) * a->heads + h) * a->width;
                for (long d = 0; d < a->width; d++) {
                    delta += (double)get_as(out, out_type, at + d) * (double)dout[at + d];
                    dq[at + d] = 0;
                }
                for (long i = 0; i < count; i++) {
                    long key = (rows[i] * a->kv_heads + h / group) * a->width;
                    double dweight = 0;
                    for (long d = 0; d < a->width; d++) {
                        dweight += (double)dout[at + d] * (double)a->v[key + d];
                        dv[key + d] += (float)(weights[i] * (double)dout[at + d]);
                    }
                    double dscore = weights[i] * (dweight - delta) * (double)a->scale;
                    for (long d = 0; d < a->width; d++) {
                        dq[at + d] += (float)(dscore * (double)a->k[key + d]);
                        dk[key + d] += (float)(dscore * (double)a->q[at + d]);
                    }
                }
            }
    free(weights);
    free(rows);
}

void ck_plain_adamw_f32(const ck_adamw *o, float *weight, const float *gradient, float *m, float *v, long count) {
    double c1 = 1 - pow((double)o->beta1, (double)o->step), c2 = 1 - pow((double)o->beta2, (double)o->step);
    for (long i = 0; i < count; i++) {
        double g = (double)(gradient[i] * o->gradient_scale), w = (double)weight[i];
        double mi = (double)o->beta1 * (double)m[i] + (1 - (double)o->beta1) * g;
        double vi = (double)o->beta2 * (double)v[i] + (1 - (double)o->beta2) * g * g;
        w -= (double)o->learning_rate * (double)o->weight_decay * w;
        w -= (double)o->learning_rate * (mi / c1) / (sqrt(vi / c2) + (double)o->eps);
        m[i] = (float)mi;
        v[i] = (float)vi;
        weight[i] = (float)w;
    }
}

void ck_plain_quantize_q8_0(const float *x, long blocks, void *to) {
    for (long block = 0; block < blocks; block++) {
        uint8_t *bytes = (uint8_t *)to + 34 * block;
        float largest = 0;
        for (long i = 0; i < 32; i++) largest = fmaxf(largest, fabsf(x[32 * block + i]));
        float scale = largest / 127, inverse = scale == 0 ? 0 : 1 / scale;
        uint16_t half = float_to_f16(scale);
        memcpy(bytes, &half, 2);
        for (long i = 0; i < 32; i++) {
            // The inverse overflows where all weights are tiny; then the scale is zero in float16 too.
            float code = roundf(x[32 * block + i] * inverse);
            code = code != code ? 0 : code < -128 ? -128 : code > 127 ? 127 : code;
            bytes[2 + i] = (uint8_t)(int8_t)code;
        }
    }
}
