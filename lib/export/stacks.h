/*
 * The tree of stacks as formats write it: every node has a frame with a name, and why a stack is
 * incomplete, or missing, is a frame, too.
 *
 * Indexes are dense; a node's parent has a lower one.  Strings live as long as the definitions, or
 * the tree.
 */
#ifndef EXPORT_STACKS_H
#define EXPORT_STACKS_H

#include <stddef.h>
#include <stdint.h>

#include "base/idmap.h"
#include "base/strtab.h"

#define STACKS_NONE UINT32_MAX

struct defs;
struct rec_map;
struct rec_module;
struct rec_ref;

struct export_module {
	const char *path, *buildid; /* each may be NULL */
	uint64_t start, end, offset; /* its first mapping; end 0: there is none */
};

/* What frames have in common: one for each location in the source. */
struct export_frame {
	const char *name; /* of the function; else the module and an offset, or an address */
	const char *generic; /* that all instances of a generic function share; NULL: its own */
	const char *file;    /* may be NULL */
	uint64_t line, column;
	const char *class, *crate, *version; /* each may be NULL */
	uint32_t module;
	unsigned is_reason : 1; /* it is no code, but why there is none */
	unsigned is_runtime : 1; /* of an allocator, libc or std */
};

struct export_node {
	uint32_t parent; /* STACKS_NONE: outermost */
	uint32_t frame;
	uint32_t module; /* STACKS_NONE: of no code */
	uint64_t offset; /* in the module's file */
	unsigned inlined : 1;
	unsigned stands_alone : 1; /* runtime frames alone, while they are collapsed */
};

/* How the tree is made of what the stream defines. */
struct stacks_options {
	int collapse; /* runtime frames become part of the frame that called them */
	int generic;  /* all instances of a generic function have one name */
};

struct stacks {
	const struct defs *defs;
	struct stacks_options o;
	struct export_module *module;
	struct export_frame *frame;
	struct export_node *node;
	size_t nmodule, module_room, nframe, frame_room, nnode, node_room;
	struct idmap module_map, frame_map, node_map;
	uint32_t *of; /* by the index of a definition: its node */
	size_t nof;
	const char *warning; /* about the last stack, or NULL */
	struct strtab strings;
};

/* Functions return -1 when out of memory. */
int stacks_module(struct stacks *s, const struct rec_module *m);
int stacks_map(struct stacks *s, const struct rec_map *m);

/* Set *node to that of a stack. */
int stacks_find(struct stacks *s, const struct rec_ref *ref, uint32_t *node);

/* Free what is in it. */
void stacks_clear(struct stacks *s);

#endif
