// The kernels for any CPU, in what the compiler makes of them (SSE2 on x86). See kernels_body.h.
#include "kernels.h"
#include <math.h>
#include <string.h>
#define KERNELS ck_kernels_base
#define PRODUCT_ROWS 2
#define PRODUCT_GROUPS 1
#include "kernels_body.h"
