/*
 * Whose code a frame is, by its names.
 */
#ifndef CATEGORY_H
#define CATEGORY_H

#include <stdint.h>

#include "symbol/crates.h"

struct category {
	const char *word; /* as in rsprof-records(5) */
	/* The crate, as code names it (tokio_util), and its version; "": not known. */
	char crate[CRATE_MAX], version[CRATE_VERSION_MAX];
};

/* A function as it is shown, its source, and the path of its module. */
struct category_frame {
	const char *function, *file, *module; /* NULL: not known */
	uint64_t line;                        /* 0: not known */
};

/*
 * Names alone tell Rust's own code, allocators and executors from the rest; which
 * crate is the program's own only paths tell, that of the file or those that the
 * module names (NULL: none).
 */
void category_of(const struct category_frame *f, const struct crates *named, struct category *out);

#endif
