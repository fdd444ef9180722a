/*
 * What others have recorded, line by line, as a named record stream: the text of `perf script`, and
 * folded stacks.
 */
#ifndef EXPORT_IMPORT_H
#define EXPORT_IMPORT_H

#include <stddef.h>
#include <stdint.h>

struct import;
struct rec;

struct import_options {
	const char *event; /* of perf: the only one that is taken; NULL: the first one */
	const char *unit;  /* of folded stacks; NULL: "samples" */
	/* Takes a record.  Returns 0 to go on. */
	int (*put)(void *ctx, const struct rec *r);
	void *ctx;
};

/* Create an import; the options stay the caller's.  Returns NULL when out of memory. */
struct import *import_new(const struct import_options *o);
void import_free(struct import *i);

/*
 * Take a line, without its LF; the text may be changed.  Returns 0, a positive value of put(), or
 * -1 where the line is skipped; import_error() says why.
 */
int import_line(struct import *i, char *line);
/* Write the end.  Returns as import_line() does; -1 where nothing was read. */
int import_end(struct import *i);
const char *import_error(const struct import *i);

/* Returns how many samples were of other events. */
unsigned long import_others(const struct import *i);

#endif
