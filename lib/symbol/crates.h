/*
 * The crates that a program was built from, as far as the program itself says it:
 * code that can panic names its source file, in a stripped release build too.
 */
#ifndef CRATES_H
#define CRATES_H

#include <stddef.h>

struct crates;
struct elf_file;

#define CRATE_MAX 64
#define CRATE_VERSION_MAX 48

/* NULL: none is named, or no memory. */
struct crates *crates_read(const struct elf_file *elf);
void crates_free(struct crates *c);

/* The version of a dependency, or of one of the standard library, by the name that
 * code has for it (tokio_util); "" if there are several, or it is not said.  NULL: it
 * is not known to be one. */
const char *crates_version(const struct crates *c, const char *name);

/*
 * The version of the compiler, which is that of the standard library, from what a
 * path has for it: rustc's commit becomes 1.75.0 where .comment agrees.  NULL: not
 * known; what: may be NULL, for where there is no path.
 */
const char *crates_rustc(const struct crates *c, const char *what, size_t len);

#endif
