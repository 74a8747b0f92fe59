// The numerical kernels behind `Tensors`. Nothing here is promised to anybody but that module.
//
// Conventions. Matrices are row-major. `long` counts elements unless the name says bytes. Functions over rows or many elements
// spread their work over the worker threads by themselves and return when it is done. A kernel never allocates an output.
// Kernels with something to get wrong have a plain twin, `ck_plain_…`, written for reading, which the tests compare them with;
// the tests of the others compute the expected values themselves.
#ifndef CKERNELS_H
#define CKERNELS_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// Element types in memory. Arithmetic accumulates in float32 whatever the type.
typedef enum { CK_F32 = 0, CK_BF16 = 1, CK_F16 = 2 } ck_type;

// MARK: Machine

// Number of threads that share each kernel's work, the caller included. 1...CK_MAX_THREADS.
#define CK_MAX_THREADS 64
// By default as many as there are cores that the process may use: its affinity and the quota of its control group count.
void ck_set_threads(int count);
int ck_threads(void);
// The processor quota, in cores, of the control groups listed in the file `membership` (/proc/self/cgroup), mounted at `mount`; infinite
// where nothing limits it.
double ck_cpu_quota(const char *membership, const char *mount);
// Whether this CPU has instructions for products of bfloat16. Without them such products are computed in float32, from the same operands.
bool ck_supports_bf16(void);
// "avx512bf16", "avx512", "avx2" or "base" (AArch64: "neon" or "base"): which build of the kernels this CPU runs. INTERLINEAR_ISA in the
// environment limits it, and oneDNN with it.
const char *ck_instruction_set(void);
// The name of a level (0 is "base"), or null behind the last one.
const char *ck_instruction_set_name(int level);
// What computes products of many rows: the library with its version and instruction set, or "own kernels".
const char *ck_matmul_library(void);
// What INTERLINEAR_ISA asks for where that is no instruction set of this list, else null.
const char *ck_unknown_limit(void);
// Forces a lower instruction set, so that tests can run each build of a kernel: 3 avx512bf16, 2 avx512, 1 avx2 or neon, 0 base, -1 the best.
// Returns the level in force.
int ck_force_instruction_set(int level);
// Runs body(context, index) for index in 0..<count, one index at a time per thread, in no particular order.
void ck_parallel(long count, void (*body)(void *context, long index), void *context);
// Peak resident memory of this process in bytes, and a way to start counting again (where the system has one).
long ck_peak_resident_bytes(void);
void ck_reset_peak_resident_bytes(void);
// Asks the allocator to give free pages back to the system.
void ck_trim_memory(void);

// MARK: Limits

// Operations per second of all threads in registers alone, with the instructions that products of `type` use (a multiplication and an
// addition are two). Units for whole matrices (AMX), which oneDNN uses where they are, are not counted: there it may do more. A quarter
// of a second.
double ck_arithmetic_limit(ck_type type);
// Bytes per second that all threads together read from memory, half a gibibyte of it.
double ck_reading_limit(void);
// Operations of the matrix products and of attention so far, as the mathematics counts them (of attention only what a query sees; the
// backward pass is five products), and bytes of the right sides of products: read once each, they are what a single row costs.
unsigned long long ck_operations(void);
unsigned long long ck_weight_bytes(void);

// MARK: Stored weights

// How the weights of a matrix lie in memory. The blocks of GGUF files (ggml's names): a row is whole blocks of 32 or 256 weights, each with
// its scales.
typedef enum {
    CK_Q4_0, CK_Q4_1, CK_Q5_0, CK_Q5_1, CK_Q8_0,
    CK_Q2_K, CK_Q3_K, CK_Q4_K, CK_Q5_K, CK_Q6_K, CK_Q8_K,
    CK_IQ4_NL, CK_IQ4_XS, CK_MXFP4,
    CK_LAYOUT_COUNT,
    // Codes of one width, and apart from them a scale for each group of rows and columns: ck_grouped.
    CK_GROUPED = CK_LAYOUT_COUNT
} ck_layout;
// Weights of one block, and its bytes; not of CK_GROUPED.
long ck_block_weights(ck_layout layout);
long ck_block_bytes(ck_layout layout);

