// The parts of the kernels that are compiled once per instruction set, behind one table each.
#ifndef CK_KERNELS_H
#define CK_KERNELS_H

#include "CKernels.h"
#include "parallel.h"

// Products with at most this many rows are memory-bound dot products, and ours.
#define CK_FEW_ROWS 8
// Up to this many, in bfloat16, oneDNN would spend much of its time laying the weight out.
#define CK_SOME_ROWS 192
// Columns that are made together, in pieces of this many pairs: their weights, with the rows of A, fit the second cache.
#define CK_PANEL 64
#define CK_PANEL_PAIRS 256
// Blocks of products in float32, see blocked_body.h: rows and depth of A, columns of B that are packed together for many and for few
// rows, and columns that are finished before the next ones begin where there are few rows. Columns are whole panels of every instruction set.
#define CK_BLOCK_ROWS 192
#define CK_BLOCK_DEPTH 384
#define CK_BLOCK_COLUMNS 512
#define CK_FEW_COLUMNS 64
#define CK_MORE_COLUMNS 4096
// Squares that are added up together, see ck_sum_of_squares.
#define CK_SUM_BLOCK 262144
#define CK_SOME_SCRATCH (CK_PANEL * (CK_PANEL_PAIRS + CK_SOME_ROWS))

// Where an item of attention adds the gradients of keys and values: row r at row places[r] of dk and dv, or at row −1 − places[r] of the
// private ones.
typedef struct {
    float *dk, *dv, *private_dk, *private_dv;
    const int32_t *places;
} ck_key_gradients;

typedef struct {
    void (*convert)(const void *from, ck_type from_type, void *to, ck_type to_type, long count);
    void (*add_scaled)(float *y, const float *x, float scale, long count);
    void (*scale)(float *y, const float *x, float scale, long count);
    double (*sum_of_squares)(const float *x, long count);
    long (*first_nonfinite)(const void *x, ck_type type, long count);
    void (*column_sums)(const void *x, ck_type type, long rows, long width, long begin, long end, float *sums);
    void (*embed_row)(const void *table, ck_type type, long id, long width, float scale, float *out);
    void (*rms_norm_row)(
        const float *x, const void *weight, ck_type weight_type, float offset, float eps, long width, void *y,
        ck_type y_type, float *inverse_rms);
    void (*rms_norm_backward_row)(
        const float *dy, const float *x, const void *weight, ck_type weight_type, float offset, float inverse_rms,
        long width, float *dx, bool accumulate_dx, float *dweight);
    void (*rotate_row)(float *x, const float *cosine, const float *sine, long heads, long width, float direction);
    void (*gated)(
        const void *gate, const void *up, ck_type in_type, ck_activation activation, long count, void *out,
        ck_type out_type);
    void (*gated_backward)(
        const float *dout, const void *gate, const void *up, ck_type in_type, ck_activation activation, long count,
        void *dgate, void *dup);
    float (*softmax_row)(const float *logits, long target, long width, void *probabilities, ck_type type);
    void (*softmax_backward_row)(
        void *probabilities, ck_type type, long target, float log_probability, float coefficient, long width);
    void (*adamw_f32)(const ck_adamw *o, float *weight, const float *gradient, float *m, float *v, long count);
    void (*adamw_bf16)(
        const ck_adamw *o, uint16_t *weight, int16_t *low, const float *gradient, float *m, float *v, long count);
    void (*decay_bf16)(float factor, uint16_t *weight, int16_t *low, long count);
    // out[i] = exp((x[i] − shift) · scale); returns their sum.
    double (*exponentials)(const float *x, float shift, float scale, long count, float *out);
    float (*row_maximum)(const float *x, long count);
    // Columns begin..<end of A · Bᵀ for at most CK_FEW_ROWS rows; `a` is the job's A in float32, [m, k].
    void (*few_rows)(const ck_matmul *job, const float *a, long begin, long end);
    // The same for at most CK_SOME_ROWS rows of bfloat16, where the CPU has its instructions; see some_rows_body.h.
    void (*some_rows)(const ck_matmul *job, long begin, long end, float *scratch);
    // Weights begin..<begin + count of a row of a stored matrix, in float32 or bfloat16; see stored_body.h. Whole blocks of them, or from a
    // multiple of CK_SLICE_UNIT on where there are no blocks (grouped_body.h).
    void (*unpack)(const ck_stored *stored, long row, long begin, long count, void *to, ck_type type);
    // few_rows for a stored matrix. `a` is the job's A as arrange_rows lays it, from [m, k] in float32, in arranged_space floats; where there
    // are none, it is that itself. See stored_dots_body.h.
    void (*few_rows_stored)(const ck_matmul *job, const float *a, long begin, long end);
    long (*arranged_space)(const ck_matmul *job);
    void (*arrange_rows)(const ck_matmul *job, const float *a, float *to);
    // Any product, in float32, and the scratch it needs, in floats; see blocked_body.h.
    void (*blocked)(const ck_matmul *job, float *scratch);
    long (*blocked_scratch)(const ck_matmul *job);
    // Rows and columns of its register tile.
    long blocked_rows, blocked_panel;
    // See attention_body.h.
    void (*attention_forward)(
        const ck_attention *a, long task, long query_begin, long query_end, long kv_head, void *out, ck_type out_type,
        float *log_sum_exp, float *scratch);
    void (*attention_backward)(
        const ck_attention *a, long task, long query_begin, long query_end, long kv_head, const void *out,
        ck_type out_type, const float *log_sum_exp, const float *dout, float *dq, const ck_key_gradients *to, float *scratch);
    // See limits_body.h; the second is null without bfloat16 instructions.
    double (*limit_multiply_adds)(float *sink);
    double (*limit_pair_products)(float *sink);
    float (*limit_read)(const float *x, long count);
    // Blocks of CK_Q8_0 out of 32 floats each.
    void (*quantize_q8_0)(const float *x, long blocks, uint8_t *to);
} ck_kernels;

extern const ck_kernels ck_kernels_base;
#if defined(__aarch64__)
extern const ck_kernels ck_kernels_neon;
#endif
#if defined(__x86_64__)
extern const ck_kernels ck_kernels_avx2, ck_kernels_avx512, ck_kernels_avx512bf16;
#endif
// The table for this CPU.
const ck_kernels *ck_current(void);

// Instruction sets that the kernels are built for, each with all of those below it. On AArch64 NEON takes the place of AVX2.
enum { CK_BASE, CK_AVX2, CK_AVX512, CK_AVX512BF16 };
// The one in use, and the highest allowed by INTERLINEAR_ISA: CK_AVX512BF16 + 1 where nothing limits it.
int ck_level(void);
int ck_limit(void);

// Columns of a matrix with scales of groups are unpacked from a multiple of this one on.
#define CK_SLICE_UNIT 64
// One weight of such a matrix; the definition.
float ck_grouped_weight(const ck_stored *s, long row, long column);

// Adds to what ck_operations and ck_weight_bytes tell.
void ck_count_operations(double count);
void ck_count_weight_bytes(double count);

// Keys per tile of attention.
#define KEYS 64
// Query rows that one attention item takes, and the scratch it needs, in floats.
long ck_attention_tile_rows(const ck_attention *a);
long ck_attention_scratch(const ck_attention *a);

#endif
