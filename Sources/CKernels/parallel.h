// The worker threads. One owner: a kernel runs on all of them, then the next kernel.
#ifndef CK_PARALLEL_H
#define CK_PARALLEL_H

#include <stddef.h>

#include "CKernels.h"

// Calls body(context, slot, slots) once for each slot in 0..<slots, as many as there are threads, slot 0 on the calling
// thread. Only one such round runs at a time in the process; a second caller waits.
void ck_round(void (*body)(void *context, int slot, int slots), void *context);

// Splits 0..<count into one contiguous range per thread; ranges start at multiples of `grain`. Small counts stay on the caller.
void ck_ranges(long count, long grain, void (*body)(void *context, long begin, long end), void *context);

// Zeroed memory of `count` elements; ends the process with a line that says `what` it was for where there is none. A kernel cannot report
// an error, and must not go on without.
void *ck_allocate(long count, long bytes, const char *what);
// What it asks, for tests.
extern void *(*ck_zeroed_memory)(size_t count, size_t bytes);

// Scratch memory of one slot, at least `bytes` long, 64-byte aligned, valid until the slot's next request for the same
// `index`. For use inside a round only.
enum { CK_SCRATCH_WEIGHTS, CK_SCRATCH_STORED, CK_SCRATCH_ATTENTION, CK_SCRATCH_COUNT };
void *ck_scratch(int slot, int index, unsigned long bytes);

#endif
