/*
 * A text of several lines that can be longer than its place on the screen.
 */
#ifndef PAGER_H
#define PAGER_H

#include <stddef.h>

struct grid;
struct grid_area;
struct pager;

/* NULL: out of memory. */
struct pager *pager_open(void);
void pager_close(struct pager *p);
void pager_clear(struct pager *p); /* its place stays */

/* Add a line: a label of so many columns, in its own style, and a text after
 * it, which goes on below itself where it is long; either may be NULL.  Both
 * are copied. */
void pager_add(struct pager *p, int style, const char *label, int columns,
    const char *text);
void pager_printf(struct pager *p, int style, const char *label, int columns,
    const char *format, ...) __attribute__((format(printf, 5, 6)));

/* -1: something could not be added since pager_clear(), out of memory. */
int pager_check(const struct pager *p);

/* Move by lines, or by what is seen at once. */
void pager_scroll(struct pager *p, long lines);
void pager_turn(struct pager *p, long pages);

/* As it was drawn last: "12-34/56" in lines, "" where all of it is seen. */
void pager_position(const struct pager *p, char *buf, size_t size);

/* Draw what can be seen of it. */
void pager_draw(struct pager *p, struct grid *g, const struct grid_area *area);

#endif
