// Attention: shares the items (task, query rows, key head) out over the threads.
#include <stdatomic.h>
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
    w->first_tile = ck_allocate(w->a->task_count + 1, sizeof(long), "the tiles of attention");
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

// Pairs of a query row and a key that it sees, times heads and width: a product of all of them is twice as many operations.
static double seen_pairs(const ck_attention *a) {
    double pairs = 0;
    for (long t = 0; t < a->task_count; t++) {
        double first = (double)a->tasks[t].first_visible, count = (double)a->tasks[t].query_count, window = (double)a->window;
        // Queries that see fewer keys than the window, and the rest.
        double below = window > 0 ? window - first : count;
        below = below < 0 ? 0 : below > count ? count : below;
        pairs += below * first + below * (below - 1) / 2 + (count - below) * window;
    }
    return pairs * (double)a->heads * (double)a->width;
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
    ck_count_operations(4 * seen_pairs(a));
    count_tiles(&w);
    atomic_init(&w.next, 0);
    ck_round(forward_body, &w);
    free(w.first_tile);
}

// MARK: Backward

// Key gradients add up over the queries that see a key. A unit of work is a key head and a share of the tiles: a run of neighbouring ones,
// all runs with about the same work. A key that only one share sees gets its gradient in place. Of several shares that see a key the first
// adds in place, each other one to a row of its own; these are added up at the end, in the order of the shares. How many shares there are
// follows from the shapes alone, so the sums do not depend on the number of threads.
typedef struct {
    long shares;
    long *first_tile;  // of each share; one more at the end
    int32_t *places;  // [shares, key rows]: the row itself where its gradient is made in place, −1 − the private row elsewhere
    int32_t *rows;  // the key row of each private row
    long private_rows;
} backward_plan;

// Queries times keys that they see, of a tile.
static double tile_work(const attention_work *w, long tile) {
    long task, begin, end;
    tile_range(w, tile, &task, &begin, &end);
    double seen = (double)w->a->tasks[task].first_visible + (double)(begin + end) / 2;
    if (w->a->window > 0 && seen > (double)w->a->window) seen = (double)w->a->window;
    return seen * (double)(end - begin);
}

// Cuts the tiles into `shares` runs and finds each key's place.
static backward_plan plan_shares(const attention_work *w, long shares, double total) {
    long tiles = w->first_tile[w->a->task_count], keys = w->a->key_rows, next = 0, room = 256;
    backward_plan p = {.shares = shares};
    p.first_tile = ck_allocate(shares + 1, sizeof(long), "the shares of attention");
    p.places = ck_allocate(shares * keys, sizeof(int32_t), "the keys of attention");
    p.rows = ck_allocate(room, sizeof(int32_t), "the keys of attention");
    bool *taken = ck_allocate(keys, sizeof(bool), "the keys of attention"), *seen = ck_allocate(keys, sizeof(bool), "the keys of attention");
    double done = 0;
    for (long share = 0; share < shares; share++) {
        p.first_tile[share] = next;
        int32_t *places = p.places + share * keys;
        memset(seen, 0, (unsigned long)keys * sizeof(bool));
        // At least one tile for itself, and one left for each share behind it.
        for (long count = 0; next < tiles - (shares - 1 - share); count++) {
            double work = tile_work(w, next);
            if (count > 0 && share < shares - 1 && done + work / 2 > total * (double)(share + 1) / (double)shares) break;
            done += work;
            long task, begin, end;
            tile_range(w, next++, &task, &begin, &end);
            long visible = w->a->tasks[task].first_visible + end - 1;
            for (long s = 0; s < w->a->tasks[task].span_count && visible > 0; s++) {
                ck_attention_span span = w->a->spans[w->a->tasks[task].span_begin + s];
                long rows = span.count < visible ? span.count : visible;
                memset(seen + span.row, 1, (unsigned long)rows * sizeof(bool));
                visible -= span.count;
            }
        }
        for (long row = 0; row < keys; row++) {
            if (!seen[row]) continue;
            places[row] = (int32_t)row;
            if (taken[row]) {
                if (p.private_rows == room) {
                    int32_t *larger = ck_allocate(2 * room, sizeof(int32_t), "the keys of attention");
                    memcpy(larger, p.rows, (unsigned long)room * sizeof(int32_t));
                    free(p.rows);
                    p.rows = larger, room *= 2;
                }
                p.rows[p.private_rows] = (int32_t)row;
                places[row] = (int32_t)(-1 - p.private_rows++);
            }
            taken[row] = true;
        }
    }
    p.first_tile[shares] = tiles;
    free(taken), free(seen);
    return p;
}

