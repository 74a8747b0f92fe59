// The codes and scales of stored weights where dot products of few rows want them, written once in `lanes` and compiled by each kernels_*.c
// for its instruction set.
//
// Codes are not moved to where a number would have them. Sixteen dwords of codes hold one code in each of their bytes (or two nibbles, or four
// codes of two bits): a mask leaves one code of each dword, a conversion makes it a number, a power of two too large, and the activation that
// meets it is that much smaller. These powers are exact.
//
// Four groups of sixteen weights make a set: each gives four dwords. Weight 4 i + b of a group is byte b of its dword i.

// Weights whose scales are made together, in whole sets: a block of 256, or four blocks of 32.
INLINE long segment_weights(const ck_layout layout) { return block_weights(layout) == 32 ? 128 : 256; }

// Codes lie alone in the bytes of their dwords, or beside others: the bits that each has for itself.
INLINE int code_bits_apart(const ck_layout layout) {
    return layout == CK_Q4_0 || layout == CK_Q4_1 || layout == CK_Q4_K ? 4 : layout == CK_Q2_K ? 2 : 8;
}

// The group of a segment whose weights are dwords 4 q..<4 q + 4 of a set.
INLINE long group_in_set(const ck_layout layout, const long set, const long q) {
    switch (layout) {
    case CK_Q8_0: case CK_Q8_K: case CK_Q6_K: return 4 * set + q;
    case CK_Q4_K: case CK_Q5_K: return 4 * (set / 2 * 2 + q / 2) + 2 * (set % 2) + q % 2;
    case CK_Q2_K: case CK_Q3_K: return 8 * (q / 2) + 2 * set + q % 2;
    default: return set / 2 * 8 + 2 * q + set % 2;
    }
}

// What is added to a stored code so that it has no sign, or to a number that is looked up.
INLINE int added_to_codes(const ck_layout layout) {
    switch (layout) {
    case CK_Q4_0: return 8;
    case CK_Q5_0: return 16;
    case CK_Q8_0: case CK_Q8_K: case CK_IQ4_NL: case CK_IQ4_XS: return 128;
    case CK_Q3_K: return 4;
    case CK_Q6_K: return 32;
    case CK_MXFP4: return 12;
    default: return 0;
    }
}
#define RAISED(added, a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p) \
    {(a) + added, (b) + added, (c) + added, (d) + added, (e) + added, (f) + added, (g) + added, (h) + added, \
     (i) + added, (j) + added, (k) + added, (l) + added, (m) + added, (n) + added, (o) + added, (p) + added}
#define RAISED_BY(added, ...) RAISED(added, __VA_ARGS__)
static const uint8_t iq4_bytes[16] = RAISED_BY(128, CK_IQ4_VALUES), e2m1_bytes[16] = RAISED_BY(12, CK_E2M1_VALUES);

// MARK: Codes

typedef int32_t quad_i32 __attribute__((vector_size(16)));
typedef int32_t eight_i32 __attribute__((vector_size(32)));
#define JOINED8(a, b) __builtin_shufflevector(a, b, 0, 1, 2, 3, 4, 5, 6, 7)
#define JOINED16(a, b) __builtin_shufflevector(a, b, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)

