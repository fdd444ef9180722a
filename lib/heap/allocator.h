/*
 * rustc's allocation functions, by name.
 */
#ifndef ALLOCATOR_H
#define ALLOCATOR_H

/* Returns the number of the function that symbol names, in any of rustc's
 * spellings: 0 __rust_alloc, 1 __rust_dealloc, 2 __rust_realloc, 3
 * __rust_alloc_zeroed; or -1 for any other. */
int allocator_shim(const char *symbol);

#endif
