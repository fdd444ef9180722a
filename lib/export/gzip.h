/*
 * A gzip file (RFC 1952) that is written to a stream, always the same for the same bytes.
 */
#ifndef EXPORT_GZIP_H
#define EXPORT_GZIP_H

#include <stddef.h>
#include <stdio.h>

struct gzip;

/* Begin a file.  Returns NULL when out of memory. */
struct gzip *gzip_new(FILE *out);
/* Add bytes; what cannot be written shows in ferror() of the stream. */
void gzip_write(struct gzip *g, const void *bytes, size_t len);
/* Write the end, and free it. */
void gzip_end(struct gzip *g);

#endif
