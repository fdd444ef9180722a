/*
 * Demangling of symbols: Rust's legacy and v0 schemes, and C++.
 */
#ifndef RSPROF_DEMANGLE_H
#define RSPROF_DEMANGLE_H

#include <stddef.h>

#define DEMANGLE_MAX 4096

/*
 * Demangle a symbol into out, without hashes and the crates' disambiguators, cut at
 * size - 1 bytes and then ending in "...".  A name that is not mangled is copied.
 * Rust names are formatted as the crate rustc-demangle does, except that a hash as in
 * .llvm.123.cold is dropped too.
 */
void demangle(char *out, size_t size, const char *symbol);
/* Demangle a symbol as demangle() does, but keep hashes and disambiguators. */
void demangle_whole(char *out, size_t size, const char *symbol);

#endif