INLINE quad_i32 load_quad(const uint8_t *p) {
    quad_i32 v;
    __builtin_memcpy(&v, p, sizeof v);
    return v;
}
INLINE lanes_u32 dwords_of_four(const uint8_t *const p[4], long at) {
    return (lanes_u32)JOINED16(JOINED8(load_quad(p[0] + at), load_quad(p[1] + at)), JOINED8(load_quad(p[2] + at), load_quad(p[3] + at)));
}
INLINE lanes_u32 dwords(const uint8_t *p) {
    lanes_u32 v;
    __builtin_memcpy(&v, p, sizeof v);
    return v;
}
// Eight dwords, twice.
INLINE lanes_u32 dwords_twice(const uint8_t *p) {
    eight_i32 v;
    __builtin_memcpy(&v, p, sizeof v);
    return (lanes_u32)JOINED16(v, v);
}
INLINE lanes_u32 dwords_of_two(const uint8_t *p, const uint8_t *q) {
    eight_i32 v, w;
    __builtin_memcpy(&v, p, sizeof v);
    __builtin_memcpy(&w, q, sizeof w);
    return (lanes_u32)JOINED16(v, w);
}
INLINE lanes_u32 splat_u32(uint32_t x) { return (lanes_u32)splat_i32((int32_t)x); }
// Dwords 0..<8 shifted by one number, the others by another.
INLINE lanes_u32 halves_u32(uint32_t a, uint32_t b) { return (lanes_u32){a, a, a, a, a, a, a, a, b, b, b, b, b, b, b, b}; }

// table[c] for every byte c < 16.
INLINE lanes_u32 bytes_looked_up(const uint8_t *table, lanes_u32 codes) {
#if NATIVE_LOOKUP
    return (lanes_u32)_mm512_shuffle_epi8(_mm512_broadcast_i32x4(_mm_loadu_si128((const __m128i *)table)), (__m512i)codes);
#elif NEON_LOOKUP
    uint8x16_t values = vld1q_u8(table), parts[4];
    __builtin_memcpy(parts, &codes, sizeof parts);
    _Pragma("unroll") for (int i = 0; i < 4; i++) parts[i] = vqtbl1q_u8(values, parts[i]);
    __builtin_memcpy(&codes, parts, sizeof parts);
    return codes;
#elif BYTE_LOOKUP
    __m256i values = _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)table)), parts[2];
    __builtin_memcpy(parts, &codes, sizeof parts);
    parts[0] = _mm256_shuffle_epi8(values, parts[0]), parts[1] = _mm256_shuffle_epi8(values, parts[1]);
    __builtin_memcpy(&codes, parts, sizeof parts);
    return codes;
#else
    uint8_t bytes[64];
    __builtin_memcpy(bytes, &codes, sizeof bytes);
    for (int i = 0; i < 64; i++) bytes[i] = table[bytes[i]];
    __builtin_memcpy(&codes, bytes, sizeof bytes);
    return codes;
#endif
}

INLINE lanes expanded(const float *s, const long i0, const long i1, const long i2, const long i3);

// Bit 4 of byte b of dword 4 q + i: bit 16 · upper + 4 i + b of the word at p[q] + at.
INLINE lanes_u32 fifth_bits(const uint8_t *const p[4], long at, const int upper) {
    float words[4];
    _Pragma("unroll") for (int q = 0; q < 4; q++) __builtin_memcpy(&words[q], p[q] + at, 4);
    lanes_u32 places = {0, 4, 8, 12, 0, 4, 8, 12, 0, 4, 8, 12, 0, 4, 8, 12};
    lanes_u32 bits = (lanes_u32)expanded(words, 0, 1, 2, 3) >> places;
    if (upper) bits >>= 16;
    // The product has bit b at 7 b + b + 4, and others elsewhere.
    return ((bits & 15) * 0x02040810u) & 0x10101010u;
}

