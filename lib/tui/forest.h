/*
 * What views of calls have in common: the stacks of what is measured, time or live
 * memory, merged anew when there is something new.
 */
#ifndef FOREST_H
#define FOREST_H

#include <stdint.h>

#include "profile/calltree.h"
#include "profile/profile_types.h"

struct grid;
struct grid_area;
struct inuse;
struct session;

struct forest {
	struct session *session;
	int memory;               /* live bytes; else time */
	enum profile_group group; /* function or generic function */
	struct inuse *inuse;      /* the watch's, of memory */
	struct calltree_stacks stacks;
};

/* Read the stacks as they are now.  -1: out of memory, or it could not be read. */
int forest_update(struct forest *f);
void forest_free(struct forest *f);

/* What a function is called. */
const char *forest_name(const struct forest *f, uint32_t row, const char **module);

/* The function of that name and module, or CALLTREE_NONE: it has nothing. */
uint32_t forest_find(const struct forest *f, const char *name, const char *module);

/* A part of the whole as text: "12.3%", "1.2M"; at the right of a cell. */
void forest_figure(const struct forest *f, struct grid *g, const struct grid_area *cell,
    uint64_t part, uint64_t whole);

/* What is measured, for a title. */
const char *forest_what(const struct forest *f);

#endif
