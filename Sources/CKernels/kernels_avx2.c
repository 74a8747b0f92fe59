// The kernels for x86 CPUs with AVX2. See kernels_body.h.
#include "kernels.h"
#include <math.h>
#include <string.h>
#if defined(__x86_64__)
#include <immintrin.h>
#pragma clang attribute push(__attribute__((target("avx2,fma,f16c"))), apply_to = function)
#define KERNELS ck_kernels_avx2
#define FUSED 1
#define BYTE_LOOKUP 1
#define PRODUCT_ROWS 6
#define PRODUCT_GROUPS 1
#include "kernels_body.h"
#pragma clang attribute pop
#endif
