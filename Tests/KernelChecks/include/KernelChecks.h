// Each fast kernel against its plain twin on random shapes. Run by CKernelsTests and, built alone, under the sanitizers.
#ifndef KERNEL_CHECKS_H
#define KERNEL_CHECKS_H

// How many checks there are, and the name of one.
unsigned kernel_check_count(void);
const char *kernel_check_name(unsigned index);
// Runs one check for one seed. Returns null, or what differed; the message is valid until the thread's next call.
const char *kernel_check(const char *name, unsigned seed);

#endif
