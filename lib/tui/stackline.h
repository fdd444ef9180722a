/*
 * A line with the heaviest stack of a table's selected row: its callers, the nearest first.
 */
#ifndef STACKLINE_H
#define STACKLINE_H

#include <stdint.h>

#include "profile/calltree.h"
#include "profile/profile_types.h"
#include "tui/grid.h"

struct inuse;
struct recording;
struct session;

/* Zeroed, it holds nothing. */
struct stackline {
	struct calltree_stacks stacks; /* as they were read last */
	int fresh;                     /* whether they are what they were read from */
};

/* Cut a row off the end of a table's area, if a chart below it shows that there is room and
 * the rows of a grouping are functions.  Returns the area of that row, or one without rows. */
struct grid_area stackline_split(enum profile_group group, const struct grid_area *chart,
    struct grid_area *table);

/* Note that time or memory has changed: what was read from it is read again. */
void stackline_change(struct stackline *l);

/* Draw the heaviest stack of a row, of memory or, if that is NULL, of the session's profile.
 * Without one, or if out of memory, the area stays as it is. */
void stackline_draw(struct stackline *l, struct session *session, const struct inuse *memory,
    enum profile_group group, uint32_t row, struct grid *g, const struct grid_area *area);

void stackline_free(struct stackline *l); /* frees what l holds, not l itself */

#endif
