#include <inttypes.h>
#include <stdlib.h>

#include "base/quote.h"
#include "export/export.h"
#include "export/formats.h"
#include "export/series.h"
#include "export/sums.h"

/*
 * The JSON of speedscope (www.speedscope.app/file-format-schema.json): one profile for the CPU time
 * of each thread, in the order of time; then waits and memory, a sample for each stack.
 */

struct speedscope {
	struct series cpu;
	struct sums sums;
	int profiles; /* that have been written */
};

static int
speedscope_sample(struct export *e, const struct export_sample *s)
{
	struct point p = { .time = s->time, .thread = s->thread, .node = s->node,
		.value = { s->value[EXPORT_CPU] } };
	struct speedscope *x = e->state;

	return s->kind == EXPORT_ON_CPU ? series_add(&x->cpu, &p) : sums_add(&x->sums, s);
}

/* ---- writing ------------------------------------------------------------ */

static void
write_frames(const struct export *e, FILE *out)
{
	for (size_t i = 0; i < e->stacks.nframe; i++) {
		const struct export_frame *f = &e->stacks.frame[i];

		fputs(i ? ",\n{\"name\":" : "\n{\"name\":", out);
		quote_json(out, f->name);
		if (f->file) {
			fputs(",\"file\":", out);
			quote_json(out, f->file);
		}
		if (f->line)
			fprintf(out, ",\"line\":%" PRIu64, f->line);
		if (f->column)
			fprintf(out, ",\"col\":%" PRIu64, f->column);
		putc('}', out);
	}
}

/* Write the frames of a stack from the outermost inward.  `path` has room for all nodes. */
static void
write_stack(const struct export *e, uint32_t node, uint32_t *path, FILE *out)
{
	size_t n = 0;

	for (; node != STACKS_NONE; node = e->stacks.node[node].parent)
		path[n++] = e->stacks.node[node].frame;
	putc('[', out);
	while (n-- > 0)
		fprintf(out, "%" PRIu32 "%s", path[n], n ? "," : "");
	putc(']', out);
}

static void
begin_profile(struct speedscope *x, const char *name, const char *unit, int64_t total, FILE *out)
{
	fputs(x->profiles++ ? ",\n{\"type\":\"sampled\",\"name\":" : "\n{\"type\":\"sampled\",\"name\":",
	    out);
	quote_json(out, name);
	fprintf(out, ",\"unit\":\"%s\",\"startValue\":0,\"endValue\":%" PRId64 ",\n\"samples\":[",
	    unit, total);
}

/* Write the CPU time of a thread: points[from] to points[to]. */
static void
write_thread(struct export *e, size_t from, size_t to, uint32_t *path, FILE *out)
{
	struct speedscope *x = e->state;
	const struct point *p = x->cpu.point;
	char name[EXPORT_NAME_MAX];
	int64_t total = 0;

	for (size_t i = from; i < to; i++)
		total += p[i].value[0];
	begin_profile(x, export_thread_name(e, p[from].thread, name),
	    export_is_time(e) ? "nanoseconds" : "none", total, out);
	for (size_t i = from; i < to; i++) {
		fputs(i > from ? ",\n" : "", out);
		write_stack(e, p[i].node, path, out);
	}
	fputs("],\n\"weights\":[", out);
	for (size_t i = from; i < to; i++)
		fprintf(out, "%s%" PRId64, i > from ? "," : "", p[i].value[0]);
	fputs("]}", out);
}

/* Write into buf the name of a profile of memory, with how far it may be off.  Returns buf. */
static const char *
memory_name(const struct export *e, const char *name, enum export_value value,
    char buf[EXPORT_NAME_MAX])
{
	const struct bounds *b = value == EXPORT_LIVE ? &e->live : &e->bytes;
	struct bounds_range r = bounds_range(b, e->total[value]);
	char range[BOUNDS_TEXT_MAX], text[EXPORT_DOUBT_MAX];
	int least = value == EXPORT_LIVE && e->unknown;

	if (export_doubt(e, value, text) == NULL)
		return name;
	snprintf(buf, EXPORT_NAME_MAX, "%s%s (%s)", name, least ? ", at least" : "",
	    bounds_text(&r, range));
	return buf;
}

static void
write_sums(struct export *e, const char *name, const char *unit, enum export_value value,
    uint32_t *path, FILE *out)
{
	struct speedscope *x = e->state;
	const char *comma = "";
	char buf[EXPORT_NAME_MAX];

	if (e->total[value] == 0)
		return;
	if (value != EXPORT_OFF)
		name = memory_name(e, name, value, buf);
	begin_profile(x, name, unit, e->total[value], out);
	for (size_t i = 0; i < x->sums.n; i++)
		if (x->sums.sum[i].value[value] > 0) {
			fputs(comma, out);
			write_stack(e, x->sums.sum[i].node, path, out);
			comma = ",\n";
		}
	fputs("],\n\"weights\":[", out);
	comma = "";
	for (size_t i = 0; i < x->sums.n; i++)
		if (x->sums.sum[i].value[value] > 0) {
			fprintf(out, "%s%" PRId64, comma, x->sums.sum[i].value[value]);
			comma = ",";
		}
	fputs("]}", out);
}

static int
speedscope_write(struct export *e, FILE *out)
{
	struct speedscope *x = e->state;
	uint32_t *path = calloc(e->stacks.nnode + 1, sizeof *path);
	const char *name = e->tasks.nprocess ? e->tasks.process[0].name : NULL;

	if (path == NULL)
		return -1;
	series_sort(&x->cpu);
	fputs("{\"$schema\":\"https://www.speedscope.app/file-format-schema.json\",\n"
	      "\"exporter\":\"rsprof " VERSION "\",\"name\":",
	    out);
	quote_json(out, name ? name : "rsprof");
	fputs(",\"activeProfileIndex\":0,\n\"shared\":{\"frames\":[", out);
	write_frames(e, out);
	fputs("]},\n\"profiles\":[", out);
	for (size_t i = 0, end; i < x->cpu.n && !ferror(out); i = end) {
		end = series_thread(&x->cpu, i);
		write_thread(e, i, end, path, out);
	}
	write_sums(e, "time off the CPU", "nanoseconds", EXPORT_OFF, path, out);
	write_sums(e, "allocated", "bytes", EXPORT_BYTES, path, out);
	write_sums(e, "live at the end", "bytes", EXPORT_LIVE, path, out);
	fputs("]}\n", out);
	free(path);
	return 0;
}

static void
speedscope_end(struct export *e)
{
	struct speedscope *x = e->state;

	series_clear(&x->cpu);
	sums_clear(&x->sums);
}

const struct export_format *
export_speedscope(void)
{
	static const struct export_format format = {
		.name = "speedscope",
		.state = sizeof(struct speedscope),
		.sample = speedscope_sample,
		.write = speedscope_write,
		.end = speedscope_end,
	};

	return &format;
}
