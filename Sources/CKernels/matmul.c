// Matrix products, each by what is fastest for it: dot products for few rows, where memory is the limit (few_rows_body.h); a register tile
// for some rows of bfloat16 (some_rows_body.h); oneDNN for more where the CPU has AVX-512, in bfloat16 where it has those instructions; and
// blocked products in float32 everywhere else (blocked_body.h). Stored matrices are unpacked a slice at a time, but for few rows, which have
// dot products of their own (stored_dots_body.h). The differences between oneDNN 2 and 3 end in `create_primitive`.
#define _GNU_SOURCE
#if defined(__x86_64__)
#define CK_ONEDNN 1
#include <dlfcn.h>
#include <oneapi/dnnl/dnnl.h>
#endif
#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernels.h"
#include "lanes.h"

#if CK_ONEDNN
// MARK: oneDNN

typedef struct {
    long m, n, k, a_stride, b_stride, c_stride;
    uint8_t type, c_type, a_transposed, b_transposed, bias, accumulate;
} shape;

typedef struct {
    shape key;
    dnnl_primitive_t primitive;
    dnnl_memory_t a, b, bias, c;
} entry;

// One table per slot: primitives and their memory handles are used by one thread at a time, and rounds exclude each other.
#define TABLE 2048
typedef struct {
    entry *entries;
    long used;
    dnnl_stream_t stream;
} table;
static table tables[CK_MAX_THREADS];
static dnnl_engine_t engine;

// oneDNN comes with OpenMP; two thread pools on the same cores fight, so each of ours runs it single-threaded. The setting
// belongs to the calling thread and must be made before the first primitive.
static void silence_openmp(void) {
    static _Thread_local bool done;
    if (done) return;
    done = true;
    void (*set_threads)(int) = (void (*)(int))dlsym(RTLD_DEFAULT, "omp_set_num_threads");
    if (set_threads) set_threads(1);
}

static dnnl_data_type_t data_type(int type) { return type == CK_F32 ? dnnl_f32 : dnnl_bf16; }