// The codes of a set, in the bytes of sixteen dwords; they begin at bit `code_at`. p: four blocks, or one.
INLINE lanes_u32 set_codes(const ck_layout layout, const uint8_t *const p[4], const long set) {
    const uint8_t *b = p[0];
    // Blocks of 256: where 64 bytes of nibbles begin, and whether the set is of the high ones.
    const long chunk = set / 2 * 64;
    const int nibble = 4 * (int)(set % 2);
    const lanes_u32 low4 = splat_u32(0x0f0f0f0f);
    switch (layout) {
    case CK_Q4_0: return dwords_of_four(p, CK_Q4_0_CODES);
    case CK_Q4_1: return dwords_of_four(p, CK_Q4_1_CODES);
    case CK_Q4_K: return dwords(b + CK_Q4_K_CODES + chunk);
    case CK_Q2_K: return dwords(b + CK_Q2_K_CODES);
    case CK_Q5_0: return (dwords_of_four(p, CK_Q5_0_CODES) >> nibble & low4) | fifth_bits(p, CK_Q5_0_HIGH, nibble != 0);
    case CK_Q5_1: return (dwords_of_four(p, CK_Q5_1_CODES) >> nibble & low4) | fifth_bits(p, CK_Q5_1_HIGH, nibble != 0);
    case CK_Q8_0: return dwords_of_two(p[2 * set] + CK_Q8_0_CODES, p[2 * set + 1] + CK_Q8_0_CODES) ^ 0x80808080u;
    case CK_Q8_K: return dwords(b + CK_Q8_K_CODES + 64 * set) ^ 0x80808080u;
    case CK_IQ4_NL: return bytes_looked_up(iq4_bytes, dwords_of_four(p, CK_IQ4_NL_CODES) >> nibble & low4);
    case CK_MXFP4: return bytes_looked_up(e2m1_bytes, dwords_of_four(p, CK_MXFP4_CODES) >> nibble & low4);
    case CK_IQ4_XS: return bytes_looked_up(iq4_bytes, dwords(b + CK_IQ4_XS_CODES + chunk) >> nibble & low4);
    case CK_Q3_K: {
        // High bits: bit 4 · half + set of the byte.
        lanes_u32 high = dwords_twice(b) >> halves_u32(0, 4);
        high = (set < 2 ? high << (2 - (int)set) : high >> ((int)set - 2)) & 0x04040404u;
        return (dwords(b + CK_Q3_K_CODES) >> 2 * (int)set & 0x03030303u) | high;
    }
    case CK_Q5_K: {
        // High bits: bit `part` of the byte, the parts of a set being two apart.
        const int part = 4 * (int)(set / 2) + (int)(set % 2);
        lanes_u32 high = dwords_twice(b + CK_Q5_K_HIGH);
        const uint32_t left = (uint32_t)(4 - part), right = (uint32_t)(part - 4);
        high = part < 4 ? high << halves_u32(left, left - 2) : high >> halves_u32(right, right + 2);
        return (dwords(b + CK_Q5_K_CODES + chunk) >> nibble & low4) | (high & 0x10101010u);
    }
    default: {
        // Q6_K. High bits: two of each byte for every quarter.
        lanes_u32 high = dwords_twice(b + CK_Q6_K_HIGH + set / 2 * 32);
        high = nibble ? high >> halves_u32(0, 2) : high << halves_u32(4, 2);
        return (dwords(b + chunk) >> nibble & low4) | (high & 0x30303030u);
    }
    }
}

// Byte b of sixteen dwords, from bit `at` on, as it lies; `apart` bits of the byte are the code's.
INLINE lanes code_numbers(lanes_u32 v, const int b, const int at, const int bits) {
    // The last of a dword would have the sign's bit.
    bool last = 8 * b + at + bits == 32;
    lanes_u32 code = last ? v >> (32 - bits) : v & (((1u << bits) - 1) << (8 * b + at));
    return __builtin_convertvector((lanes_i32)code, lanes);
}
// What the activation is multiplied by for that.
INLINE float code_factor(const int b, const int at, const int bits) {
    return 8 * b + at + bits == 32 ? 1 : 1 / (float)(1u << (8 * b + at));
}
INLINE int code_at(const ck_layout layout, const long set) {
    return code_bits_apart(layout) == 8 ? 0 : layout == CK_Q2_K ? 2 * (int)set : 4 * (int)(set % 2);
}

// MARK: Scales

