/*
 * A scrollable text.
 */
#ifndef PAGER_H
#define PAGER_H

#include <stddef.h>

struct grid;
struct grid_area;
struct pager;

/* Create an empty text.  Returns NULL if out of memory. */
struct pager *pager_open(void);
void pager_close(struct pager *p);
void pager_clear(struct pager *p); /* keeps the scroll position */

/* Draw in two columns, the second going on where the first ends, wherever each has at
 * least so many columns of the screen. */
void pager_fold(struct pager *p, int columns);

/* Append a line: a label of `columns` columns in a style, and a text beside it that
 * wraps within its own column.  Either may be NULL; both are copied. */
void pager_add(struct pager *p, int style, const char *label, int columns,
    const char *text);
void pager_printf(struct pager *p, int style, const char *label, int columns,
    const char *format, ...) __attribute__((format(printf, 5, 6)));

/* Returns -1 if memory ran out since pager_clear(), else 0. */
int pager_check(const struct pager *p);

/* Scroll by lines, or by screens. */
void pager_scroll(struct pager *p, long lines);
void pager_turn(struct pager *p, long pages);

/* Format the position of the last drawing as "12-34/56" in lines, or "" if everything
 * was visible. */
void pager_position(const struct pager *p, char *buf, size_t size);

/* Draw the visible part. */
void pager_draw(struct pager *p, struct grid *g, const struct grid_area *area);

#endif
