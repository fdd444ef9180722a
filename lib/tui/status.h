/*
 * The head of the screen: what is looked at, its state, and the figures that
 * tell how far it can be trusted.
 */
#ifndef STATUS_H
#define STATUS_H

struct grid;
struct grid_area;
struct session;

#define STATUS_ROWS_MAX 3

/* The rows that it needs now. */
int status_rows(const struct session *session);

/* place: where the person stands, for its right end. */
void status_draw(const struct session *session, int paused, const char *position,
    struct grid *g, const struct grid_area *area);

/* What is in it, as in struct view_type. */
const char *const *status_words(void);

#endif
