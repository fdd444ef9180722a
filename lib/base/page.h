/*
 * The size of a page of memory.
 */
#ifndef PAGE_H
#define PAGE_H

#include <stddef.h>

/* Returns the size in bytes, a power of two.  Any thread may call this. */
size_t page_size(void);

#endif
