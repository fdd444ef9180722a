/*
 * The head of the screen: what is looked at, its state, and the figures that
 * tell how far it can be trusted.
 */
#ifndef HEAD_H
#define HEAD_H

struct grid;
struct grid_area;
struct watch;

#define HEAD_ROWS_MAX 3

/* The rows that it needs now. */
int head_rows(const struct watch *w);

/* place: where the person stands, for its right end. */
void head_draw(const struct watch *w, int paused, const char *place,
    struct grid *g, const struct grid_area *area);

/* What is in it, as in struct view_type. */
const char *const *head_words(void);

#endif
