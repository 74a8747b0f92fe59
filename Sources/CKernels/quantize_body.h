// Weights in blocks with codes of few bits. The definition is in plain.c, and this equals it bit for bit.

static void quantize_q8_0(const float *x, long blocks, uint8_t *to) {
    for (long block = 0; block < blocks; block++, x += 32, to += 34) {
        lanes a = load(x), b = load(x + LANES);
        lanes_i32 magnitude = (lanes_i32)(splat(0)) + 0x7fffffff;
        float scale = lane_maximum(maximum((lanes)((lanes_i32)a & magnitude), (lanes)((lanes_i32)b & magnitude))) / 127;
        float inverse = scale == 0 ? 0 : 1 / scale;
        set_as(to, CK_F16, 0, scale);
        for (int half = 0; half < 2; half++) {
            lanes value = (half ? b : a) * splat(inverse);
            // Where the inverse overflowed the block is zero in float16; its codes only have to be some.
            value = choose(value == value, value, splat(0));
            value = minimum(maximum(value, splat(-128)), splat(127));
            lanes whole = __builtin_elementwise_trunc(value), rest = value - whole;
            whole += choose(rest >= splat(0.5f), splat(1), splat(0)) - choose(rest <= splat(-0.5f), splat(1), splat(0));
            int8_t codes[LANES];
            lanes_i32 numbers = __builtin_convertvector(whole, lanes_i32);
            for (int i = 0; i < LANES; i++) codes[i] = (int8_t)numbers[i];
            memcpy(to + 2 + half * LANES, codes, LANES);
        }
    }
}
