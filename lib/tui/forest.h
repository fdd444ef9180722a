/*
 * The stacks that views of calls show, of time or live memory.
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
	int memory;               /* live bytes instead of time */
	enum profile_group group; /* function or generic function */
	struct inuse *inuse;      /* the session's; of memory */
	struct calltree_stacks stacks;
};

/* Read the current stacks.  Returns 0, or -1 if out of memory or unreadable. */
int forest_update(struct forest *f);
void forest_free(struct forest *f);

/* Returns the name of a function and sets *module. */
const char *forest_name(const struct forest *f, uint32_t row, const char **module);

/* Returns what percentages are of: live memory, which is the total of its calls; or time
 * without that in probes. */
uint64_t forest_whole(const struct forest *f, uint64_t total);

/* Draw a part right-aligned: as a percentage of the whole, or memory as a size. */
void forest_figure(const struct forest *f, struct grid *g, const struct grid_area *cell,
    uint64_t part, uint64_t whole);

/* Returns what is measured, for titles. */
const char *forest_what(const struct forest *f);

#endif
