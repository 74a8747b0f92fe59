// Dot products of few rows with stored weights, written once in `lanes` and compiled by each kernels_*.c for its instruction set.
//
// Codes are not moved to where a number would have them. Sixteen dwords of codes hold one code in each of their bytes (or two nibbles, or four
// codes of two bits): a mask leaves one code of each dword, a conversion makes it a number, a power of two too large, and the activation that
// meets it is that much smaller. These powers are exact. Activations are laid once for each product in the order in which codes come up so:
// three instructions for sixteen weights and a row, of which only the last is for the row. Scales wait for the sum of their weights, and what
// is added to all codes of a scale waits for the sum of their activations.
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

// MARK: Activations

// Floats of a row of k activations as they are laid here, and of its sums.
INLINE long arranged_floats(const ck_layout layout, long k) {
    return (k + segment_weights(layout) - 1) / segment_weights(layout) * segment_weights(layout);
}
INLINE long sums_in_segment(const ck_layout layout) { return scale_index(layout, segment_weights(layout) / CK_GROUP); }
INLINE long arranged_sums(const ck_layout layout, long k) {
    long sums = arranged_floats(layout, k) / segment_weights(layout) * sums_in_segment(layout);
    return (sums + 15) / 16 * 16;
}

// Row `a` of k activations in the order of codes, and their sums for each scale; zero beyond k.
INLINE void arrange(const ck_layout layout, const float *a, long k, float *to, float *sums) {
    const long weights = segment_weights(layout), shared = scale_weights(layout), groups = shared / CK_GROUP;
    // Minima are subtracted.
    const bool minima = layout == CK_Q2_K || layout == CK_Q4_K || layout == CK_Q5_K;
    const float factor = added_to_codes(layout) ? (float)-added_to_codes(layout) : minima ? -1 : 1;
    for (long begin = 0; begin < k; begin += weights, to += weights, sums += sums_in_segment(layout)) {
        _Pragma("unroll") for (long set = 0; set < weights / 64; set++)
            _Pragma("unroll") for (long q = 0; q < 4; q++) {
                const long group = group_in_set(layout, set, q);
                lanes v = begin + group * CK_GROUP < k ? load(a + begin + group * CK_GROUP) : splat(0);
                v = __builtin_shufflevector(v, v, 0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
                const int at = code_at(layout, set), bits = code_bits_apart(layout);
                float f0 = code_factor(0, at, bits), f1 = code_factor(1, at, bits), f2 = code_factor(2, at, bits);
                float f3 = code_factor(3, at, bits);
                v *= (lanes){f0, f0, f0, f0, f1, f1, f1, f1, f2, f2, f2, f2, f3, f3, f3, f3};
                float *out = to + set * 64 + 4 * q;
                lanes4 v0 = LOWER4(v), v1 = __builtin_shufflevector(v, v, 4, 5, 6, 7), v2 = __builtin_shufflevector(v, v, 8, 9, 10, 11),
                       v3 = __builtin_shufflevector(v, v, 12, 13, 14, 15);
                __builtin_memcpy(out, &v0, sizeof v0);
                __builtin_memcpy(out + 16, &v1, sizeof v1);
                __builtin_memcpy(out + 32, &v2, sizeof v2);
                __builtin_memcpy(out + 48, &v3, sizeof v3);
            }
        for (long i = 0; i < weights / shared; i++) {
            lanes sum = splat(0);
            for (long g = 0; g < groups; g++)
                if (begin + (i * groups + g) * CK_GROUP < k) sum += load(a + begin + (i * groups + g) * CK_GROUP);
            // Beside offsets lie the scales, which have no part in this.
            if (beside_offset(layout)) sums[2 * i] = 0, sums[2 * i + 1] = lane_sum(sum);
            else sums[i] = factor * lane_sum(sum);
        }
    }
}

// MARK: Products

#if FUSED
INLINE lanes4 fused4(lanes4 a, lanes4 b, lanes4 c) { return __builtin_elementwise_fma(a, b, c); }
INLINE lanes8 fused8(lanes8 a, lanes8 b, lanes8 c) { return __builtin_elementwise_fma(a, b, c); }
#else
INLINE lanes4 fused4(lanes4 a, lanes4 b, lanes4 c) { return a * b + c; }
INLINE lanes8 fused8(lanes8 a, lanes8 b, lanes8 c) { return a * b + c; }
#endif
INLINE lanes4 load4(const float *p) {
    lanes4 v;
    __builtin_memcpy(&v, p, sizeof v);
    return v;
}
INLINE lanes8 load8(const float *p) {
    lanes8 v;
    __builtin_memcpy(&v, p, sizeof v);
    return v;
}

// The sums so far of a row of A: of the products of codes, and of what goes with the sums of activations.
typedef struct {
    lanes codes;
    lanes8 offsets;
    lanes4 few_offsets;
    float single;
} stored_sums;
INLINE void add_offsets(const ck_layout layout, const float *factors, const float *xs, stored_sums *to) {
    const long sums = sums_in_segment(layout);
    if (!has_offset(layout) && !added_to_codes(layout)) return;
    if (sums == 1) to->single += factors[0] * xs[0];
    else if (sums == 4) to->few_offsets = fused4(load4(factors), load4(xs), to->few_offsets);
    else _Pragma("unroll") for (long i = 0; i < sums; i += 8) to->offsets = fused8(load8(factors + i), load8(xs + i), to->offsets);
}
INLINE float sum_of(const stored_sums *s) {
    lanes8 a = LOWER8(s->codes) + UPPER8(s->codes) + s->offsets;
    lanes4 b = LOWER4(a) + UPPER4(a) + s->few_offsets;
    return (b[0] + b[2]) + (b[1] + b[3]) + s->single;
}

// Where the blocks of a segment begin. Of less than four the last stands for those that are not there, and meets activations that are zero.
INLINE void segment_blocks(const ck_layout layout, const uint8_t *b, const uint8_t *end, const bool whole, const uint8_t *p[4]) {
    const long bytes = block_bytes(layout), several = segment_weights(layout) > block_weights(layout);
    _Pragma("unroll") for (long i = 0; i < 4; i++) {
        const uint8_t *at = b + several * i * bytes;
        p[i] = whole || at < end ? at : end - bytes;
    }
}

// Adds the dot product of a segment's weights with one row. Sets are taken two at a time: one sum alone would wait for itself.
INLINE void add_segment(const ck_layout layout, const uint8_t *const p[4], const float *x, const float *xs, stored_sums *to) {
    const long sets = segment_weights(layout) / 64;
    const int bits = code_bits_apart(layout);
    float scales[16], space[16];
    const float *factors = segment_scales(layout, p, scales, space);
    add_offsets(layout, factors, xs, to);
    // From here on scales are in memory, where they are spread over lanes on their way.
    __asm__("" : "+m"(scales));
    _Pragma("unroll") for (long set = 0; set < sets; set += 2) {
        lanes_u32 v[2] = {set_codes(layout, p, set), set_codes(layout, p, set + 1)};
        lanes inner[2];
        _Pragma("unroll") for (int b = 0; b < 4; b++)
            _Pragma("unroll") for (long t = 0; t < 2; t++) {
                lanes c = code_numbers(v[t], b, code_at(layout, set + t), bits), a = load(x + (set + t) * 64 + b * LANES);
                inner[t] = b == 0 ? c * a : fused(c, a, inner[t]);
            }
        if (same_scales(layout, set, set + 1)) {
            to->codes = fused(scales_of_set(layout, scales, set), inner[0] + inner[1], to->codes);
            continue;
        }
        _Pragma("unroll") for (long t = 0; t < 2; t++) to->codes = fused(scales_of_set(layout, scales, set + t), inner[t], to->codes);
    }
}

// The end of a sum: row m, column n.
INLINE void finish_stored(const ck_matmul *job, const stored_sums *sums, long m, long n) {
    float value = sum_of(sums);
    if (job->bias) value += job->bias[n];
    long at = m * job->c_stride + n;
    if (job->accumulate) value += get_as(job->c, job->c_type, at);
    set_as(job->c, job->c_type, at, value);
}

// Not one hint for every line that a segment touches: neighbours share these.
INLINE void fetch_segment(const uint8_t *b, const long bytes) {
    for (long line = 0; line < (bytes < 64 ? 64 : bytes / 64 * 64); line += 64) __builtin_prefetch(b + line + HINT_BYTES, 0, 3);
}

// Column n of the product for row m.
INLINE void stored_dot(const ck_matmul *job, const ck_layout layout, const float *x, const float *xs, long m, long n) {
    const long weights = segment_weights(layout), bytes = weights / block_weights(layout) * block_bytes(layout);
    const uint8_t *b = stored_row(job->stored, n), *end = b + job->k / block_weights(layout) * block_bytes(layout), *p[4];
    x += m * arranged_floats(layout, job->k), xs += m * arranged_sums(layout, job->k);
    stored_sums to = {splat(0), {0}, {0}, 0};
    for (; b + bytes <= end; b += bytes, x += weights, xs += sums_in_segment(layout)) {
        fetch_segment(b, bytes);
        segment_blocks(layout, b, end, true, p);
        add_segment(layout, p, x, xs, &to);
    }
    if (weights > block_weights(layout) && b < end) {
        segment_blocks(layout, b, end, false, p);
        add_segment(layout, p, x, xs, &to);
    }
    finish_stored(job, &to, m, n);
}

// What the sums of several rows and columns are made in: a whole register, so that eight of them and what they are made of fit.
#if NATIVE_LOOKUP
typedef lanes part;
#define PART LANES
INLINE part part_of_lanes(lanes v, const long i) { return (void)i, v; }
INLINE part fused_part(part a, part b, part c) { return fused(a, b, c); }
#else
typedef lanes8 part;
#define PART 8
INLINE part part_of_lanes(lanes v, const long i) { return i ? UPPER8(v) : LOWER8(v); }
INLINE part fused_part(part a, part b, part c) { return fused8(a, b, c); }
#endif
INLINE part load_part(const float *p) {
    part v;
    __builtin_memcpy(&v, p, sizeof v);
    return v;
}

// add_segment for two columns and `rows` rows: to[c][r]. Each activation is loaded for two columns, each code made a number for all rows.
INLINE void add_segment_tile(
    const ck_layout layout, const uint8_t *const p[2][4], const float *x, long stride, const float *xs, long sums_stride, const int rows,
    stored_sums to[2][4]
) {
    const long sets = segment_weights(layout) / 64;
    const int bits = code_bits_apart(layout);
    float scales[2][16], space[16];
    _Pragma("unroll") for (int c = 0; c < 2; c++) {
        const float *factors = segment_scales(layout, p[c], scales[c], space);
        _Pragma("unroll") for (int r = 0; r < rows; r++) add_offsets(layout, factors, xs + r * sums_stride, &to[c][r]);
    }
    __asm__("" : "+m"(scales));
    _Pragma("unroll") for (long i = 0; i < LANES / PART; i++) {
        part inner[2][4];
        _Pragma("unroll") for (long set = 0; set < sets; set++) {
            bool first = set == 0 || !same_scales(layout, set, set - 1);
            lanes_u32 v[2] = {set_codes(layout, p[0], set), set_codes(layout, p[1], set)};
            _Pragma("unroll") for (int b = 0; b < 4; b++) {
                part codes[2];
                _Pragma("unroll") for (int c = 0; c < 2; c++)
                    codes[c] = part_of_lanes(code_numbers(v[c], b, code_at(layout, set), bits), i);
                _Pragma("unroll") for (int r = 0; r < rows; r++) {
                    part a = load_part(x + r * stride + set * 64 + b * LANES + i * PART);
                    _Pragma("unroll") for (int c = 0; c < 2; c++)
                        inner[c][r] = first && b == 0 ? codes[c] * a : fused_part(codes[c], a, inner[c][r]);
                }
            }
            if (set + 1 < sets && same_scales(layout, set, set + 1)) continue;
            _Pragma("unroll") for (int c = 0; c < 2; c++) {
                part scale = part_of_lanes(scales_of_set(layout, scales[c], set), i);
                _Pragma("unroll") for (int r = 0; r < rows; r++) {
                    float *total = (float *)&to[c][r].codes + i * PART;
                    part sum = fused_part(scale, inner[c][r], load_part(total));
                    __builtin_memcpy(total, &sum, sizeof sum);
                }
            }
        }
    }
}

// Columns n and n + 1, or n alone where that is the last, for rows m..<m + rows.
INLINE void stored_tile(
    const ck_matmul *job, const ck_layout layout, const float *x, const float *xs, long m, const int rows, long n, long end
) {
    const long weights = segment_weights(layout), bytes = weights / block_weights(layout) * block_bytes(layout);
    const long stride = arranged_floats(layout, job->k), sums_stride = arranged_sums(layout, job->k);
    const long row_bytes = job->k / block_weights(layout) * block_bytes(layout), columns = n + 1 < end ? 2 : 1;
    const uint8_t *b[2] = {stored_row(job->stored, n), stored_row(job->stored, n + columns - 1)}, *p[2][4];
    x += m * stride, xs += m * sums_stride;
    stored_sums to[2][4];
    for (int c = 0; c < 2; c++)
        for (int r = 0; r < rows; r++) to[c][r] = (stored_sums){splat(0), {0}, {0}, 0};
    long at = 0;
    for (; at + bytes <= row_bytes; at += bytes, x += weights, xs += sums_in_segment(layout)) {
        _Pragma("unroll") for (int c = 0; c < 2; c++) {
            fetch_segment(b[c] + at, bytes);
            segment_blocks(layout, b[c] + at, b[c] + row_bytes, true, p[c]);
        }
        add_segment_tile(layout, p, x, stride, xs, sums_stride, rows, to);
    }
    if (weights > block_weights(layout) && at < row_bytes) {
        _Pragma("unroll") for (int c = 0; c < 2; c++) segment_blocks(layout, b[c] + at, b[c] + row_bytes, false, p[c]);
        add_segment_tile(layout, p, x, stride, xs, sums_stride, rows, to);
    }
    for (int c = 0; c < columns; c++)
        for (int r = 0; r < rows; r++) finish_stored(job, &to[c][r], m + r, n + c);
}

INLINE void few_rows_stored_typed(const ck_matmul *job, const ck_layout layout, const float *x, const float *xs, long begin, long end) {
    long m = 0;
    // Two columns of weights stay in the first cache while they are used for all rows.
    for (long n = begin; n < end && job->m > 1; n += 2) {
        for (m = 0; m + 4 <= job->m; m += 4) stored_tile(job, layout, x, xs, m, 4, n, end);
        for (; m + 2 <= job->m; m += 2) stored_tile(job, layout, x, xs, m, 2, n, end);
    }
    for (long n = begin; n < end && m < job->m; n++) stored_dot(job, layout, x, xs, m, n);
}

// Floats of A as few_rows_stored takes it.
static long arranged_space(const ck_matmul *job) {
    long most = 0;
    if (job->stored->layout == CK_GROUPED) return 0;
#define SPACE(layout, weights, bytes, shared, has_offset) \
    case layout: most = job->m * (arranged_floats(layout, job->k) + arranged_sums(layout, job->k)); break;
    switch (job->stored->layout) { CK_LAYOUTS(SPACE) default: break; }
    return most;
}
// A, [m, k] in float32, laid as its layout has it.
static void arrange_rows(const ck_matmul *job, const float *a, float *to) {
#define ARRANGE(layout, weights, bytes, shared, has_offset) \
    case layout: { \
        long width = arranged_floats(layout, job->k), sums = arranged_sums(layout, job->k); \
        for (long r = 0; r < job->m; r++) arrange(layout, a + r * job->k, job->k, to + r * width, to + job->m * width + r * sums); \
        break; \
    }
    switch (job->stored->layout) { CK_LAYOUTS(ARRANGE) default: break; }
}

// Columns begin..<end of A · Bᵀ for at most CK_FEW_ROWS rows and stored B; `a` is A as arrange_rows lays it, or [m, k] in float32 for
// CK_GROUPED.
static void few_rows_stored(const ck_matmul *job, const float *a, long begin, long end) {
    if (job->stored->layout == CK_GROUPED) {
        few_rows_grouped(job, a, begin, end);
        return;
    }
#define FEW(layout, weights, bytes, shared, has_offset) \
    case layout: few_rows_stored_typed(job, layout, a, a + job->m * arranged_floats(layout, job->k), begin, end); break;
    switch (job->stored->layout) { CK_LAYOUTS(FEW) default: break; }
}
