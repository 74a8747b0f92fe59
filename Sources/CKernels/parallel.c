#define _GNU_SOURCE
#include "parallel.h"

#include <math.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

static inline void relax(void) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

// A worker that has nothing to do spins for some tens of microseconds (the gap between two kernels), then sleeps. Whoever spins offers
// the core to other programs now and then: alone on it, the offer costs a fraction of a microsecond; on a shared machine, the thread that
// is waited for may be the one that needs the core.
#define SPINS 6000
#define SPINS_TO_YIELD 128

// A round hands out slots 1..<count by an atomic ticket; slot 0 is the caller's. A worker that the system runs late finds its
// slot taken by the caller, so a busy machine slows a round down, but no thread ever waits for one that has not begun.
// The ticket is (round number, slots of the round, next free slot); taking a slot proves the round is still on.
#define TICKET(round, count, next) ((round) << 16 | (unsigned long)(count) << 8 | (unsigned long)(next))
#define TICKET_COUNT(ticket) ((ticket) >> 8 & 255)
#define TICKET_NEXT(ticket) ((ticket) & 255)

static struct {
    pthread_mutex_t round_lock;  // held for a whole round
    pthread_mutex_t sleep_lock;
    pthread_cond_t wake;
    int wanted, started;  // threads including the caller
    atomic_ulong ticket;
    atomic_int unfinished, sleeping;
    void (*body)(void *, int, int);
    void *context;
    struct {
        void *memory;
        unsigned long bytes;
    } scratch[CK_MAX_THREADS][CK_SCRATCH_COUNT];
} pool = {.round_lock = PTHREAD_MUTEX_INITIALIZER, .sleep_lock = PTHREAD_MUTEX_INITIALIZER, .wake = PTHREAD_COND_INITIALIZER};

// Takes and runs one slot of the round on offer; false if none is free.
static bool run_slot(void) {
    unsigned long ticket = atomic_load_explicit(&pool.ticket, memory_order_acquire);
    while (TICKET_NEXT(ticket) < TICKET_COUNT(ticket))
        if (atomic_compare_exchange_weak(&pool.ticket, &ticket, ticket + 1)) {
            pool.body(pool.context, (int)TICKET_NEXT(ticket), (int)TICKET_COUNT(ticket));
            atomic_fetch_sub_explicit(&pool.unfinished, 1, memory_order_release);
            return true;
        }
    return false;
}

static bool slot_is_free(void) {
    unsigned long ticket = atomic_load(&pool.ticket);
    return TICKET_NEXT(ticket) < TICKET_COUNT(ticket);
}

static void *worker(void *unused) {
    for (int spins = 0;; spins++) {
        if (run_slot()) {
            spins = 0;
            continue;
        }
        if (spins < SPINS) {
            if (spins % SPINS_TO_YIELD == SPINS_TO_YIELD - 1) sched_yield();
            relax();
            continue;
        }
        pthread_mutex_lock(&pool.sleep_lock);
        atomic_fetch_add(&pool.sleeping, 1);
        while (!slot_is_free()) pthread_cond_wait(&pool.wake, &pool.sleep_lock);
        atomic_fetch_sub(&pool.sleeping, 1);
        pthread_mutex_unlock(&pool.sleep_lock);
        spins = 0;
    }
    return unused;
}

#ifdef __linux__
// The number on the first line of DIR/NAME, and the one behind it; false if there is none ("max", no such file).
static bool read_numbers(const char *directory, const char *name, double *first, double *second) {
    char path[4096];
    if (snprintf(path, sizeof path, "%s/%s", directory, name) >= (int)sizeof path) return false;
    FILE *file = fopen(path, "r");
    if (!file) return false;
    int found = fscanf(file, "%lf %lf", first, second);
    fclose(file);
    return found >= (second ? 2 : 1);
}

