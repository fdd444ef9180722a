/*
 * What is shown, in files of the working directory that were not there before.
 */
#ifndef EXPORT_H
#define EXPORT_H

#include <stddef.h>
#include <stdio.h>

struct table;
struct table_source;

/*
 * Create rsprof.NAME.N.SUFFIX with the first number that is free, and write it.
 * Appends its name to `said' (of `size' bytes).  -1: errno says why; no file is left.
 */
int export_file(const char *name, const char *suffix,
    int (*write)(void *ctx, FILE *out), void *ctx, char *names, size_t size);

/* All rows of a table as CSV (RFC 4180), in their order.  -1: out of memory. */
int export_csv(FILE *out, const struct table *t, const struct table_source *s);

/* The selected row, with a tab between its cells, for the caller to free.  NULL: there is
 * none, or out of memory. */
char *export_row(const struct table *t, const struct table_source *s);

#endif
