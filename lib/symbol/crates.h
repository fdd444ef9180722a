/*
 * The crates that a program was built from, as far as its file names them: code
 * that can panic contains the path of its source, even in a stripped release build.
 */
#ifndef CRATES_H
#define CRATES_H

#include <stddef.h>

struct crates;
struct elf_file;

#define CRATE_MAX 64
#define CRATE_VERSION_MAX 48

/* Find the crates that a file names.  Returns NULL if it names none, or when out of memory. */
struct crates *crates_read(const struct elf_file *elf);
void crates_free(struct crates *c);

/* Returns the version of a dependency, or of a crate that std was built from, by the
 * name that code has for it (tokio_util); "" if there are several versions or none is
 * given.  NULL: not known to be a dependency. */
const char *crates_version(const struct crates *c, const char *name);

/*
 * Returns the version of the compiler, and so of the standard library.  `what` is
 * the commit in a source path of std, which must agree with the one in .comment, or
 * NULL if there is no path.  NULL: unknown.
 */
const char *crates_rustc(const struct crates *c, const char *what, size_t len);

#endif
