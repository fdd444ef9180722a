/*
 * Readable names of symbols: Rust's legacy and v0 mangling, C++.
 */
#ifndef RSPROF_DEMANGLE_H
#define RSPROF_DEMANGLE_H

#include <stddef.h>

#define DEMANGLE_MAX 4096

/*
 * The readable form of a symbol into out, without hashes and the crates'
 * disambiguators, cut at size - 1 bytes and then ending in "...".  A name
 * that is not mangled is copied as it is.  Rust's are as the crate rustc-demangle
 * has them, but for the hash in .llvm.123.cold, which it leaves there.
 */
void demangle(char *out, size_t size, const char *symbol);
/* The same, with them. */
void demangle_whole(char *out, size_t size, const char *symbol);

#endif
