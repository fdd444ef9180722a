/*
 * Functions, inlined calls and lines of a file, from its DWARF 2 to 5.  A
 * unit is read when an address first hits it.
 */
#ifndef DEBUG_H
#define DEBUG_H

#include <stddef.h>
#include <stdint.h>

struct debug;
struct obj;

/* Strings live as long as the struct debug. */
struct debug_frame {
	const char *function; /* mangled where it is known so; NULL: unknown */
	const char *file;     /* NULL: unknown */
	uint64_t line;        /* 0: unknown */
	int mangled;          /* function is a linkage name, not a bare one */
};

#define DEBUG_DEPTH 256 /* most inlined calls within one another */

/* The obj must outlive it.  NULL: the file has no DWARF (or no memory). */
struct debug *debug_open(const struct obj *obj);
void debug_close(struct debug *d);

/*
 * The frames of a virtual address, the innermost inlined call first, the
 * function that was really called last; at most DEBUG_DEPTH of them.
 * Returns how many: 0 where nothing is known; 1 without a function but with
 * a line where there is only that.
 */
size_t debug_lookup(struct debug *d, uint64_t addr,
    struct debug_frame frame[DEBUG_DEPTH]);

#endif