// The codes of a row, one behind the other, and the number that each stands for.
typedef enum {
    // That many bits, the lowest first, across the bytes.
    CK_U2, CK_U3, CK_U4, CK_U5, CK_U6, CK_U8,
    // A signed byte; a float of eight bits (sign, four of exponent, three of mantissa; no infinities).
    CK_I8, CK_E4M3,
    // Four bits that pick one of sixteen numbers, the low half of a byte first, or the high one.
    CK_PICK, CK_PICK_HIGH,
    CK_CODE_COUNT
} ck_code;
// What a scale is stored as: a number, a power of two, or a float of eight bits.
typedef enum { CK_SCALE_F32, CK_SCALE_BF16, CK_SCALE_F16, CK_SCALE_E8M0, CK_SCALE_E4M3 } ck_scale_type;

// CK_GROUPED. Row r and column c have scale s = r / group_rows · groups + group(c), where group(c) is group_of[c], or c / group_columns:
//     weight = ((number − zero − zeros[s]) · scales[s] + offsets[s]) · factor
// rounded to `rounding` after the product and after what follows it, as the packages round.
typedef struct {
    ck_code code;
    ck_scale_type scale_type;
    ck_type rounding;
    long group_rows, group_columns, groups;
    const int32_t *group_of;  // [columns], or null
    const void *scales;  // [⌈rows / group_rows⌉, groups]
    const void *offsets;  // of the scales' type, or null; only with scales that are numbers
    const int8_t *zeros;  // or null
    float zero;
    float factor;  // 1, or what everything is multiplied by at last
    float numbers[16];  // of CK_PICK and CK_PICK_HIGH
} ck_grouped;

// A weight matrix as it is stored: [rows, columns]. Its values are those that the package which writes the layout makes of it, bit for bit.
typedef struct {
    ck_layout layout;
    long rows, columns;
    const void *codes;
    long row_bytes;  // from one row to the next
    const int32_t *order;  // row i is the order[i]-th one that is stored; null for rows as they lie, as those of CK_GROUPED do
    ck_grouped grouped;  // of CK_GROUPED
} ck_stored;

// to[i, 0..<columns] = row rows[i] of the matrix, or row i where `rows` is null; in float32 or bfloat16.
void ck_unpack_rows(const ck_stored *stored, const int32_t *rows, long count, void *to, ck_type to_type);
void ck_plain_unpack_rows(const ck_stored *stored, const int32_t *rows, long count, void *to, ck_type to_type);

// Codes as files have them otherwise, laid anew.
// to[c, r] = from[r, c], for elements of 1, 2 or 4 bytes.
void ck_transpose(const void *from, long rows, long columns, long element_bytes, void *to);
// Words of eight codes of four bits, [rows, columns / 8]: code k of a word, the lowest first, is that of column order[k] of eight.
// to[columns, ⌈rows / 2⌉] holds them by columns, the low half of a byte first.
void ck_transpose_nibbles(const uint32_t *from, long rows, long columns, const uint8_t *order, uint8_t *to);
// Codes of `bits` bits, the lowest first: `count` in each row of row_bytes bytes; to[rows, count] one byte each, with `added` to it.
void ck_spread_codes(const uint8_t *from, long rows, long row_bytes, int bits, long count, int added, uint8_t *to);
// Weights in CK_Q8_0: blocks of 32, d = max|x| / 127 in float16, then x · (1 / d) with d not yet rounded, rounded to whole numbers half away
// from zero, as ggml's quantize_row_q8_0_ref has it. x is finite. Returns the first block whose d is too large for float16, or −1.
long ck_quantize_q8_0(const float *x, long blocks, void *to);
void ck_plain_quantize_q8_0(const float *x, long blocks, void *to);
void ck_scale_numbers(const void *scales, ck_scale_type type, long count, float *to);
// Index of the first scale that is NaN or infinite, or −1.
long ck_first_bad_scale(const void *scales, ck_scale_type type, long count);

