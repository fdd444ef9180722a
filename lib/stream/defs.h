/*
 * The definitions that the records of a stream refer to: processes, threads, modules, frames and
 * the tree of stacks, each found by the id that its record gave it.
 *
 * A later definition of an id replaces the earlier one.  Strings and structs that are handed out
 * belong to the definitions; a struct is valid until the next defs_record().
 */
#ifndef DEFS_H
#define DEFS_H

#include <stddef.h>
#include <stdint.h>

struct defs;
struct rec;

struct defs_frame {
	const char *function, *file; /* either may be NULL */
	uint64_t line, column;       /* 0: unknown */
	const char *class, *crate, *version, *folded; /* as in struct rec_frame */
};

struct defs_node {
	uint64_t caller; /* id, 0: outermost */
	const char *cut; /* why an outermost node's caller is unknown; NULL: it has none */
	uint64_t module, offset;
	uint64_t frame; /* id, 0: not named */
	int inlined;
	size_t index; /* below defs_nodes(), the same for as long as the definitions live */
};

/* Returns NULL when out of memory. */
struct defs *defs_new(void);
void defs_free(struct defs *d);

/* Remember what a record defines, if anything.  Returns -1 when out of memory. */
int defs_record(struct defs *d, const struct rec *r);

/* Return the definition of an id, or NULL. */
const char *defs_process(const struct defs *d, uint64_t pid); /* its name */
const char *defs_command(const struct defs *d, uint64_t pid); /* its command line or program */
const char *defs_thread(const struct defs *d, uint64_t tid);  /* its name */
const char *defs_module(const struct defs *d, uint64_t id);   /* its path */
const char *defs_buildid(const struct defs *d, uint64_t id);  /* of a module */
const struct defs_frame *defs_frame(const struct defs *d, uint64_t id);
const struct defs_node *defs_node(const struct defs *d, uint64_t id);

/* Returns how many nodes are defined. */
size_t defs_nodes(const struct defs *d);

#endif
