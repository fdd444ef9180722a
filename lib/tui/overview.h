/*
 * The whole process at a glance: CPU time, live heap and resident memory (RSS) side by
 * side, over all of the recording.
 */
#ifndef OVERVIEW_H
#define OVERVIEW_H

struct grid;
struct grid_area;
struct session;

/*
 * Draw the parts that were recorded.  Values are those at the chart's cursor, or the
 * latest.  The selected time is bright, or else the time that charts show.
 */
void overview_draw(struct session *session, struct grid *g, const struct grid_area *area);

/* Returns the words on it, as in struct view_type. */
const char *const *overview_words(void);

#endif