// The least of the quotas in `root`/`group` and the groups above it, in cores.
static double group_quota(const char *root, const char *group, bool second_version) {
    char directory[4096];
    double least = INFINITY;
    if (snprintf(directory, sizeof directory, "%s%s", root, group) >= (int)sizeof directory) return least;
    for (unsigned long end = strlen(directory); end >= strlen(root); directory[end] = 0) {
        double quota, period;
        bool found = second_version ? read_numbers(directory, "cpu.max", &quota, &period)
                                    : read_numbers(directory, "cpu.cfs_quota_us", &quota, NULL) &&
                                          read_numbers(directory, "cpu.cfs_period_us", &period, NULL);
        if (found && quota > 0 && period > 0 && quota / period < least) least = quota / period;
        do {
            if (end == 0) return least;
            end--;
        } while (directory[end] != '/');
    }
    return least;
}

// Control groups (v2, and the cpu controller of v1) as the container sees them: mounted at `mount`, this process's place in `membership`.
double ck_cpu_quota(const char *membership, const char *mount) {
    FILE *file = fopen(membership, "r");
    if (!file) return INFINITY;
    double least = INFINITY;
    char line[4096], root[4096];
    while (fgets(line, sizeof line, file)) {
        line[strcspn(line, "\n")] = 0;
        char *controllers = strchr(line, ':'), *group = controllers ? strchr(controllers + 1, ':') : NULL;
        if (!group) continue;
        *group++ = 0, controllers++;
        bool second_version = *controllers == 0, cpu = false;
        char named[64];
        snprintf(named, sizeof named, ",%s,", controllers);
        cpu = strstr(named, ",cpu,") != NULL;
        if (!second_version && !cpu) continue;
        // Version 1 is mounted by its controllers; a container sees its own group at the top, wherever it lies outside.
        for (int alone = 0; alone < 2; alone++) {
            if (snprintf(root, sizeof root, "%s%s%s", mount, second_version ? "" : "/", second_version ? "" : alone ? "cpu" : controllers) >=
                (int)sizeof root)
                continue;
            double inside = group_quota(root, group, second_version), top = group_quota(root, "", second_version);
            if (inside < least) least = inside;
            if (top < least) least = top;
        }
    }
    fclose(file);
    return least;
}

// Cores that this process may run on, and as many of them as its control group pays for: whole ones, at least one. More threads would be
// stopped in turns, and whoever waits for a stopped one waits for long.
static long available_cores(void) {
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    cpu_set_t allowed;
    if (sched_getaffinity(0, sizeof allowed, &allowed) == 0 && CPU_COUNT(&allowed) > 0) cores = CPU_COUNT(&allowed);
    double quota = ck_cpu_quota("/proc/self/cgroup", "/sys/fs/cgroup");
    return quota < (double)cores ? (quota < 1 ? 1 : (long)quota) : cores;
}
#else
double ck_cpu_quota(const char *membership, const char *mount) {
    (void)membership, (void)mount;
    return INFINITY;
}
static long available_cores(void) { return sysconf(_SC_NPROCESSORS_ONLN); }
#endif

// One thread per core. The system is asked once: it reads files each time.
int ck_threads(void) {
    int wanted = __atomic_load_n(&pool.wanted, __ATOMIC_RELAXED);
    if (wanted) return wanted;
    long cores = available_cores();
    int count = cores < 1 ? 1 : cores > CK_MAX_THREADS ? CK_MAX_THREADS : (int)cores;
    int unset = 0;
    __atomic_compare_exchange_n(&pool.wanted, &unset, count, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED);
    return unset ? unset : count;
}

void ck_set_threads(int count) {
    if (count < 1) count = 1;
    if (count > CK_MAX_THREADS) count = CK_MAX_THREADS;
    pthread_mutex_lock(&pool.round_lock);
    __atomic_store_n(&pool.wanted, count, __ATOMIC_RELAXED);
    pthread_mutex_unlock(&pool.round_lock);
}

// Called with round_lock held. Workers, once started, live as long as the process.
static void start_workers(int count) {
    if (pool.started == 0) pool.started = 1;
    for (; pool.started < count; pool.started++) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, worker, NULL) != 0) return;  // the caller does their share
        pthread_detach(thread);
    }
}

