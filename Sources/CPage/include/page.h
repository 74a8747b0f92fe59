#ifndef PAGE_H
#define PAGE_H

#include <stddef.h>

/// A file of the studio's page.
struct page_file {
    const char *name;
    const char *type;
    const unsigned char *bytes;
    size_t byte_count;
};

/// All files of the page; they live as long as the program.
const struct page_file *page_files(size_t *count);

#endif