typedef _Float16 quad_f16 __attribute__((vector_size(8)));
typedef _Float16 eight_f16 __attribute__((vector_size(16)));
typedef uint32_t quad_u32 __attribute__((vector_size(16)));
typedef uint8_t eight_u8 __attribute__((vector_size(8)));
INLINE uint64_t half_bits(const uint8_t *p) {
    uint16_t bits;
    __builtin_memcpy(&bits, p, 2);
    return bits;
}
INLINE lanes8 numbers_of_bytes(eight_u8 v) { return __builtin_convertvector(__builtin_convertvector(v, eight_i32), lanes8); }

// What a segment's scales take, in floats, and where the one of a group lies: beside its offset where the block has both.
INLINE bool beside_offset(const ck_layout layout) { return layout == CK_Q4_1 || layout == CK_Q5_1; }
INLINE long scale_index(const ck_layout layout, const long group) {
    return group / (scale_weights(layout) / CK_GROUP) * (beside_offset(layout) ? 2 : 1);
}

// The scales of a segment in order, and `factors`, which go with the sums of activations: offsets, or the scales again where codes were raised.
// Each array has room for sixteen. Returns the factors.
INLINE const float *segment_scales(const ck_layout layout, const uint8_t *const p[4], float *scales, float *space) {
    const uint8_t *b = p[0];
    switch (layout) {
    case CK_Q4_1: case CK_Q5_1: {
        eight_f16 h;
        quad_i32 words;
        _Pragma("unroll") for (int i = 0; i < 4; i++) {
            int32_t word;
            __builtin_memcpy(&word, p[i], 4);
            words[i] = word;
        }
        __builtin_memcpy(&h, &words, sizeof h);
        lanes8 s = __builtin_convertvector(h, lanes8);
        __builtin_memcpy(scales, &s, sizeof s);
        return scales;
    }
    case CK_MXFP4:
        _Pragma("unroll") for (int i = 0; i < 4; i++) {
            uint32_t bits = p[i][0] < 2 ? 0x00200000u << p[i][0] : (uint32_t)(p[i][0] - 1) << 23;
            __builtin_memcpy(&scales[i], &bits, 4);
        }
        return scales;
    case CK_Q2_K: {
        lanes_i32 v = bytes16(b);
        store(scales, splat(half_of(b + CK_Q2_K_SCALE)) * __builtin_convertvector(v & 15, lanes));
        store(space, splat(half_of(b + CK_Q2_K_MINIMUM)) * __builtin_convertvector(v >> 4, lanes));
        return space;
    }
    case CK_Q3_K: {
        uint32_t w[3];
        __builtin_memcpy(w, b + CK_Q3_K_SCALES, 12);
        quad_u32 low = (quad_u32){w[0], w[1], w[0], w[1]} >> (quad_u32){0, 0, 4, 4} & 0x0f0f0f0fu;
        quad_u32 all = low | ((quad_u32){w[2], w[2], w[2], w[2]} >> (quad_u32){0, 2, 4, 6} & 0x03030303u) << 4;
        lanes_i32 codes = __builtin_convertvector((lanes_u8)all, lanes_i32) - 32;
        store(scales, splat(half_of(b + CK_Q3_K_SCALE)) * __builtin_convertvector(codes, lanes));
        return scales;
    }
    case CK_Q4_K: case CK_Q5_K: {
        // Eight scales of six bits, and behind them eight minima. Scale and minimum, then twelve bytes: one load.
        quad_u32 w;
        __builtin_memcpy(&w, b, sizeof w);
        lanes4 halves = __builtin_convertvector(__builtin_shufflevector((eight_f16)w, (eight_f16)w, 0, 1, 2, 3), lanes4);
        quad_u32 masks = {0x3f3f3f3f, 0x0f0f0f0f, 0x3f3f3f3f, 0x0f0f0f0f};
        quad_u32 low = __builtin_shufflevector(w, w, 1, 3, 2, 3) >> (quad_u32){0, 0, 0, 4} & masks;
        quad_u32 high = __builtin_shufflevector(w, w, 0, 1, 0, 2) >> 2 & (quad_u32){0, 0x30303030, 0, 0x30303030};
        lanes_u8 all = (lanes_u8)(low | high);
        lanes8 first = numbers_of_bytes(__builtin_shufflevector(all, all, 0, 1, 2, 3, 4, 5, 6, 7));
        lanes8 second = numbers_of_bytes(__builtin_shufflevector(all, all, 8, 9, 10, 11, 12, 13, 14, 15));
        first *= __builtin_shufflevector(halves, halves, 0, 0, 0, 0, 0, 0, 0, 0);
        second *= __builtin_shufflevector(halves, halves, 1, 1, 1, 1, 1, 1, 1, 1);
        __builtin_memcpy(scales, &first, sizeof first);
        __builtin_memcpy(space, &second, sizeof second);
        return space;
    }
    case CK_Q6_K:
        store(scales, splat(half_of(b + CK_Q6_K_SCALE)) * __builtin_convertvector(signed_bytes16(b + CK_Q6_K_SCALES), lanes));
        return scales;
    case CK_Q8_K: __builtin_memcpy(scales, b, 4); return scales;
    case CK_IQ4_XS: {
        uint32_t low;
        __builtin_memcpy(&low, b + CK_IQ4_XS_LOW, 4);
        eight_i32 places = {0, 4, 8, 12, 16, 20, 24, 28}, pairs = {0, 2, 4, 6, 8, 10, 12, 14}, zero = {0};
        eight_i32 code = ((zero + (int32_t)low) >> places & 15) | ((zero + (int32_t)half_bits(b + CK_IQ4_XS_HIGH)) >> pairs & 3) << 4;
        lanes8 s = half_of(b) * __builtin_convertvector(code - 32, lanes8);
        __builtin_memcpy(scales, &s, sizeof s);
        return scales;
    }
    default: {
        uint64_t bits = half_bits(p[0]) | half_bits(p[1]) << 16 | half_bits(p[2]) << 32 | half_bits(p[3]) << 48;
        quad_f16 h;
        __builtin_memcpy(&h, &bits, sizeof h);
        lanes4 s = __builtin_convertvector(h, lanes4);
        __builtin_memcpy(scales, &s, sizeof s);
        return scales;
    }
    }
}

