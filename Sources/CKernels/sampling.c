// Drawing tokens. One row of logits is one thread's work.
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernels.h"
#include "lanes.h"

typedef struct {
    const float *logits;
    long width;
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

static void sample_body(void *opaque, long row) {
    sample_context *c = opaque;
    const ck_kernels *k = ck_current();
    const float *logits = c->logits + row * c->width;
    float *weights = c->scratch + row * c->width;
    const ck_sampling *s = c->sampling + row;
    long n = c->width, chosen;
    float peak = k->row_maximum(logits, n);
    if (s->temperature <= 0 || s->top_k == 1) {
        chosen = first_maximum(logits, n);
        if (c->log_probability)
            c->log_probability[row] = logits[chosen] - peak - (float)log(k->exponentials(logits, peak, 1, n, weights));
    } else {
        double total = k->exponentials(logits, peak, 1 / s->temperature, n, weights);
        double plain = total;
        bool cut = (s->top_k > 0 && s->top_k < n) || s->top_p < 1;
        float *space = cut ? malloc((unsigned long)n * 4) : NULL;
        float threshold = 0;
        if (s->top_k > 0 && s->top_k < n) {
            threshold = kth_largest(weights, n, s->top_k, space);
            long room = s->top_k;
            for (long i = 0; i < n; i++) room -= weights[i] > threshold;
            total = keep(weights, n, threshold, room);
        }
        if (s->top_p < 1) {
            long room;
            threshold = nucleus_threshold(weights, n, total, (double)s->top_p, space, &room);
            total = keep(weights, n, threshold, room);
        }
        free(space);
        chosen = draw(weights, n, total, s->uniform);
        if (c->log_probability) {
            if (s->temperature != 1) plain = k->exponentials(logits, peak, 1, n, weights);
            c->log_probability[row] = logits[chosen] - peak - (float)log(plain);
        }
    }
    c->chosen[row] = (int32_t)chosen;
}

void ck_sample(
    const float *logits, long rows, long width, const ck_sampling *sampling, int32_t *chosen, float *log_probability,
    float *scratch
) {
    sample_context c = {logits, width, sampling, chosen, log_probability, scratch};
    if (rows == 1) sample_body(&c, 0);
    else ck_parallel(rows, sample_body, &c);
}
