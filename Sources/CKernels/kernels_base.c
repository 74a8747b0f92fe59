#include "kernels.h"
#include <math.h>
#include <string.h>


#define KERNELS ck_kernels_base
#define PRODUCT_ROWS 4
#define PRODUCT_GROUPS 1
#include "kernels_body.h"