static dnnl_status_t create_primitive(const shape *s, entry *e) {
    dnnl_dims_t a_dims = {s->m, s->k}, b_dims = {s->k, s->n}, c_dims = {s->m, s->n}, bias_dims = {1, s->n};
    dnnl_dims_t a_strides = {s->a_transposed ? 1 : s->a_stride, s->a_transposed ? s->a_stride : 1};
    dnnl_dims_t b_strides = {s->b_transposed ? 1 : s->b_stride, s->b_transposed ? s->b_stride : 1};
    dnnl_dims_t c_strides = {s->c_stride, 1}, bias_strides = {s->n, 1};
    dnnl_primitive_attr_t attributes = NULL;
    dnnl_primitive_desc_t description = NULL;
    dnnl_status_t status = dnnl_success;
#define TRY(call) \
    if (status == dnnl_success) status = call
    if (s->accumulate) {
        dnnl_post_ops_t operations = NULL;
        TRY(dnnl_primitive_attr_create(&attributes));
        TRY(dnnl_post_ops_create(&operations));
#if DNNL_VERSION_MAJOR >= 3
        TRY(dnnl_post_ops_append_sum(operations, 1, 0, dnnl_data_type_undef));
#else
        TRY(dnnl_post_ops_append_sum(operations, 1));
#endif
        TRY(dnnl_primitive_attr_set_post_ops(attributes, operations));
        if (operations) dnnl_post_ops_destroy(operations);
    }
#if DNNL_VERSION_MAJOR >= 3
    dnnl_memory_desc_t a = NULL, b = NULL, c = NULL, bias = NULL;
    TRY(dnnl_memory_desc_create_with_strides(&a, 2, a_dims, data_type(s->type), a_strides));
    TRY(dnnl_memory_desc_create_with_strides(&b, 2, b_dims, data_type(s->type), b_strides));
    TRY(dnnl_memory_desc_create_with_strides(&c, 2, c_dims, data_type(s->c_type), c_strides));
    if (s->bias) TRY(dnnl_memory_desc_create_with_strides(&bias, 2, bias_dims, dnnl_f32, bias_strides));
    TRY(dnnl_matmul_primitive_desc_create(&description, engine, a, b, bias, c, attributes));
    TRY(dnnl_primitive_create(&e->primitive, description));
    TRY(dnnl_memory_create(&e->a, a, engine, DNNL_MEMORY_NONE));
    TRY(dnnl_memory_create(&e->b, b, engine, DNNL_MEMORY_NONE));
    TRY(dnnl_memory_create(&e->c, c, engine, DNNL_MEMORY_NONE));
    if (s->bias) TRY(dnnl_memory_create(&e->bias, bias, engine, DNNL_MEMORY_NONE));
    if (a) dnnl_memory_desc_destroy(a);
    if (b) dnnl_memory_desc_destroy(b);
    if (c) dnnl_memory_desc_destroy(c);
    if (bias) dnnl_memory_desc_destroy(bias);
#else
    dnnl_memory_desc_t a, b, c, bias;
    dnnl_matmul_desc_t matmul;
    TRY(dnnl_memory_desc_init_by_strides(&a, 2, a_dims, data_type(s->type), a_strides));
    TRY(dnnl_memory_desc_init_by_strides(&b, 2, b_dims, data_type(s->type), b_strides));
    TRY(dnnl_memory_desc_init_by_strides(&c, 2, c_dims, data_type(s->c_type), c_strides));
    TRY(dnnl_memory_desc_init_by_strides(&bias, 2, bias_dims, dnnl_f32, bias_strides));
    TRY(dnnl_matmul_desc_init(&matmul, &a, &b, s->bias ? &bias : NULL, &c));
    TRY(dnnl_primitive_desc_create(&description, &matmul, attributes, engine, NULL));
    TRY(dnnl_primitive_create(&e->primitive, description));
    TRY(dnnl_memory_create(&e->a, &a, engine, DNNL_MEMORY_NONE));
    TRY(dnnl_memory_create(&e->b, &b, engine, DNNL_MEMORY_NONE));
    TRY(dnnl_memory_create(&e->c, &c, engine, DNNL_MEMORY_NONE));
    if (s->bias) TRY(dnnl_memory_create(&e->bias, &bias, engine, DNNL_MEMORY_NONE));
#endif
    if (description) dnnl_primitive_desc_destroy(description);
    if (attributes) dnnl_primitive_attr_destroy(attributes);
    return status;
}

static void destroy_entry(entry *e) {
    if (e->primitive) dnnl_primitive_destroy(e->primitive);
    if (e->a) dnnl_memory_destroy(e->a);
    if (e->b) dnnl_memory_destroy(e->b);
    if (e->c) dnnl_memory_destroy(e->c);
    if (e->bias) dnnl_memory_destroy(e->bias);
    memset(e, 0, sizeof *e);
}

static unsigned long hash_shape(const shape *s) {
    const unsigned char *p = (const unsigned char *)s;
    unsigned long h = 1469598103934665603ul;
    for (unsigned long i = 0; i < sizeof *s; i++) h = (h ^ p[i]) * 1099511628211ul;
    return h ^ h >> 29;
}

static entry *find_primitive(table *t, const shape *s) {
    unsigned long at = hash_shape(s) % TABLE;
    for (; t->entries[at].primitive; at = (at + 1) % TABLE)
        if (memcmp(&t->entries[at].key, s, sizeof *s) == 0) return &t->entries[at];
    if (t->used >= TABLE / 2) {
        for (long i = 0; i < TABLE; i++) destroy_entry(&t->entries[i]);
        t->used = 0;
        at = hash_shape(s) % TABLE;
    }
    entry *e = &t->entries[at];
    if (create_primitive(s, e) != dnnl_success) {
        destroy_entry(e);
        return NULL;
    }
    memcpy(&e->key, s, sizeof *s);
    t->used += 1;
    return e;
}

