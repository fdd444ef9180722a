/*
 * The category of a frame: whose code it is, by its names.
 */
#ifndef CATEGORY_H
#define CATEGORY_H

#include <stdint.h>

#include "symbol/crates.h"

struct category {
	const char *word; /* a constant, as in rsprof-records(5) */
	/* The crate as code names it (tokio_util) and its version; "": unknown. */
	char crate[CRATE_MAX], version[CRATE_VERSION_MAX];
};

/* A demangled function, its source file, and the path of its module. */
struct category_frame {
	const char *function, *file, *module; /* NULL: unknown */
	uint64_t line;                        /* 0: unknown */
};

/*
 * Set *out to the category of a frame.  Names identify the standard library,
 * allocators and async runtimes; whether another crate is the program's own or a
 * dependency follows from the source path, or from the crates that the module
 * names (may be NULL).
 */
void category_of(const struct category_frame *f, const struct crates *named, struct category *out);

#endif