// MARK: Quantizing

// Columns that share a scale, at most.
#define CK_MAX_GROUP 128

// Weights as MLX's affine codes, to the nearest: each `group` of them (a multiple of 8, up to CK_MAX_GROUP) becomes codes of `bits` bits
// (2...8), the lowest first, one group's behind the other's, with a scale and an offset, float32, that are not rounded. Every number must be
// finite. Values: mlx.core.quantize, bit for bit.
void ck_quantize_groups(
    const float *weights, long groups, long group, int bits, float *scales, float *offsets, uint8_t *codes);

// One step of a descent over the columns first..<first + group of a matrix: each in turn gets the code that makes
// Σ_r difference[r] · H · difference[r]ᵀ least while all others stay, where difference = codes' values − weights.
// (Cyclic coordinate descent: Behdin et al. 2023, QuantEase, algorithm 1.)
typedef struct {
    long rows, columns;
    long first, group;  // the columns of one group; up to CK_MAX_GROUP
    int bits;
    ck_type rounding;  // the type of scales and values
    const float *weights;  // [rows, columns]
    const float *curvature;  // H, [columns, columns], symmetric
    float *difference;  // [rows, columns]; brought up to date in these columns
    const float *slope;  // difference · H as it was before the step, [rows, columns]
    float *change;  // by how much the difference grew, [rows, group]
    float *scales, *offsets;  // [rows, columns / group], numbers of the type `rounding`
    uint8_t *codes;  // [rows, columns], one byte each
    bool chooses_scales;  // whether scales and offsets are chosen first
} ck_descent;
void ck_descend(const ck_descent *descent);
// [rows, width] codes of one byte ↦ [rows, width · bits / 8], the lowest bits first. Rows are whole bytes.
void ck_pack_codes(const uint8_t *from, long rows, long width, int bits, uint8_t *to);

// MARK: Matrix products

// C[m, n] (+)= op(A) · op(B) (+ bias). op(A) is [m, k]: stored so, or [k, m] when a_transposed. op(B) is [k, n]: stored
// so, or [n, k] when b_transposed, as weights are. A decides the arithmetic: float32, or operands in bfloat16 and their sums in
// float32, on every CPU. B of another type is converted a slice at a time into a small scratch, so weights stay as they lie in the file. With
// `stored` B is that matrix, [n, k] when b_transposed and [k, n] else; b, b_type and b_stride are not looked at.
typedef struct {
    long m, n, k;
    const void *a;
    ck_type a_type;
    long a_stride;  // elements between stored rows
    bool a_transposed;
    const void *b;
    ck_type b_type;
    long b_stride;
    bool b_transposed;
    const ck_stored *stored;  // or null
    const float *bias;  // [n] or null
    void *c;
    ck_type c_type;
    long c_stride;
    bool accumulate;
} ck_matmul;

// Runs several products in one round of the worker threads. Returns null, or a message that lives forever.
const char *ck_matmul_run(const ck_matmul *jobs, long count);
void ck_plain_matmul(const ck_matmul *job);

// MARK: Rows

void ck_convert(const void *from, ck_type from_type, void *to, ck_type to_type, long count);
void ck_plain_convert(const void *from, ck_type from_type, void *to, ck_type to_type, long count);
void ck_fill(float *x, float value, long count);
// Uniform numbers in ±√3·deviation, a function of (seed, index) alone.
void ck_fill_random(void *x, ck_type type, float deviation, uint32_t seed, long count);
// y += scale · x
void ck_add_scaled(float *y, const float *x, float scale, long count);
// y = scale · x
void ck_scale(float *y, const float *x, float scale, long count);
double ck_sum_of_squares(const float *x, long count);
// Index of the first element that is NaN or infinite, or -1.
long ck_first_nonfinite(const void *x, ck_type type, long count);
// to[i] = from[rows[i]]; rows of `width` bytes.
void ck_gather_rows(const void *from, const int32_t *rows, long count, long width_bytes, void *to);
// to[rows[i]] += from[i], float32; equal rows add up, in order.
void ck_scatter_add_rows(const float *from, const int32_t *rows, long count, long width, float *to);
// sums[j] (+)= Σ_i x[i, j]
void ck_column_sums(const void *x, ck_type type, long rows, long width, float *sums, bool accumulate);