static bool open_table(table *t) {
    silence_openmp();
    if (t->entries) return true;
    if (dnnl_stream_create(&t->stream, engine, dnnl_stream_default_flags) != dnnl_success) return false;
    t->entries = calloc(TABLE, sizeof(entry));
    return t->entries != NULL;
}

static bool library_product(int slot, const ck_matmul *j) {
    table *t = &tables[slot];
    if (!open_table(t)) return false;
    shape s;
    memset(&s, 0, sizeof s);  // padding takes part in the comparison
    s.m = j->m, s.n = j->n, s.k = j->k;
    s.a_stride = j->a_stride, s.b_stride = j->b_stride, s.c_stride = j->c_stride;
    s.type = (uint8_t)j->a_type, s.c_type = (uint8_t)j->c_type;
    s.a_transposed = j->a_transposed, s.b_transposed = j->b_transposed;
    s.bias = j->bias != NULL, s.accumulate = j->accumulate;
    entry *e = find_primitive(t, &s);
    if (!e) return false;
    dnnl_memory_set_data_handle(e->a, (void *)j->a);
    dnnl_memory_set_data_handle(e->b, (void *)j->b);
    dnnl_memory_set_data_handle(e->c, j->c);
    dnnl_exec_arg_t arguments[4] = {{DNNL_ARG_SRC, e->a}, {DNNL_ARG_WEIGHTS, e->b}, {DNNL_ARG_DST, e->c}};
    if (j->bias) {
        dnnl_memory_set_data_handle(e->bias, (void *)j->bias);
        arguments[3] = (dnnl_exec_arg_t){DNNL_ARG_BIAS, e->bias};
    }
    return dnnl_primitive_execute(e->primitive, t->stream, j->bias ? 4 : 3, arguments) == dnnl_success &&
           dnnl_stream_wait(t->stream) == dnnl_success;
}

// The engine, limited to the instruction set that the kernels are limited to. oneDNN takes a limit before its first product only.
static const char *open_library(void) {
    static _Atomic(bool) ready;
    if (atomic_load(&ready)) return NULL;
    static atomic_flag busy = ATOMIC_FLAG_INIT;
    while (atomic_flag_test_and_set(&busy)) {
    }
    dnnl_status_t status = dnnl_success;
    if (!engine) {
        if (ck_limit() == CK_AVX512) dnnl_set_max_cpu_isa(dnnl_cpu_isa_avx512_core);
        if (ck_limit() == CK_AVX512BF16) dnnl_set_max_cpu_isa(dnnl_cpu_isa_avx512_core_bf16);
        status = dnnl_engine_create(&engine, dnnl_cpu, 0);
    }
    atomic_store(&ready, status == dnnl_success);
    atomic_flag_clear(&busy);
    return status == dnnl_success ? NULL : "oneDNN has no CPU engine on this machine";
}
#endif

const char *ck_matmul_library(void) {
#if CK_ONEDNN
    if (ck_level() >= CK_AVX512 && !open_library()) {
        static char text[96];
        const dnnl_version_t *version = dnnl_version();
        static const struct {
            dnnl_cpu_isa_t isa;
            const char *name;
        } known[] = {
            {dnnl_cpu_isa_avx512_core, "avx512_core"},
            {dnnl_cpu_isa_avx512_core_vnni, "avx512_core_vnni"},
            {dnnl_cpu_isa_avx512_core_bf16, "avx512_core_bf16"},
            {dnnl_cpu_isa_avx512_core_amx, "avx512_core_amx"},
        };
        const char *name = "another instruction set";
        for (unsigned long i = 0; i < sizeof known / sizeof *known; i++)
            if (known[i].isa == dnnl_get_effective_cpu_isa()) name = known[i].name;
        snprintf(text, sizeof text, "oneDNN %d.%d.%d, %s", version->major, version->minor, version->patch, name);
        return text;
    }
#endif
    return "own kernels";
}

