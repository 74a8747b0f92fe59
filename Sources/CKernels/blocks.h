// The blocks of GGUF files, field by field. Sources: ggml/docs/gguf.md for the file, the Python package gguf for the values.
#ifndef CK_BLOCKS_H
#define CK_BLOCKS_H

#include <stdint.h>

// Each layout: weights of a block, its bytes, how many weights share a scale, and whether they share an offset too:
// weight = scale · code + offset.
#define CK_LAYOUTS(X)           \
    X(CK_Q4_0, 32, 18, 32, 0)     \
    X(CK_Q4_1, 32, 20, 32, 1)     \
    X(CK_Q5_0, 32, 22, 32, 0)     \
    X(CK_Q5_1, 32, 24, 32, 1)     \
    X(CK_Q8_0, 32, 34, 32, 0)     \
    X(CK_Q2_K, 256, 84, 16, 1)    \
    X(CK_Q3_K, 256, 110, 16, 0)   \
    X(CK_Q4_K, 256, 144, 32, 1)   \
    X(CK_Q5_K, 256, 176, 32, 1)   \
    X(CK_Q6_K, 256, 210, 16, 0)   \
    X(CK_Q8_K, 256, 292, 256, 0)  \
    X(CK_IQ4_NL, 32, 18, 32, 0)   \
    X(CK_IQ4_XS, 256, 136, 32, 0) \
    X(CK_MXFP4, 32, 17, 32, 0)

// Weights that are unpacked together: a scale is shared by one such group or more.
#define CK_GROUP 16

// Values of a 4-bit code in IQ4_NL and IQ4_XS.
#define CK_IQ4_VALUES -127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113
// Twice the values of a 4-bit float (one bit of sign, two of exponent, one of mantissa).
#define CK_E2M1_VALUES 0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12

// Bytes of a block's fields, from its begin.
enum {
    CK_Q4_0_CODES = 2,  // scale: f16 at 0
    CK_Q4_1_CODES = 4,  // scale, offset: f16 at 0 and 2
    CK_Q5_0_HIGH = 2, CK_Q5_0_CODES = 6,
    CK_Q5_1_HIGH = 4, CK_Q5_1_CODES = 8,
    CK_Q8_0_CODES = 2,
    CK_Q2_K_CODES = 16, CK_Q2_K_SCALE = 80, CK_Q2_K_MINIMUM = 82,  // 16 bytes of scales and minima at 0
    CK_Q3_K_CODES = 32, CK_Q3_K_SCALES = 96, CK_Q3_K_SCALE = 108,  // 32 bytes of high bits at 0
    CK_Q4_K_SCALES = 4, CK_Q4_K_CODES = 16,  // scale, minimum: f16 at 0 and 2
    CK_Q5_K_SCALES = 4, CK_Q5_K_HIGH = 16, CK_Q5_K_CODES = 48,
    CK_Q6_K_HIGH = 128, CK_Q6_K_SCALES = 192, CK_Q6_K_SCALE = 208,  // 128 bytes of low bits at 0
    CK_Q8_K_CODES = 4,  // scale: f32 at 0; sums of sixteen behind the codes
    CK_IQ4_NL_CODES = 2,
    CK_IQ4_XS_HIGH = 2, CK_IQ4_XS_LOW = 4, CK_IQ4_XS_CODES = 8,
    CK_MXFP4_CODES = 1,  // scale: a power of two at 0
};

#endif
