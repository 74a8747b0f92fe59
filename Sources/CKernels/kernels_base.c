// The kernels for any CPU: SSE2 on x86, NEON on AArch64. See kernels_body.h.
#include "kernels.h"
#include <math.h>
#include <string.h>
#define KERNELS ck_kernels_base
#define PRODUCT_ROWS 4
#define PRODUCT_GROUPS 1
#include "kernels_body.h"