// MARK: Work of one thread

#if CK_ONEDNN
// Columns n0..<n1 of a product whose B has another type than A: B is converted a slice at a time. Slices along n keep each
// output element in one product.
static bool converted_product(int slot, const ck_matmul *j) {
    long slice = (1l << 20) / j->k;
    slice = slice < 64 ? 64 : slice / 64 * 64;
    for (long n = 0; n < j->n; n += slice) {
        long count = j->n - n < slice ? j->n - n : slice;
        long rows = j->b_transposed ? count : j->k, width = j->b_transposed ? j->k : count;
        char *space = ck_scratch(slot, CK_SCRATCH_WEIGHTS, (unsigned long)(rows * width * type_bytes(j->a_type)));
        for (long r = 0; r < rows; r++) {
            long from = j->b_transposed ? (n + r) * j->b_stride : r * j->b_stride + n;
            ck_current()->convert(
                (const char *)j->b + from * type_bytes(j->b_type), j->b_type, space + r * width * type_bytes(j->a_type),
                j->a_type, width);
        }
        ck_matmul part = *j;
        part.n = count, part.b = space, part.b_type = j->a_type, part.b_stride = width;
        part.c = (char *)j->c + n * type_bytes(j->c_type);
        part.bias = j->bias ? j->bias + n : NULL;
        if (!library_product(slot, &part)) return false;
    }
    return true;
}
#endif

// Whether oneDNN takes it. Without AVX-512 it is no faster than our own product; without the bfloat16 instructions it refuses bfloat16 or
// emulates it, slower than float32.
static bool library_takes(const ck_matmul *j) {
#if CK_ONEDNN
    return ck_level() >= CK_AVX512 && (j->a_type == CK_F32 || ck_supports_bf16());
#else
    (void)j;
    return false;
#endif
}

static bool few(const ck_matmul *j) { return j->m <= CK_FEW_ROWS && !j->a_transposed && j->b_transposed; }

// Whether the register tile of small products takes it: bfloat16, in whole pairs.
static bool some(const ck_matmul *j) {
    bool typed = j->a_type == CK_BF16 && j->b_type == CK_BF16 && !j->a_transposed && j->b_transposed && ck_supports_bf16();
    bool paired = (j->k | j->a_stride | j->b_stride) % 2 == 0 && ((uintptr_t)j->a | (uintptr_t)j->b) % 4 == 0;
    return typed && paired && j->m > CK_FEW_ROWS && j->m <= CK_SOME_ROWS;
}

static void few_rows(int slot, const ck_matmul *j, long begin, long end) {
    const float *a = j->a;
    bool converts = j->a_type != CK_F32 || j->a_stride != j->k;
    long converted = converts ? (j->m * j->k + 15) / 16 * 16 : 0, arranged = j->stored ? ck_current()->arranged_space(j) : 0;
    float *space = converted + arranged ? ck_scratch(slot, CK_SCRATCH_WEIGHTS, (unsigned long)(converted + arranged) * 4) : NULL;
    if (converts) {
        for (long r = 0; r < j->m; r++)
            ck_current()->convert(
                (const char *)j->a + r * j->a_stride * type_bytes(j->a_type), j->a_type, space + r * j->k, CK_F32, j->k);
        a = space;
    }
    if (!j->stored) {
        ck_current()->few_rows(j, a, begin, end);
        return;
    }
    if (arranged) {
        ck_current()->arrange_rows(j, a, space + converted);
        a = space + converted;
    }
    ck_current()->few_rows_stored(j, a, begin, end);
}

// The slot's share of a product: a range of columns or of rows, whichever there are more of, but for two kinds. Many rows against a weight
// are shared by rows even where the weight has more: oneDNN was 6% faster at 2048 rows × 4864 columns, and as fast at small ones. And gradients
// of inputs are shared by columns where the weight is large: oneDNN lays it anew, and by rows each slot would do so with all of it; 5 to 15%
// at 1008 rows.
#define MANY_ROWS 512
#define LARGE_WEIGHT (1l << 19)
static bool shared_by_columns(const ck_matmul *j) {
    if (few(j) || some(j)) return true;
    if (!j->a_transposed && !j->b_transposed && j->n * j->k >= LARGE_WEIGHT) return true;
    return j->n >= j->m && (j->a_transposed || j->m < MANY_ROWS);
}