// *p eight times, from memory: the compiler would rather load several numbers together and move them between lanes, which takes longer.
INLINE lanes8 broadcast8(const float *p) {
    lanes8 v = {*p, *p, *p, *p, *p, *p, *p, *p};
#if BYTE_LOOKUP
    __asm__("" : "+x"(v));
#endif
    return v;
}
// s[i0] in four lanes, s[i1] in the next four, and so on.
INLINE lanes expanded(const float *s, const long i0, const long i1, const long i2, const long i3) {
    lanes8 low = broadcast8(s + i0), high = broadcast8(s + i2);
    if (i1 != i0) low = __builtin_shufflevector(low, broadcast8(s + i1), 0, 1, 2, 3, 12, 13, 14, 15);
    if (i3 != i2) high = __builtin_shufflevector(high, broadcast8(s + i3), 0, 1, 2, 3, 12, 13, 14, 15);
    return JOINED16(low, high);
}
INLINE lanes scales_of_set(const ck_layout layout, const float *scales, const long set) {
    return expanded(
        scales, scale_index(layout, group_in_set(layout, set, 0)), scale_index(layout, group_in_set(layout, set, 1)),
        scale_index(layout, group_in_set(layout, set, 2)), scale_index(layout, group_in_set(layout, set, 3)));
}
INLINE bool same_scales(const ck_layout layout, const long set, const long other) {
    for (long q = 0; q < 4; q++)
        if (scale_index(layout, group_in_set(layout, set, q)) != scale_index(layout, group_in_set(layout, other, q))) return false;
    return true;
}