// to = from, byte for byte; they do not overlap.
void ck_copy_bytes(const void *from, long bytes, void *to);
void ck_clear_bytes(void *to, long bytes);
bool ck_same_bytes(const void *a, const void *b, long bytes);
bool ck_holds_byte(const void *x, uint8_t byte, long count);
// Rows `row`..<`row + count` of a matrix.
typedef struct {
    long row, count;
} ck_row_range;
// The rows of the ranges, in order, of `to` become the rows of `from` from its first one on; rows of `width` bytes.
void ck_store_rows(const void *from, const ck_row_range *ranges, long range_count, long width_bytes, void *to);
void ck_clear_rows(void *x, const ck_row_range *ranges, long range_count, long width_bytes);
// to[places[i]] = from[rows[i]] in float32; places differ.
void ck_gather_rows_as_f32(
    const void *from, ck_type type, const int32_t *rows, const int32_t *places, long count, long width, float *to);
// to[i] = x[at[i]]
void ck_gather_elements(const float *x, const int64_t *at, long count, float *to);
// y = x + number
void ck_add_number(const float *x, float number, long count, float *y);
// x[i, i] += number, for a square matrix.
void ck_add_to_diagonal(float *x, float number, long width);
// y[r] = scales[r] · x[r], float32; y may be x.
void ck_scale_rows(const float *x, const float *scales, long rows, long width, float *y);
// y[rows[i]] += scales[i] · x[i], float32; rows differ.
void ck_add_scaled_rows(const float *x, const float *scales, const int32_t *rows, long count, long width, float *y);
// nonzero[r] = 1 where row r of x or of y has an element other than zero, else 0.
void ck_nonzero_rows(const float *x, const float *y, long rows, long width, uint8_t *nonzero);

// Sums in float64, each term added to those before it. What a seed gives depends on the order, so threads share out whole rows or whole
// columns, and one row's sum is not spread over lanes: rows64.c is both the definition and the kernel.
// dots[i] = Σ_j a[a_rows[i], j] · b[i, j]; row i of a where a_rows is null.
void ck_row_dots(const float *a, const int32_t *a_rows, const float *b, long rows, long width, double *dots);
// sums[r] = Σ_j p[r, j] · log p[r, j] over positive elements.
void ck_row_entropies(const float *p, long rows, long width, double *sums);
// means[j] = Σ_r x[r, j] / rows; 0 of no rows.
void ck_column_means(const float *x, long rows, long width, float *means);
// y[r] = factors[r] · x[r], multiplied in float64 and rounded once.
void ck_scale_rows_f64(const float *x, const double *factors, long rows, long width, float *y);
// dy[r] = factors[r] · (dy[r] − along[r] · y[r]), in float64 and rounded once.
void ck_scale_rows_backward_f64(
    float *dy, const float *y, const double *along, const double *factors, long rows, long width);
// y[r, 0..<width] = (x[r] · √(width / ‖x[r]‖²) − mean) · inverse_deviation; y[r, width] = 1; the rest of y's row, stride long, is 0. A
// zero row of x stays zero before the mean is taken away.
void ck_standardize_rows(
    const float *x, const float *mean, const float *inverse_deviation, long rows, long width, long stride, float *y);

// Σ_j x[r, j]², as ck_sum_of_squares adds them for each row by itself: fast, in the order of this CPU's kernels.
void ck_row_squares(const float *x, long rows, long width, double *squares);

// out[i] = scale · table[ids[i]]
void ck_embed(const void *table, ck_type type, const int32_t *ids, long rows, long width, float scale, float *out);

// y = x / rms(x) · (weight + offset), rms over the row with eps inside the root; inverse_rms [rows] is kept for the
// backward pass when not null.
void ck_rms_norm(
    const float *x, const void *weight, ck_type weight_type, float offset, float eps, long rows, long width, void *y,
    ck_type y_type, float *inverse_rms);
