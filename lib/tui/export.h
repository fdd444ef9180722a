/*
 * Export of what is shown, into new files in the working directory.
 */
#ifndef EXPORT_H
#define EXPORT_H

#include <stddef.h>
#include <stdio.h>

struct table;
struct table_source;

/*
 * Create rsprof.NAME.N.SUFFIX with the first free number, write it by write(), and
 * append the name to `names` (of `size` bytes).  Returns 0, or -1 with errno set; no
 * file remains then.
 */
int export_file(const char *name, const char *suffix,
    int (*write)(void *ctx, FILE *out), void *ctx, char *names, size_t size);

/* Write all rows of a table as CSV (RFC 4180), in their order.  Returns 0, or -1 if out
 * of memory. */
int export_csv(FILE *out, const struct table *t, const struct table_source *s);

/* Returns the selected row with tabs between its cells, for the caller to free, or NULL
 * if there is none or out of memory. */
char *export_row(const struct table *t, const struct table_source *s);

#endif
