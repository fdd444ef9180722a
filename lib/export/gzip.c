#include "export/gzip.h"

#include <limits.h>
#include <stdlib.h>
#define ZLIB_CONST
#include <zlib.h>

#define GZIP_WINDOW (15 + 16) /* zlib's number for the largest window, in a gzip file */
#define MEMORY_LEVEL 8        /* zlib's default */

struct gzip {
	z_stream z;
	FILE *out;
	unsigned char buf[1 << 16];
};

struct gzip *
gzip_new(FILE *out)
{
	struct gzip *g = calloc(1, sizeof *g);

	if (g == NULL)
		return NULL;
	g->out = out;
	if (deflateInit2(&g->z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, GZIP_WINDOW, MEMORY_LEVEL,
	        Z_DEFAULT_STRATEGY) == Z_OK)
		return g;
	free(g);
	return NULL;
}

/* Compress what z has, and write it. */
static void
drain(struct gzip *g, int flush)
{
	do {
		g->z.next_out = g->buf;
		g->z.avail_out = sizeof g->buf;
		deflate(&g->z, flush);
		fwrite(g->buf, 1, sizeof g->buf - g->z.avail_out, g->out);
	} while (g->z.avail_out == 0);
}

void
gzip_write(struct gzip *g, const void *bytes, size_t len)
{
	const unsigned char *p = bytes;

	while (len > 0) {
		unsigned n = len < INT_MAX ? (unsigned)len : INT_MAX;

		g->z.next_in = p;
		g->z.avail_in = n;
		drain(g, Z_NO_FLUSH);
		p += n;
		len -= n;
	}
}

void
gzip_end(struct gzip *g)
{
	drain(g, Z_FINISH);
	deflateEnd(&g->z);
	free(g);
}