void ck_plain_rms_norm(
    const float *x, const void *weight, ck_type weight_type, float offset, float eps, long rows, long width, void *y,
    ck_type y_type, float *inverse_rms);
// dx (+)= …; dweight (null when frozen) += …
void ck_rms_norm_backward(
    const float *dy, const float *x, const void *weight, ck_type weight_type, float offset, const float *inverse_rms,
    long rows, long width, float *dx, bool accumulate_dx, float *dweight);
// How many threads its weight's gradient can use.
long ck_norm_backward_units(long rows);
void ck_plain_rms_norm_backward(
    const float *dy, const float *x, const void *weight, ck_type weight_type, float offset, const float *inverse_rms,
    long rows, long width, float *dx, bool accumulate_dx, float *dweight);

// Rotates each head in place: pairs (i, i + width/2), angle table row positions[r]. direction +1, or -1 to undo it
// (which is also the backward pass). cosine, sine: [positions, width/2].
void ck_rotate(
    float *x, const int32_t *positions, const float *cosine, const float *sine, long rows, long heads, long width,
    int direction);
void ck_plain_rotate(
    float *x, const int32_t *positions, const float *cosine, const float *sine, long rows, long heads, long width,
    int direction);

typedef enum { CK_SILU = 0, CK_GELU_TANH = 1, CK_GELU = 2 } ck_activation;
// out = activation(gate) · up
void ck_gated(
    const void *gate, const void *up, ck_type in_type, ck_activation activation, long count, void *out, ck_type out_type);
void ck_plain_gated(
    const void *gate, const void *up, ck_type in_type, ck_activation activation, long count, void *out, ck_type out_type);
// dgate, dup from dout (float32); they have in_type.
void ck_gated_backward(
    const float *dout, const void *gate, const void *up, ck_type in_type, ck_activation activation, long count,
    void *dgate, void *dup);
void ck_plain_gated_backward(
    const float *dout, const void *gate, const void *up, ck_type in_type, ck_activation activation, long count,
    void *dgate, void *dup);

// MARK: Vocabulary

// For each row of logits [rows, width] (float32): log_probability[r] = logits[target] − log Σ exp; the row is replaced, in
// `probabilities` of `type`, by its softmax (may be null; may not alias logits unless type is float32).
void ck_token_log_probabilities(
    const float *logits, const int32_t *targets, long rows, long width, float *log_probability, void *probabilities,
    ck_type type);
void ck_plain_token_log_probabilities(
    const float *logits, const int32_t *targets, long rows, long width, float *log_probability, void *probabilities,
    ck_type type);
// In place: p ← coefficient[r] · (onehot(target) − p), the gradient of the logits. The target's 1 − p comes from its
// log-probability: in a rounded p it would be lost where the model is sure.
void ck_token_log_probabilities_backward(
    void *probabilities, ck_type type, const int32_t *targets, const float *log_probability, const float *coefficients,
    long rows, long width);

// MARK: Scores

// Per row: mean((√d·p/‖p‖ − √d·g/‖g‖)²) = 2(1 − cos), docs/method.md §3. A zero row counts as a zero vector.
void ck_normalized_mse(const float *prediction, const float *truth, long rows, long width, float *mse);
void ck_plain_normalized_mse(const float *prediction, const float *truth, long rows, long width, float *mse);
// dprediction = coefficient[r] · ∂mse_r/∂prediction
void ck_normalized_mse_backward(
    const float *prediction, const float *truth, const float *coefficients, long rows, long width, float *dprediction);

// MARK: Attention over a token tree

// A run of consecutive query rows with the keys they see. The keys are the rows of `spans`, in order; the first query sees
// the first `first_visible` of them, the next one more, and so on. With window > 0 a query sees only its last `window` keys.
typedef struct {
    long query_row, query_count;
    long first_visible;
    long span_begin, span_count;  // into the spans array
} ck_attention_task;
typedef struct {
    long row, count;
} ck_attention_span;