static void close_plan(backward_plan *p) {
    free(p->first_tile), free(p->places), free(p->rows);
}

// As many shares as give every thread of a large machine a unit, while adding up the private rows stays small beside the work itself, but
// enough for a small machine in any case. A private element costs as much as so many operations of a product: it comes from memory.
#define LEAST_UNITS 8
#define PRIVATE_COST 24
#define PRIVATE_SHARE 0.1
static backward_plan plan_backward(const attention_work *w) {
    const ck_attention *a = w->a;
    long tiles = w->first_tile[a->task_count];
    long shares = (CK_MAX_THREADS + a->kv_heads - 1) / a->kv_heads, least = (LEAST_UNITS + a->kv_heads - 1) / a->kv_heads;
    if (shares > tiles) shares = tiles;
    if (least > tiles) least = tiles;
    double total = 0;
    for (long tile = 0; tile < tiles; tile++) total += tile_work(w, tile);
    for (;; shares = shares * 3 / 4 > least ? shares * 3 / 4 : least) {
        backward_plan p = plan_shares(w, shares, total);
        double adding = (double)(p.private_rows * 2 * a->kv_heads) * PRIVATE_COST, work = total * (double)a->heads * 10;
        if (shares <= least || adding <= PRIVATE_SHARE * work) return p;
        close_plan(&p);
    }
}

typedef struct {
    attention_work *w;
    const backward_plan *plan;
    float *private_dk, *private_dv;  // [private rows, kv_heads, width]
} backward_work;

static void backward_body(void *opaque, int slot, int slots) {
    (void)slots;
    backward_work *b = opaque;
    attention_work *w = b->w;
    const backward_plan *p = b->plan;
    float *scratch = ck_scratch(slot, CK_SCRATCH_ATTENTION, (unsigned long)w->scratch);
    long units = w->a->kv_heads * p->shares;
    for (long unit; (unit = atomic_fetch_add(&w->next, 1)) < units;) {
        long head = unit % w->a->kv_heads, share = unit / w->a->kv_heads;
        ck_key_gradients to = {w->dk, w->dv, b->private_dk, b->private_dv, p->places + share * w->a->key_rows};
        for (long tile = p->first_tile[share]; tile < p->first_tile[share + 1]; tile++) {
            long task, begin, end;
            tile_range(w, tile, &task, &begin, &end);
            ck_current()->attention_backward(
                w->a, task, begin, end, head, w->out, w->out_type, w->log_sum_exp, w->dout, w->dq, &to, scratch);
        }
    }
}

static void add_private_body(void *opaque, long begin, long end) {
    backward_work *b = opaque;
    long width = b->w->a->kv_heads * b->w->a->width;
    // A thread adds the columns begin..<end of every row: rows of one key add up in order.
    for (long i = 0; i < b->plan->private_rows; i++) {
        long to = b->plan->rows[i] * width + begin, from = i * width + begin;
        ck_current()->add_scaled(b->w->dk + to, b->private_dk + from, 1, end - begin);
        ck_current()->add_scaled(b->w->dv + to, b->private_dv + from, 1, end - begin);
    }
}

long ck_attention_backward_units(const ck_attention *a) {
    attention_work w = {.a = a};
    count_tiles(&w);
    backward_plan plan = plan_backward(&w);
    close_plan(&plan);
    free(w.first_tile);
    return plan.shares * a->kv_heads;
}

void ck_attention_backward(
    const ck_attention *a, const void *out, ck_type out_type, const float *log_sum_exp, const float *dout, float *dq,
    float *dk, float *dv
) {
    attention_work w = {
        .a = a, .out = (void *)out, .out_type = out_type, .log_sum_exp = log_sum_exp, .dout = dout, .dq = dq, .dk = dk, .dv = dv};
    ck_count_operations(10 * seen_pairs(a));
    count_tiles(&w);
    backward_plan plan = plan_backward(&w);
    long width = a->kv_heads * a->width;
    backward_work b = {.w = &w, .plan = &plan};
    if (plan.private_rows > 0) {
        b.private_dk = ck_allocate(2 * plan.private_rows * width, 4, "gradients of keys");
        b.private_dv = b.private_dk + plan.private_rows * width;
    }
    atomic_init(&w.next, 0);
    ck_round(backward_body, &b);
    if (plan.private_rows > 0) ck_ranges(width, plan.private_rows * width < 32768 ? width : 16, add_private_body, &b);
    free(b.private_dk);
    close_plan(&plan);
    free(w.first_tile);
}
