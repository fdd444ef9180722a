/* Any bytes into the record reader; what it accepts prints and reads back as
 * the same line. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "stream/rec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define HEAD "rsprof\t1\tcpu\tmono=1\twall=2\n"

static char once[2 * REC_LINE_MAX], twice[2 * REC_LINE_MAX];

static void
on_bad(void *ctx, unsigned long line, const char *why)
{
	(void)ctx;
	if (line == 0 || why == NULL)
		abort();
}

static int
on_again(void *ctx, const struct rec *r)
{
	size_t *n = ctx;

	*n = rec_print(twice, sizeof twice, r);
	return 0;
}

static void
read_back(size_t n)
{
	size_t got = 0;
	struct rec_sink sink = { on_again, on_bad, &got };
	struct rec_reader *r = rec_reader_new(&sink);

	if (r == NULL)
		return;
	rec_push(r, HEAD, sizeof HEAD - 1);
	rec_push(r, once, n);
	if (got != n || memcmp(once, twice, n) != 0)
		abort();
	rec_reader_free(r);
}

static int
on_record(void *ctx, const struct rec *r)
{
	size_t n = rec_print(once, sizeof once, r);

	(void)ctx;
	if (n == 0 || once[n - 1] != '\n')
		abort();
	/* A frame without a class may have got one more field than fits. */
	if (n <= REC_LINE_MAX)
		read_back(n);
	return 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rec_sink sink = { on_record, on_bad, NULL };
	struct rec_reader *r = rec_reader_new(&sink);

	if (r == NULL)
		return 0;
	rec_push(r, HEAD, sizeof HEAD - 1);
	rec_push(r, (const char *)data, size / 2);
	rec_push(r, (const char *)data + size / 2, size - size / 2);
	rec_push_end(r);
	rec_reader_free(r);
	return 0;
}
