/* Any stream of records, in which | is a tab, in each format. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "export/export.h"
#include "export/formats.h"
#include "stream/rec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct export_format *(*const formats[])(void) = { export_callgrind, export_dhat,
	export_firefox, export_flame, export_folded, export_pprof, export_speedscope, export_trace };
#define NFORMATS (sizeof formats / sizeof *formats)

static int
on_record(void *ctx, const struct rec *r)
{
	return export_record(ctx, r) != NULL;
}

static void
on_bad(void *ctx, unsigned long number, const char *why)
{
	(void)ctx;
	(void)number;
	(void)why;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static FILE *out;
	struct export_options o = { 0 };
	struct rec_sink sink = { on_record, on_bad, NULL };
	struct rec_reader *reader;

	if (size < 1 || (out == NULL && (out = fopen("/dev/null", "w")) == NULL))
		return 0;
	o.stacks.collapse = data[0] >> 3 & 1;
	o.stacks.generic = data[0] >> 4 & 1;
	o.processes = o.threads = data[0] >> 5 & 1;
	o.wall = data[0] >> 6 & 1;
	o.value = data[0] >> 7 ? EXPORT_LIVE : EXPORT_CPU;
	sink.ctx = export_new(formats[data[0] % NFORMATS](), &o);
	if (sink.ctx == NULL || (reader = rec_reader_new(&sink)) == NULL)
		abort();
	for (size_t i = 1; i < size; i++) {
		char c = (char)(data[i] == '|' ? '\t' : data[i]);

		if (rec_push(reader, &c, 1) < 0)
			break;
	}
	rec_push_end(reader);
	if (((struct export *)sink.ctx)->start)
		export_write(sink.ctx, out);
	rec_reader_free(reader);
	export_free(sink.ctx);
	return 0;
}