// Part `index` of `parts` of `count`, in whole `unit`s: equal but for one unit.
static void part_of(long count, long unit, long index, long parts, long *begin, long *end) {
    long units = (count + unit - 1) / unit;
    *begin = units * index / parts * unit, *end = units * (index + 1) / parts * unit;
    if (*end > count) *end = count;
}

// Our own product in float32, shared by rows and columns alike: the slots form a grid, the one whose largest cell costs least. A cell costs
// its arithmetic, and the packing of its part of A and of B, which is as much as some rows or columns more.
#define PACKING 12
static void blocked_share(int slot, int index, int parts, const ck_matmul *j) {
    const ck_kernels *k = ck_current();
    long rows = k->blocked_rows, panel = k->blocked_panel, best = 1;
    double least = INFINITY;
    for (long across = 1; across <= parts; across++) {
        if (parts % across) continue;
        long m = (j->m + rows - 1) / rows, n = (j->n + panel - 1) / panel, down = parts / across;
        double high = (double)((m + down - 1) / down * rows), wide = (double)((n + across - 1) / across * panel);
        double cost = high * wide + PACKING * (high + wide);
        if (cost < least) least = cost, best = across;
    }
    long m0, m1, n0, n1;
    part_of(j->m, rows, index / best, parts / best, &m0, &m1);
    part_of(j->n, panel, index % best, best, &n0, &n1);
    if (m0 >= m1 || n0 >= n1) return;
    ck_matmul part = *j;
    part.m = m1 - m0, part.n = n1 - n0;
    part.a = (const char *)j->a + m0 * (j->a_transposed ? 1 : j->a_stride) * type_bytes(j->a_type);
    part.b = (const char *)j->b + n0 * (j->b_transposed ? j->b_stride : 1) * type_bytes(j->b_type);
    part.bias = j->bias ? j->bias + n0 : NULL;
    part.c = (char *)j->c + (m0 * j->c_stride + n0) * type_bytes(j->c_type);
    k->blocked(&part, ck_scratch(slot, CK_SCRATCH_WEIGHTS, (unsigned long)k->blocked_scratch(&part) * 4));
}

// Part `index` of `parts` of a product of two dense matrices, with the scratch of `slot`.
static bool dense_share(int slot, int index, int parts, const ck_matmul *j) {
    if (!few(j) && !some(j) && !library_takes(j)) {
        blocked_share(slot, index, parts, j);
        return true;
    }
    bool by_columns = shared_by_columns(j);
    long count = by_columns ? j->n : j->m, grain = count >= 64 * parts ? some(j) ? CK_PANEL : 32 : 8, begin, end;
    part_of(count, grain, index, parts, &begin, &end);
    if (begin >= end) return true;
    if (few(j)) {
        few_rows(slot, j, begin, end);
        return true;
    }
    if (some(j)) {
        ck_current()->some_rows(j, begin, end, ck_scratch(slot, CK_SCRATCH_WEIGHTS, CK_SOME_SCRATCH * 4ul));
        return true;
    }
#if CK_ONEDNN
    ck_matmul part = *j;
    if (by_columns) {
        part.n = end - begin;
        part.b = (const char *)j->b + begin * (j->b_transposed ? j->b_stride : 1) * type_bytes(j->b_type);
        part.c = (char *)j->c + begin * type_bytes(j->c_type);
        part.bias = j->bias ? j->bias + begin : NULL;
    } else {
        part.m = end - begin;
        part.a = (const char *)j->a + begin * (j->a_transposed ? 1 : j->a_stride) * type_bytes(j->a_type);
        part.c = (char *)j->c + begin * j->c_stride * type_bytes(j->c_type);
    }
    return part.a_type == part.b_type ? library_product(slot, &part) : converted_product(slot, &part);
#else
    return false;
#endif
}