void ck_round(void (*body)(void *context, int slot, int slots), void *context) {
    pthread_mutex_lock(&pool.round_lock);
    int count = ck_threads();
    start_workers(count);
    if (count > 1) {
        pool.body = body;
        pool.context = context;
        atomic_store_explicit(&pool.unfinished, count - 1, memory_order_relaxed);
        unsigned long round = (atomic_load_explicit(&pool.ticket, memory_order_relaxed) >> 16) + 1;
        atomic_store(&pool.ticket, TICKET(round, count, 1));
        if (atomic_load(&pool.sleeping) > 0) {
            pthread_mutex_lock(&pool.sleep_lock);
            pthread_cond_broadcast(&pool.wake);
            pthread_mutex_unlock(&pool.sleep_lock);
        }
    }
    body(context, 0, count);
    if (count > 1) {
        while (run_slot()) {
        }
        for (int spins = 0; atomic_load_explicit(&pool.unfinished, memory_order_acquire) > 0; relax())
            if (++spins % SPINS_TO_YIELD == 0) sched_yield();
    }
    pthread_mutex_unlock(&pool.round_lock);
}

typedef struct {
    long count, grain;
    void (*body)(void *, long, long);
    void *context;
} ranges;

static void ranges_body(void *context, int slot, int slots) {
    const ranges *r = context;
    long grains = (r->count + r->grain - 1) / r->grain;
    long begin = grains * slot / slots * r->grain, end = grains * (slot + 1) / slots * r->grain;
    if (end > r->count) end = r->count;
    if (begin < end) r->body(r->context, begin, end);
}

void ck_ranges(long count, long grain, void (*body)(void *context, long begin, long end), void *context) {
    if (count <= 0) return;
    if (count <= grain || ck_threads() == 1) {
        body(context, 0, count);
        return;
    }
    ranges r = {count, grain, body, context};
    ck_round(ranges_body, &r);
}

typedef struct {
    long count;
    atomic_long next;
    void (*body)(void *, long);
    void *context;
} items;

static void items_body(void *context, int slot, int slots) {
    (void)slot, (void)slots;
    items *r = context;
    for (long i; (i = atomic_fetch_add(&r->next, 1)) < r->count;) r->body(r->context, i);
}

void ck_parallel(long count, void (*body)(void *context, long index), void *context) {
    items r = {.count = count, .body = body, .context = context};
    atomic_init(&r.next, 0);
    ck_round(items_body, &r);
}

void *(*ck_zeroed_memory)(size_t count, size_t bytes) = calloc;

void *ck_allocate(long count, long bytes, const char *what) {
    void *memory = ck_zeroed_memory((size_t)(count > 0 ? count : 1), (size_t)bytes);
    if (!memory) {
        fprintf(stderr, "nla: out of memory: %ld bytes for %s\n", count * bytes, what);
        abort();
    }
    return memory;
}

void *ck_scratch(int slot, int index, unsigned long bytes) {
    if (pool.scratch[slot][index].bytes < bytes) {
        free(pool.scratch[slot][index].memory);
        unsigned long rounded = (bytes + bytes / 4 + 4095) / 4096 * 4096;
        void *memory = aligned_alloc(4096, rounded);
        if (!memory) {
            fprintf(stderr, "nla: out of memory: %lu bytes of scratch\n", rounded);
            abort();
        }
        pool.scratch[slot][index].memory = memory;
        pool.scratch[slot][index].bytes = rounded;
    }
    return pool.scratch[slot][index].memory;
}

// Linux keeps the peak in VmHWM and forgets it when 5 is written to clear_refs; elsewhere getrusage has it for good.
long ck_peak_resident_bytes(void) {
    FILE *status = fopen("/proc/self/status", "r");
    if (status) {
        char line[256];
        long kilobytes = -1;
        while (fgets(line, sizeof line, status))
            if (sscanf(line, "VmHWM: %ld", &kilobytes) == 1) break;
        fclose(status);
        if (kilobytes >= 0) return kilobytes * 1024;
    }
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
#ifdef __APPLE__
    return usage.ru_maxrss;
#else
    return usage.ru_maxrss * 1024;
#endif
}

void ck_reset_peak_resident_bytes(void) {
    FILE *file = fopen("/proc/self/clear_refs", "w");
    if (!file) return;
    fputs("5", file);
    fclose(file);
}

void ck_trim_memory(void) {
#ifdef __GLIBC__
    malloc_trim(0);
#endif
}
