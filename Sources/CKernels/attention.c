// Attention: shares the items (task, query rows, key head) out over the threads.
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernels.h"
#include "lanes.h"

// Query vectors (rows × heads of a group) per item: enough to pay for packing the keys, few enough for the second cache.
#define TILE_QUERIES 96

long ck_attention_tile_rows(const ck_attention *a) {
    long rows = TILE_QUERIES / (a->heads / a->kv_heads);
    return rows < 1 ? 1 : rows;
}

long ck_attention_scratch(const ck_attention *a) {
    long padded = (a->width + LANES - 1) / LANES * LANES;
    long queries = ck_attention_tile_rows(a) * (a->heads / a->kv_heads);
    long floats = 4 * KEYS * padded + 4 * queries * padded + 2 * queries * KEYS + (2 + LANES) * queries;
    return floats + (a->pairs ? 2 * (queries + 1) * padded + (queries + 1) * KEYS : 0);
}

typedef struct {
    const ck_attention *a;
    void *out;
    ck_type out_type;
    const float *log_sum_exp;
    float *log_sum_exp_out;
    const float *dout;
    float *dq, *dk, *dv;
    long *first_tile;  // per task, its number among all tiles; one more at the end
    long tile_rows, scratch;
    atomic_long next;
    long shares;  // backward: private key gradients, when there are fewer key heads than threads
    float *partial;
} attention_work;

static long task_of(const attention_work *w, long tile) {
    long low = 0, high = w->a->task_count;
    while (high - low > 1) {
        long middle = (low + high) / 2;
        if (w->first_tile[middle] <= tile) low = middle;
        else high = middle;
    }
    return low;
}

static void count_tiles(attention_work *w) {
    w->tile_rows = ck_attention_tile_rows(w->a);
    w->scratch = ck_attention_scratch(w->a) * 4;
    w->first_tile = malloc((unsigned long)(w->a->task_count + 1) * sizeof(long));
    long tiles = 0;
    for (long t = 0; t < w->a->task_count; t++) {
        w->first_tile[t] = tiles;
        tiles += (w->a->tasks[t].query_count + w->tile_rows - 1) / w->tile_rows;
    }
    w->first_tile[w->a->task_count] = tiles;
}

static void tile_range(const attention_work *w, long tile, long *task, long *begin, long *end) {
    *task = task_of(w, tile);
    *begin = (tile - w->first_tile[*task]) * w->tile_rows;
    *end = *begin + w->tile_rows;
    if (*end > w->a->tasks[*task].query_count) *end = w->a->tasks[*task].query_count;
}

static void forward_body(void *opaque, int slot, int slots) {
    (void)slots;
    attention_work *w = opaque;
    float *scratch = ck_scratch(slot, CK_SCRATCH_ATTENTION, (unsigned long)w->scratch);
    long items = w->first_tile[w->a->task_count] * w->a->kv_heads;
    // Long tiles come last in a text; taking them first leaves short ones to even the threads out.
    for (long i; (i = atomic_fetch_add(&w->next, 1)) < items;) {
        long item = items - 1 - i, task, begin, end;
        tile_range(w, item / w->a->kv_heads, &task, &begin, &end);
        ck_current()->attention_forward(
            w->a, task, begin, end, item % w->a->kv_heads, w->out, w->out_type, w->log_sum_exp_out, scratch);
    }
}

void ck_attention_forward(const ck_attention *a, void *out, ck_type out_type, float *log_sum_exp) {
    attention_work w = {.a = a, .out = out, .out_type = out_type, .log_sum_exp_out = log_sum_exp};
    count_tiles(&w);
    atomic_init(&w.next, 0);
    ck_round(forward_body, &w);
    free(w.first_tile);
}

// Key gradients add up over the tiles, so a key head belongs to one thread, which walks the tiles in order. With few key
// heads, the tiles of a head are dealt out to `shares`, each with key gradients of its own, added up at the end. How many there
// are depends on the model alone, so the sums do not depend on the number of threads.
#define BACKWARD_UNITS 8
static void backward_body(void *opaque, int slot, int slots) {
    (void)slots;
    attention_work *w = opaque;
    float *scratch = ck_scratch(slot, CK_SCRATCH_ATTENTION, (unsigned long)w->scratch);
    long units = w->a->kv_heads * w->shares, size = w->a->key_rows * w->a->kv_heads * w->a->width;
    for (long unit; (unit = atomic_fetch_add(&w->next, 1)) < units;) {
        long head = unit / w->shares, share = unit % w->shares;
        float *dk = share == 0 ? w->dk : w->partial + (share - 1) * 2 * size;
        float *dv = share == 0 ? w->dv : w->partial + (share - 1) * 2 * size + size;
        for (long tile = share; tile < w->first_tile[w->a->task_count]; tile += w->shares) {
            long task, begin, end;
            tile_range(w, tile, &task, &begin, &end);
            ck_current()->attention_backward(
                w->a, task, begin, end, head, w->out, w->out_type, w->log_sum_exp, w->dout, w->dq, dk, dv, scratch);
        }
    }
}

void ck_attention_backward(
    const ck_attention *a, const void *out, ck_type out_type, const float *log_sum_exp, const float *dout, float *dq,
    float *dk, float *dv
) {
    attention_work w = {
        .a = a, .out = (void *)out, .out_type = out_type, .log_sum_exp = log_sum_exp, .dout = dout, .dq = dq, .dk = dk, .dv = dv};
    count_tiles(&w);
    long size = a->key_rows * a->kv_heads * a->width, tiles = w.first_tile[a->task_count];
    w.shares = a->kv_heads >= BACKWARD_UNITS ? 1 : BACKWARD_UNITS / a->kv_heads;
    if (w.shares > tiles) w.shares = tiles;
    if (w.shares > 1) {
        w.partial = malloc((unsigned long)((w.shares - 1) * 2 * size) * 4);
        if (!w.partial) {
            fprintf(stderr, "nla: out of memory: gradients of %ld keys\n", a->key_rows);
            abort();
        }
        ck_fill(w.partial, 0, (w.shares - 1) * 2 * size);
    }
    atomic_init(&w.next, 0);
    ck_round(backward_body, &w);
    for (long share = 1; share < w.shares; share++) {
        ck_add_scaled(dk, w.partial + (share - 1) * 2 * size, 1, size);
        ck_add_scaled(dv, w.partial + (share - 1) * 2 * size + size, 1, size);
    }
    free(w.partial);
    free(w.first_tile);
}
