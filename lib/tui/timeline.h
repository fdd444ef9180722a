/*
 * The chart below a table: the selected row and pinned ones over time, with zoom,
 * cursor and range.
 */
#ifndef TIMELINE_H
#define TIMELINE_H

#include <stddef.h>
#include <stdint.h>

#include "tui/grid.h"
#include "profile/profile.h"

struct timeline;
struct view_key;
struct session;

/* A row to draw. */
struct timeline_source {
	void *ctx;
	unsigned of;      /* kind of row */
	uint64_t id;      /* unique within its kind */
	unsigned variant; /* read() returns the same values while this is the same */
	const char *name; /* NULL: no row is selected */
	int is_path;      /* whether the name is one */
	char which[128];  /* distinguishes rows of the same name; or "" */
	const char *what, *unit; /* quantity and unit for the title: "total", "% of a core" */
	const char *first, *over; /* names of two stacked series, or NULL */
	int bytes;        /* values are bytes, else percentages */
	/* Read the values of n buckets from `from` on, the last of which may end at
	 * `last` already.  `over` is the stacked series, or 0.  Returns 0, or -1 if out
	 * of memory. */
	int (*read)(void *ctx, uint64_t id, uint64_t from, uint64_t width, uint64_t last,
	    size_t n, double *value, double *over);
};

/* Create a timeline.  The caller keeps the session.  Returns NULL if out of memory. */
struct timeline *timeline_open(struct session *session);
void timeline_close(struct timeline *t); /* NULL is allowed */

/* Split the area of a view into its table and a chart below, if it has `any` rows and
 * there is room.  Returns the chart's area, which has no rows if it is hidden. */
struct grid_area timeline_split(struct timeline *t, const struct grid_area *area, int any,
    struct grid_area *table);

/* Read the time of a row of the profile, as a percentage of each bucket. */
int timeline_time(const struct profile *p, uint64_t id, enum profile_metric metric,
    uint64_t from, uint64_t width, uint64_t last, size_t n, double *value);

/* Read the live bytes of a row of memory by its id, as read() does; ctx is the struct
 * inuse. */
int timeline_bytes(void *ctx, uint64_t id, uint64_t from, uint64_t width, uint64_t last,
    size_t n, double *value, double *over);

/* Draw the selected row, with the pinned rows of its kind. */
void timeline_draw(struct timeline *t, const struct timeline_source *s, struct grid *g,
    const struct grid_area *area);

/* Handle the mouse pressed or released at (y, x): dragging selects a range, a click
 * sets the cursor.  Returns 0 outside of the chart. */
int timeline_mouse(struct timeline *t, int released, int y, int x);

/* Returns the number of a pinned row, from 1 to GRID_LINES, or 0 if it is not pinned. */
int timeline_pinned(const struct timeline *t, unsigned of, uint64_t id);

/* The keys of a chart; they act on a struct timeline_at, and select ranges in its session. */
struct timeline_at {
	struct timeline *timeline;
	const struct timeline_source *source; /* of the selected row */
};
const struct view_key *timeline_keys(size_t *n);

#endif
