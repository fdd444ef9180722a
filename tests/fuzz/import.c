/* Any bytes as text of perf or folded stacks; what comes out is a stream that reads back. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "export/import.h"
#include "stream/rec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char line[2 * REC_LINE_MAX];

static int
on_record(void *ctx, const struct rec *r)
{
	(void)ctx;
	(void)r;
	return 0;
}

static void
on_bad(void *ctx, unsigned long number, const char *why)
{
	(void)ctx;
	(void)number;
	(void)why;
	abort();
}

static int
put(void *ctx, const struct rec *r)
{
	size_t n = rec_print(line, sizeof line, r);

	if (n == 0 || n > REC_LINE_MAX || line[n - 1] != '\n')
		abort();
	rec_push(ctx, line, n);
	return 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rec_sink sink = { on_record, on_bad, NULL };
	struct rec_reader *reader = rec_reader_new(&sink);
	struct import_options o = { .put = put, .ctx = reader };
	struct import *i;
	char *text = malloc(size + 1), *next;

	if (reader == NULL || text == NULL || (i = import_new(&o)) == NULL)
		abort();
	memcpy(text, data, size);
	text[size] = '\0';
	for (char *at = text; at; at = next) {
		if ((next = memchr(at, '\n', (size_t)(text + size - at))))
			*next++ = '\0';
		import_line(i, at);
	}
	import_end(i);
	import_free(i);
	rec_reader_free(reader);
	free(text);
	return 0;
}
