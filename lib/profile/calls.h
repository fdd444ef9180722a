/*
 * Who calls whom, and which lines cost, as lists that can be printed: calls from the outermost
 * down or from functions of a name up, and the lines of a function's source file.
 */
#ifndef CALLS_H
#define CALLS_H

#include <stddef.h>
#include <stdint.h>

#include "profile/profile_types.h"

struct calls;
struct recording;

enum calls_what {
	CALLS_TREE,    /* what is called, from the outermost or from functions of a name */
	CALLS_CALLERS, /* what calls functions of a name, or the function with most self */
	CALLS_SOURCE   /* lines of the file of such a function */
};

struct calls_options {
	enum calls_what what;
	int memory;                 /* live bytes instead of time */
	enum profile_metric metric; /* of time */
	uint64_t since, until;
	int raw;          /* runtime frames count for themselves */
	const char *name; /* functions whose names contain it; NULL: see enum calls_what */
	unsigned depth;   /* how deep below the first; UINT_MAX: no limit */
	double threshold; /* percent of the whole that a line has at least in total */
};

/* A line of the list.  Strings are those of struct calls. */
struct calls_line {
	uint32_t parent; /* line of the caller, or callee with CALLS_CALLERS; UINT32_MAX: none */
	unsigned depth;
	const char *function, *module; /* of calls */
	uint64_t line;                 /* of a source line: its number */
	const char *text;              /* what it says; NULL: unknown */
	uint64_t self, total;
};

/*
 * List calls or lines of a recording, which the caller keeps.  Returns NULL, see db_error().
 * If nothing has the name there are no lines, and calls_error() says so, with near misses.
 */
struct calls *calls_open(struct recording *r, const struct calls_options *o);
void calls_close(struct calls *c);

const struct calls_line *calls_lines(const struct calls *c, size_t *n);

/* Returns what is wrong, or NULL. */
const char *calls_error(const struct calls *c);

/* Returns what all of it adds up to, and how many lines the threshold and the depth hide. */
uint64_t calls_whole(const struct calls *c);
size_t calls_hidden(const struct calls *c);

/* Returns the function and the source file that CALLS_SOURCE is about, or NULL. */
const char *calls_function(const struct calls *c);
const char *calls_file(const struct calls *c);

#endif
