// What this machine can do at most, measured, and what has been asked of it: `nla bench` sets one beside the other.
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "kernels.h"

static atomic_ullong operations, weight_bytes;

void ck_count_operations(double count) { atomic_fetch_add_explicit(&operations, (unsigned long long)count, memory_order_relaxed); }
void ck_count_weight_bytes(double count) { atomic_fetch_add_explicit(&weight_bytes, (unsigned long long)count, memory_order_relaxed); }

unsigned long long ck_operations(void) { return atomic_load_explicit(&operations, memory_order_relaxed); }
unsigned long long ck_weight_bytes(void) { return atomic_load_explicit(&weight_bytes, memory_order_relaxed); }

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

// Every thread works until the time is over, so that a slow one does not hold a fast one up; what they did adds up.
typedef struct {
    ck_type type;
    const float *memory;
    long floats;
    double until;
    double done[CK_MAX_THREADS], seconds[CK_MAX_THREADS];
} limit_round;

static void arithmetic_body(void *opaque, int slot, int slots) {
    (void)slots;
    limit_round *r = opaque;
    const ck_kernels *k = ck_current();
    double (*loop)(float *) = r->type == CK_BF16 && k->limit_pair_products ? k->limit_pair_products : k->limit_multiply_adds;
    float sink[3] = {0, 0, 0};
    double begin = now();
    do r->done[slot] += loop(sink);
    while (now() < r->until);
    r->seconds[slot] = now() - begin;
}

// Each thread its own part of the memory, piece by piece, over and over.
static void reading_body(void *opaque, int slot, int slots) {
    limit_round *r = opaque;
    const long piece = 1l << 18;
    long pieces = r->floats / piece, first = pieces * slot / slots, end = pieces * (slot + 1) / slots;
    volatile float sink = 0;
    double begin = now();
    for (long i = first; now() < r->until; i = i + 1 < end ? i + 1 : first) {
        sink = sink + ck_current()->limit_read(r->memory + i * piece, piece);
        r->done[slot] += (double)piece * 4;
    }
    r->seconds[slot] = now() - begin;
}

#define LIMIT_SECONDS 0.06
#define LIMIT_TRIES 4

static double best_of(void (*body)(void *, int, int), limit_round *r) {
    double best = 0;
    for (int i = 0; i < LIMIT_TRIES; i++) {
        for (int t = 0; t < CK_MAX_THREADS; t++) r->done[t] = 0, r->seconds[t] = 0;
        r->until = now() + LIMIT_SECONDS;
        ck_round(body, r);
        double rate = 0;
        for (int t = 0; t < CK_MAX_THREADS; t++)
            if (r->seconds[t] > 0) rate += r->done[t] / r->seconds[t];
        if (rate > best) best = rate;
    }
    return best;
}

double ck_arithmetic_limit(ck_type type) {
    limit_round r = {.type = type};
    return best_of(arithmetic_body, &r);
}

double ck_reading_limit(void) {
    // Beyond every cache, and touched before it is read.
    limit_round r = {.floats = 1l << 27};
    float *memory = ck_allocate(r.floats, 4, "the measurement of the memory's speed");
    ck_fill(memory, 1, r.floats);
    r.memory = memory;
    double best = best_of(reading_body, &r);
    free(memory);
    return best;
}
