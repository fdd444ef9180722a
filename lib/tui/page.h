/*
 * A text of several lines that can be longer than its place on the screen.
 */
#ifndef PAGE_H
#define PAGE_H

#include <stddef.h>

struct grid;
struct grid_area;
struct page;

/* NULL: out of memory. */
struct page *page_open(void);
void page_close(struct page *p);
void page_clear(struct page *p); /* its place stays */

/* Add a line: a label of so many columns, in its own style, and a text after
 * it, which goes on below itself where it is long; either may be NULL.  Both
 * are copied. */
void page_add(struct page *p, int style, const char *label, int columns,
    const char *text);
void page_printf(struct page *p, int style, const char *label, int columns,
    const char *format, ...) __attribute__((format(printf, 5, 6)));

/* -1: something could not be added since page_clear(), out of memory. */
int page_check(const struct page *p);

/* Move by lines, or by what is seen at once. */
void page_scroll(struct page *p, long lines);
void page_turn(struct page *p, long pages);

/* As it was drawn last: "12-34/56" in lines, "" where all of it is seen. */
void page_place(const struct page *p, char *buf, size_t size);

/* Draw what can be seen of it. */
void page_draw(struct page *p, struct grid *g, const struct grid_area *area);

#endif