typedef struct {
    const float *q;  // [query rows, heads, width]
    const float *k, *v;  // [key rows, kv_heads, width]
    long heads, kv_heads, width;
    float scale;
    long window;
    const ck_attention_task *tasks;
    long task_count;
    const ck_attention_span *spans;
    long query_rows, key_rows;
    // Operands of the products rounded to bfloat16; sums and the softmax stay in float32.
    bool pairs;
} ck_attention;

// out [query rows, heads, width] of out_type; log_sum_exp [query rows, heads] is kept for the backward pass when not null.
void ck_attention_forward(const ck_attention *a, void *out, ck_type out_type, float *log_sum_exp);
void ck_plain_attention_forward(const ck_attention *a, void *out, ck_type out_type, float *log_sum_exp);
// dq is written; dk and dv [key rows, kv_heads, width] are added to.
void ck_attention_backward(
    const ck_attention *a, const void *out, ck_type out_type, const float *log_sum_exp, const float *dout, float *dq,
    float *dk, float *dv);
// Units of work of that backward pass, which is how many threads it can use: a function of the shapes alone, as are its results.
long ck_attention_backward_units(const ck_attention *a);
void ck_plain_attention_backward(
    const ck_attention *a, const void *out, ck_type out_type, const float *log_sum_exp, const float *dout, float *dq,
    float *dk, float *dv);

// MARK: Optimizer

// AdamW as PyTorch computes it (decoupled decay first, bias-corrected moments). step counts from 1. gradient is scaled by
// gradient_scale first (clipping).
typedef struct {
    float learning_rate, beta1, beta2, eps, weight_decay, gradient_scale;
    long step;
} ck_adamw;
void ck_adamw_f32(const ck_adamw *o, float *weight, const float *gradient, float *m, float *v, long count);
void ck_plain_adamw_f32(const ck_adamw *o, float *weight, const float *gradient, float *m, float *v, long count);
// The float32 master weight is bfloat16 `weight` (its upper half, rounded) plus `low`, the signed 16-bit rest.
void ck_adamw_bf16(
    const ck_adamw *o, uint16_t *weight, int16_t *low, const float *gradient, float *m, float *v, long count);
// A table of which a step saw few rows, such as an embedding: the same result as with a gradient of zeros elsewhere, without
// holding one. Row r has gradient row slots[r], or none if that is negative; rows whose moments are still zero (`touched` is
// zero) only decay. `low` is null for a float32 table. Rows seen are marked as touched.
void ck_adamw_rows(
    const ck_adamw *o, void *weight, int16_t *low, const float *gradient, const int32_t *slots, uint8_t *touched, float *m,
    float *v, long rows, long width);
void ck_split_master(const float *master, uint16_t *weight, int16_t *low, long count);
void ck_join_master(const uint16_t *weight, const int16_t *low, float *master, long count);

// MARK: Sampling

// A logit that is changed before a token is drawn: `bias` is added, then a positive one is divided by `repetition` and any other
// multiplied by it, then `penalty` is taken away.
typedef struct {
    int32_t token;
    float bias, repetition, penalty;
} ck_logit_edit;

typedef struct {
    float temperature;  // 0 is greedy
    float top_p;  // 1 keeps all
    long top_k;  // 0 keeps all
    double uniform;  // in [0, 1), the draw
    float min_p;  // tokens less probable than this share of the most probable one are left out; 0 keeps all
    const ck_logit_edit *edits;  // each of another token
    long edit_count;
} ck_sampling;
// One token per row of logits [rows, width]: chosen[r], and its log-probability under the untouched softmax at temperature 1
// when log_probability is not null. In this order: edits, temperature, min_p, top_k, top_p, each of what the one before left.
// scratch: [2, rows, width] floats.
void ck_sample(
    const float *logits, long rows, long width, const ck_sampling *sampling, int32_t *chosen, float *log_probability,
    float *scratch);
// The `count` (1 to width) most probable tokens of one row, most probable first, of equals the first.
void ck_most_probable(const float *logits, long width, long count, int32_t *tokens);

#ifdef __cplusplus
}
#endif
#endif
