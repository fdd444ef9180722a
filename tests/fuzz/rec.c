/* Any bytes into the record reader; what it accepts prints and reads back as
 * the same line. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "rec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int
on_record(void *ctx, const struct rec *r)
{
	static char once[2 * REC_LINE_MAX];
	size_t n = rec_print(once, sizeof once, r);

	(void)ctx;
	if (n == 0 || once[n - 1] != '\n')
		abort();
	return 0;
}

static void
on_bad(void *ctx, unsigned long line, const char *why)
{
	(void)ctx;
	if (line == 0 || why == NULL)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rec_sink sink = { on_record, on_bad, NULL };
	struct rec_reader *r = rec_reader_new(&sink);

	if (r == NULL)
		return 0;
	rec_push(r, "rsprof\t1\tcpu\tmono=1\twall=2\n", 27);
	rec_push(r, (const char *)data, size / 2);
	rec_push(r, (const char *)data + size / 2, size - size / 2);
	rec_push_end(r);
	rec_reader_free(r);
	return 0;
}
