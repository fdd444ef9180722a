/*
 * rustc's allocation functions by name.
 */
#ifndef ALLOCATOR_H
#define ALLOCATOR_H

/*
 * The number (0 to 3) of the function behind a symbol, in any of rustc's
 * spellings: __rust_alloc, __rust_dealloc, __rust_realloc,
 * __rust_alloc_zeroed; -1: it is none of them.
 */
int allocator_shim(const char *symbol);

#endif
