/*
 * The status lines at the top: the recording, its state, and figures about its quality.
 */
#ifndef STATUS_H
#define STATUS_H

struct grid;
struct grid_area;
struct session;

#define STATUS_ROWS_MAX 3

/* Returns the number of rows needed now. */
int status_rows(const struct session *session);

/* Draw the lines, with `position` at their right end. */
void status_draw(const struct session *session, int paused, const char *position,
    struct grid *g, const struct grid_area *area);

/* Returns the words on them, as in struct view_type. */
const char *const *status_words(void);

#endif
