// The kernels for AArch64: fused products, and a register tile for its 32 registers. See kernels_body.h.
#include "kernels.h"
#include <math.h>
#include <string.h>
#if defined(__aarch64__)
#include <arm_neon.h>
#define KERNELS ck_kernels_neon
#define FUSED 1
#define NEON_LOOKUP 1
#define PRODUCT_ROWS 6
#define PRODUCT_GROUPS 1
#include "kernels_body.h"
#endif