// Elements of a stored matrix that are unpacked together: they stay in the second cache until they are multiplied.
#define STORED_SLICE (1l << 18)

// A product with a stored matrix. The slots share its columns, so that each weight is unpacked once; a slice of them at a time is unpacked
// to A's type and multiplied as any other matrix.
static bool stored_share(int slot, int slots, const ck_matmul *j) {
    const ck_stored *stored = j->stored;
    // Across the blocks only whole ones can be unpacked.
    long across = stored->layout == CK_GROUPED ? CK_SLICE_UNIT : ck_block_weights(stored->layout);
    long unit = j->b_transposed ? few(j) ? 8 : CK_PANEL : across, begin, end;
    part_of(j->n, unit, slot, slots, &begin, &end);
    if (few(j)) {
        if (begin < end) few_rows(slot, j, begin, end);
        return true;
    }
    long slice = STORED_SLICE / j->k / unit * unit;
    if (slice < unit) slice = unit;
    for (long n = begin; n < end; n += slice) {
        long count = end - n < slice ? end - n : slice;
        long rows = j->b_transposed ? count : j->k, width = j->b_transposed ? j->k : count;
        char *space = ck_scratch(slot, CK_SCRATCH_STORED, (unsigned long)(rows * width * type_bytes(j->a_type)));
        for (long r = 0; r < rows; r++)
            ck_current()->unpack(
                stored, j->b_transposed ? n + r : r, j->b_transposed ? 0 : n, width, space + r * width * type_bytes(j->a_type),
                j->a_type);
        ck_matmul part = *j;
        part.stored = NULL, part.n = count, part.b = space, part.b_type = j->a_type, part.b_stride = width;
        part.c = (char *)j->c + n * type_bytes(j->c_type);
        part.bias = j->bias ? j->bias + n : NULL;
        // oneDNN lays each slice anew: of 4096 × 4096 weights in float32 it took 44 ms for 16 rows where our own product takes 10.
        if (j->a_type == CK_F32) blocked_share(slot, 0, 1, &part);
        else if (!dense_share(slot, 0, 1, &part)) return false;
    }
    return true;
}

static bool share_of(int slot, int slots, const ck_matmul *j) {
    return j->stored ? stored_share(slot, slots, j) : dense_share(slot, slot, slots, j);
}

typedef struct {
    const ck_matmul *jobs;
    long count;
    atomic_bool failed;
} matmul_round;

static void matmul_body(void *opaque, int slot, int slots) {
    matmul_round *r = opaque;
    for (long i = 0; i < r->count; i++)
        if (!share_of(slot, slots, &r->jobs[i])) atomic_store(&r->failed, true);
}

const char *ck_matmul_run(const ck_matmul *jobs, long count) {
#if CK_ONEDNN
    const char *refusal = ck_level() >= CK_AVX512 ? open_library() : NULL;
    if (refusal) return refusal;
#endif
    matmul_round r = {.jobs = jobs, .count = count};
    atomic_init(&r.failed, false);
    for (long i = 0; i < count; i++)
        if (jobs[i].m <= 0 || jobs[i].n <= 0 || jobs[i].k <= 0) return "a matrix product with an empty side";
    for (long i = 0; i < count; i++) {
        ck_count_operations(2.0 * (double)jobs[i].m * (double)jobs[i].n * (double)jobs[i].k);
        const ck_stored *stored = jobs[i].stored;
        ck_count_weight_bytes(
            stored ? (double)stored->rows * (double)stored->row_bytes
                   : (double)jobs[i].n * (double)jobs[i].k * (double)type_bytes(jobs[i].b_type));
    }
    ck_round(matmul_body, &r);
    return atomic_load(&r.failed) ? "oneDNN refused a matrix product (out of memory)" : NULL;
}
