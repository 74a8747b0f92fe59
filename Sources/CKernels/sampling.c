// Drawing tokens. One row of logits is one thread's work.
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernels.h"
#include "lanes.h"

typedef struct {
    const float *logits;
    long rows, width;
    const ck_sampling *sampling;
    int32_t *chosen;
    float *log_probability, *scratch;
} sample_context;

static long first_maximum(const float *x, long n) {
    float peak = ck_current()->row_maximum(x, n);
    for (long i = 0; i < n; i++)
        if (x[i] == peak) return i;
    return 0;
}

static int descending(const void *a, const void *b) {
    float x = *(const float *)a, y = *(const float *)b;
    return x < y ? 1 : x > y ? -1 : 0;
}

// The smallest weight among the k largest, found by cutting the value range down and sorting what little is left.
static float kth_largest(const float *x, long n, long k, float *space) {
    memcpy(space, x, (unsigned long)n * 4);
    // Quickselect with a middle pivot.
    long low = 0, high = n - 1, want = k - 1;
    while (low < high) {
        float pivot = space[low + (high - low) / 2];
        long i = low, j = high;
        while (i <= j) {
            while (space[i] > pivot) i++;
            while (space[j] < pivot) j--;
            if (i <= j) {
                float swap = space[i];
                space[i++] = space[j];
                space[j--] = swap;
            }
        }
        if (want <= j) high = j;
        else if (want >= i) low = i;
        else break;
    }
    return space[want];
}

// The weight at which the heaviest tokens first hold `share` of all of it (the token that crosses is kept), and how many of that
// very weight are needed.
static float nucleus_threshold(const float *x, long n, double total, double share, float *space, long *ties) {
    // Only weights above (1 − share)·total / n can be needed; the rest together are too light.
    float least = (float)((1 - share) * total / (double)n);
    long kept = 0;
    for (long i = 0; i < n; i++)
        if (x[i] >= least && x[i] > 0) space[kept++] = x[i];
    qsort(space, (unsigned long)kept, sizeof(float), descending);
    double sum = 0;
    long last = 0;
    *ties = 0;
    for (long i = 0; i < kept; i++) {
        *ties = i > 0 && space[i] == space[i - 1] ? *ties + 1 : 1;
        last = i;
        sum += (double)space[i];
        if (sum >= share * total) break;
    }
    return kept ? space[last] : 0;
}

static long draw(const float *weights, long n, double total, double uniform) {
    double target = uniform * total, sum = 0;
    long last = 0, i = 0;
    // Blocks first: most of the row is skipped by its sums.
    for (; i + 256 <= n; i += 256) {
        float parts[16] = {0};
        for (long j = 0; j < 256; j += 16)
            for (long l = 0; l < 16; l++) parts[l] += weights[i + j + l];
        double block = 0;
        for (long l = 0; l < 16; l++) block += (double)parts[l];
        if (sum + block > target) break;
        sum += block;
    }
    for (; i < n; i++) {
        if (weights[i] <= 0) continue;
        sum += (double)weights[i];
        last = i;
        if (sum > target) return i;
    }
    if (last) return last;
    for (i = n - 1; i > 0; i--)
        if (weights[i] > 0) return i;
    return 0;
}

// Zeroes what is below the threshold, and all but the first `room` of what is at it. Returns the sum of the rest.
static double keep(float *weights, long n, float threshold, long room) {
    double total = 0;
    for (long i = 0; i < n; i++) {
        if (weights[i] < threshold || (weights[i] == threshold && room-- <= 0)) weights[i] = 0;
        total += (double)weights[i];
    }
    return total;
}

// What is drawn from, where that is not the logits themselves: a copy with some of them changed.
static const float *edited(const float *logits, long n, const ck_sampling *s, float *copy) {
    if (!s->edit_count) return logits;
    memcpy(copy, logits, (unsigned long)n * 4);
    for (long e = 0; e < s->edit_count; e++) {
        const ck_logit_edit *edit = s->edits + e;
        if (edit->token < 0 || edit->token >= n) continue;
        float x = logits[edit->token] + edit->bias;
        if (edit->repetition != 1) x = x > 0 ? x / edit->repetition : x * edit->repetition;
        copy[edit->token] = x - edit->penalty;
    }
    return copy;
}

static void sample_body(void *opaque, long row) {
    sample_context *c = opaque;
    const ck_kernels *k = ck_current();
    const ck_sampling *s = c->sampling + row;
    long n = c->width, chosen;
    const float *logits = c->logits + row * n;
    float *weights = c->scratch + row * n, *space = c->scratch + (c->rows + row) * n;
    const float *drawn = edited(logits, n, s, weights);
    float peak = k->row_maximum(drawn, n);
    // The sum of the untouched softmax, where drawing computes it.
    double plain = 0;
    if (s->temperature <= 0 || s->top_k == 1) {
        chosen = first_maximum(drawn, n);
    } else {
        double total = k->exponentials(drawn, peak, 1 / s->temperature, n, weights);
        if (drawn == logits && s->temperature == 1) plain = total;
        // The most probable token weighs 1.
        if (s->min_p > 0) total = keep(weights, n, s->min_p, n);
        if (s->top_k > 0 && s->top_k < n) {
            float threshold = kth_largest(weights, n, s->top_k, space);
            long room = s->top_k;
            for (long i = 0; i < n; i++) room -= weights[i] > threshold;
            total = keep(weights, n, threshold, room);
        }
        if (s->top_p < 1) {
            long room;
            float threshold = nucleus_threshold(weights, n, total, (double)s->top_p, space, &room);
            total = keep(weights, n, threshold, room);
        }
        chosen = draw(weights, n, total, s->uniform);
    }
    if (c->log_probability) {
        if (drawn != logits) peak = k->row_maximum(logits, n);
        if (plain == 0) plain = k->exponentials(logits, peak, 1, n, weights);
        c->log_probability[row] = logits[chosen] - peak - (float)log(plain);
    }
    c->chosen[row] = (int32_t)chosen;
}

void ck_sample(
    const float *logits, long rows, long width, const ck_sampling *sampling, int32_t *chosen, float *log_probability,
    float *scratch
) {
    sample_context c = {logits, rows, width, sampling, chosen, log_probability, scratch};
    if (rows == 1) sample_body(&c, 0);
    else ck_parallel(rows, sample_body, &c);
}

void ck_most_probable(const float *logits, long width, long count, int32_t *tokens) {
    long found = 0;
    for (long i = 0; i < width; i++) {
        if (found == count && !(logits[i] > logits[tokens[found - 1]])) continue;
        long place = found < count ? found++ : found - 1;
        for (; place > 0 && logits[i] > logits[tokens[place - 1]]; place--) tokens[place] = tokens[place - 1];
        tokens[place] = (int32_t)i;
    }
}
