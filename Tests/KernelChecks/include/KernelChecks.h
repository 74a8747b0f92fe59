// Each fast kernel against its plain twin on random shapes. Run by CKernelsTests and, built alone, under the sanitizers.
#ifndef KERNEL_CHECKS_H
#define KERNEL_CHECKS_H

// The names of the checks, null at the end.
extern const char *const kernel_check_names[];
// Runs one check for one seed. Returns null, or what differed; the message is valid until the thread's next call.
const char *kernel_check(const char *name, unsigned seed);

#endif
