// The kernels for x86 CPUs with AVX-512 and its bfloat16 instructions. See kernels_body.h.
#include "kernels.h"
#include <math.h>
#include <string.h>
#if defined(__x86_64__)
#include <immintrin.h>
#pragma clang attribute push( \
    __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx512bf16,avx2,fma,f16c"))), apply_to = function)
#define KERNELS ck_kernels_avx512bf16
#define NATIVE_BF16 1
#define FUSED 1
#define NATIVE_LOOKUP 1
#define PRODUCT_ROWS 6
#define PRODUCT_GROUPS 4
#include "kernels_body.h"
#pragma clang attribute pop
#endif
