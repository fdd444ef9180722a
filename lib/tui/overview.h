/*
 * The whole process at a glance: its CPU time, live heap and resident memory
 * (RSS) from the beginning to now, beside each other above every view.
 */
#ifndef OVERVIEW_H
#define OVERVIEW_H

struct grid;
struct grid_area;
struct session;

/*
 * What the recording does not know has no place in it.  The values are those at
 * the chart's cursor, or the latest ones; what of the time counts, or else what of
 * it charts show, stands out.
 */
void overview_draw(struct session *session, struct grid *g, const struct grid_area *area);

/* What is in it, as in struct view_type. */
const char *const *overview_words(void);

#endif
