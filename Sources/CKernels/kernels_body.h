// Everything that is compiled once per instruction set. The including file defines KERNELS (the table's name), PRODUCT_ROWS and
// PRODUCT_GROUPS (the register tile of products), FUSED and NATIVE_BF16 where there are such instructions, and pushes the target attribute.

#include "lanes.h"
#include "rows_body.h"

#include "attention_body.h"
#include "blocked_body.h"
#include "few_rows_body.h"
#include "limits_body.h"
#include "optimizer_body.h"
#include "quantize_body.h"
#if NATIVE_BF16
#include "some_rows_body.h"
#endif
#include "stored_body.h"

const ck_kernels KERNELS = {
    .convert = convert,
    .add_scaled = add_scaled,
    .scale = scale_row,
    .sum_of_squares = sum_of_squares,
    .first_nonfinite = first_nonfinite,
    .column_sums = column_sums,
    .embed_row = embed_row,
    .rms_norm_row = rms_norm_row,
    .rms_norm_backward_row = rms_norm_backward_row,
    .rotate_row = rotate_row,
    .gated = gated,
    .gated_backward = gated_backward,
    .softmax_row = softmax_row,
    .softmax_backward_row = softmax_backward_row,
    .adamw_f32 = adamw_f32,
    .adamw_bf16 = adamw_bf16,
    .decay_bf16 = decay_bf16,
    .exponentials = exponentials,
    .row_maximum = row_maximum,
    .few_rows = few_rows,
#if NATIVE_BF16
    .some_rows = some_rows,
#endif
    .unpack = unpack,
    .few_rows_stored = few_rows_stored,
    .arranged_space = arranged_space,
    .arrange_rows = arrange_rows,
    .blocked = blocked,
    .blocked_scratch = blocked_scratch,
    .blocked_rows = PRODUCT_ROWS,
    .blocked_panel = PRODUCT_COLUMNS,
    .attention_forward = attention_forward,
    .attention_backward = attention_backward,
    .limit_multiply_adds = limit_multiply_adds,
#if NATIVE_BF16
    .limit_pair_products = limit_pair_products,
#endif
    .limit_read = limit_read,
    .quantize_q8_0 = quantize_q8_0,
};
