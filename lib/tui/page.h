/*
 * The recording that is shown as the HTML page of rsprof-flame(1), by the programs that
 * make it: they stand beside this one.
 */
#ifndef TUI_PAGE_H
#define TUI_PAGE_H

#include <stdio.h>

struct session;

/* Write the page, of the range that is selected.  Returns 0, or -1 with errno set. */
int page_write(const struct session *s, FILE *out);

#endif
