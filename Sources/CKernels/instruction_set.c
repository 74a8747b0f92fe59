// Which build of the kernels runs: the best that this CPU has instructions for, within INTERLINEAR_ISA and what a test asks for.
#include <stdlib.h>
#include <string.h>

#include "kernels.h"

static int forced = -1;

#if defined(__aarch64__)
static const char *const names[] = {"base", "neon"};
#else
static const char *const names[] = {"base", "avx2", "avx512", "avx512bf16"};
#endif
#define LEVELS ((int)(sizeof names / sizeof *names))

static int best_level(void) {
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
        __builtin_cpu_supports("avx512dq"))
        return __builtin_cpu_supports("avx512bf16") ? CK_AVX512BF16 : CK_AVX512;
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c")) return CK_AVX2;
#elif defined(__aarch64__)
    return CK_AVX2;
#endif
    return CK_BASE;
}

// The environment is read once: a limit holds for the whole process, oneDNN included.
int ck_limit(void) {
    static int limit = -1;
    int known = __atomic_load_n(&limit, __ATOMIC_RELAXED);
    if (known < 0) {
        known = LEVELS;
        const char *wanted = getenv("INTERLINEAR_ISA");
        for (int i = 0; wanted && i < LEVELS; i++)
            if (strcmp(wanted, names[i]) == 0) known = i;
        __atomic_store_n(&limit, known, __ATOMIC_RELAXED);
    }
    return known;
}

const char *ck_unknown_limit(void) {
    const char *wanted = getenv("INTERLINEAR_ISA");
    return wanted && *wanted && ck_limit() == LEVELS ? wanted : NULL;
}

int ck_level(void) {
    static int best = -1;
    int known = __atomic_load_n(&best, __ATOMIC_RELAXED);
    if (known < 0) {
        known = best_level();
        if (ck_limit() < known) known = ck_limit();
        __atomic_store_n(&best, known, __ATOMIC_RELAXED);
    }
    int wanted = __atomic_load_n(&forced, __ATOMIC_RELAXED);
    return wanted >= 0 && wanted < known ? wanted : known;
}

int ck_force_instruction_set(int wanted) {
    __atomic_store_n(&forced, wanted, __ATOMIC_RELAXED);
    return ck_level();
}

const char *ck_instruction_set_name(int level) { return level >= 0 && level < LEVELS ? names[level] : NULL; }

const char *ck_instruction_set(void) { return names[ck_level()]; }

bool ck_supports_bf16(void) { return ck_level() == CK_AVX512BF16; }

const ck_kernels *ck_current(void) {
#if defined(__x86_64__)
    const ck_kernels *const kernels[] = {&ck_kernels_base, &ck_kernels_avx2, &ck_kernels_avx512, &ck_kernels_avx512bf16};
    return kernels[ck_level()];
#elif defined(__aarch64__)
    const ck_kernels *const kernels[] = {&ck_kernels_base, &ck_kernels_neon};
    return kernels[ck_level()];
#else
    return &ck_kernels_base;
#endif
}
