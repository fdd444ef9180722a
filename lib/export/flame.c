#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/quote.h"
#include "export/export.h"
#include "export/formats.h"
#include "export/series.h"
#include "flame_page.h"

/*
 * One HTML page with everything in it: a style, a script (flame.css, flame.js), and the data as
 * JSON that the script reads: tables made of columns, in which indexes stand for names, frames and
 * nodes.  Samples are added up by node, thread and one of BINS parts of the time.
 */

#define BINS 600

/* Style and script are permitted by their hashes, and nothing else is. */
static const char head[] =
    "<!DOCTYPE html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n"
    "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
    "style-src 'sha256-" FLAME_CSS_HASH "'; script-src 'sha256-" FLAME_JS_HASH "'; "
    "img-src data:; base-uri 'none'; form-action 'none'\">\n"
    "<meta name=\"viewport\" content=\"width=device-width\">\n<title>rsprof</title>\n";

/* How far memory may be off: of a change of it. */
struct range {
	uint32_t node, thread;
	int64_t time;
	double value[6]; /* below, above and variance: of live, of bytes */
};

struct flame {
	struct series cpu, off, heap, memory;
	struct range *range;
	size_t nrange, range_room;
	struct bounds_range *bounds; /* of each point of memory */
	size_t bounds_room;
	struct strtab names;
};

/* Keep how far the memory of a sample may be off, unless it is exact. */
static int
add_range(struct flame *f, const struct export_sample *s)
{
	const struct range new = { s->node, s->thread, s->time,
		{ s->live.below, s->live.above, s->live.variance, s->bytes.below, s->bytes.above,
		    s->bytes.variance } };
	int any = 0;

	for (int i = 0; i < 6; i++)
		any |= new.value[i] != 0;
	if (!any)
		return 0;
	if (array_room(&f->range, f->nrange, &f->range_room, sizeof new) < 0)
		return -1;
	f->range[f->nrange++] = new;
	return 0;
}

static int
flame_sample(struct export *e, const struct export_sample *s)
{
	struct point p = { .time = s->time, .thread = s->thread, .node = s->node };
	struct flame *f = e->state;

	switch (s->kind) {
	case EXPORT_ON_CPU:
		p.value[0] = s->value[EXPORT_CPU];
		return series_add(&f->cpu, &p);
	case EXPORT_OFF_CPU:
		p.value[0] = s->value[EXPORT_OFF];
		return series_add(&f->off, &p);
	default:
		p.value[0] = s->value[EXPORT_BYTES];
		p.value[1] = s->value[EXPORT_LIVE];
		p.value[2] = s->value[EXPORT_ALLOCS];
		return series_add(&f->heap, &p) < 0 ? -1 : add_range(f, s);
	}
}

static int
flame_memory(struct export *e, const struct export_memory *m)
{
	const struct point p = { .time = m->time, .thread = m->process,
		.value = { (int64_t)m->live, (int64_t)m->rss, m->has_live } };
	struct flame *f = e->state;

	if (array_room(&f->bounds, f->memory.n, &f->bounds_room, sizeof *f->bounds) < 0)
		return -1;
	f->bounds[f->memory.n] = m->range;
	return series_add(&f->memory, &p);
}

/* ---- JSON in HTML ------------------------------------------------------- */

/* Write a string so that no markup can be in it. */
static void
put_string(FILE *out, const char *s)
{
	char *text = NULL;
	size_t len = 0;
	FILE *memory = open_memstream(&text, &len);

	if (memory == NULL)
		return;
	quote_json(memory, s);
	fclose(memory);
	for (size_t i = 0; i < len; i++)
		if (text[i] == '<' || text[i] == '>' || text[i] == '&')
			fprintf(out, "\\u%04x", (unsigned)text[i]);
		else
			putc(text[i], out);
	free(text);
}

/* Write the index of a string in the table of names; -1 for NULL. */
static int
put_name(struct flame *f, const char *s, size_t i, FILE *out)
{
	uint32_t n = 0;

	if (strtab_add(&f->names, s, &n) < 0)
		return -1;
	fprintf(out, "%s%d", i ? "," : "", n == STRTAB_NONE ? -1 : (int)n);
	return 0;
}

/* ---- frames and nodes --------------------------------------------------- */

enum name {
	FRAME_NAME,
	FRAME_GENERIC,
	FRAME_FILE,
	FRAME_CLASS,
	FRAME_CRATE,
	FRAME_MODULE
};

static const char *
name_of(const struct export *e, const struct export_frame *f, enum name which)
{
	switch (which) {
	case FRAME_NAME: return f->name;
	case FRAME_GENERIC: return f->generic;
	case FRAME_FILE: return f->file;
	case FRAME_CLASS: return f->is_reason ? "reason" : f->class;
	case FRAME_CRATE: return f->crate;
	default: return f->module == STACKS_NONE ? NULL : e->stacks.module[f->module].path;
	}
}

static int
write_frames(struct export *e, FILE *out)
{
	static const char *const columns[] = { "name", "generic", "file", "class", "crate",
		"module" };
	const struct export_frame *f = e->stacks.frame;
	size_t n = e->stacks.nframe;

	fputs(",\n\"frames\":{\"line\":[", out);
	for (size_t i = 0; i < n; i++)
		fprintf(out, "%s%" PRIu64, i ? "," : "", f[i].line);
	for (int c = FRAME_NAME; c <= FRAME_MODULE; c++) {
		fprintf(out, "],\n\"%s\":[", columns[c]);
		for (size_t i = 0; i < n; i++)
			if (put_name(e->state, name_of(e, &f[i], (enum name)c), i, out) < 0)
				return -1;
	}
	fputs("]}", out);
	return 0;
}

static void
write_nodes(const struct export *e, FILE *out)
{
	const struct export_node *n = e->stacks.node;

	fputs(",\n\"nodes\":{\"parent\":[", out);
	for (size_t i = 0; i < e->stacks.nnode; i++)
		fprintf(out, "%s%d", i ? "," : "", n[i].parent == STACKS_NONE ? -1 : (int)n[i].parent);
	fputs("],\n\"frame\":[", out);
	for (size_t i = 0; i < e->stacks.nnode; i++)
		fprintf(out, "%s%" PRIu32, i ? "," : "", n[i].frame);
	fputs("]}", out);
}

/* ---- samples ------------------------------------------------------------ */

static int64_t
bin_of(const struct export *e, int64_t time)
{
	double all = (double)(e->last - e->first), at = (double)(time - e->first);
	int64_t bin = all > 0 ? (int64_t)(at * BINS / all) : 0;

	return bin < 0 ? 0 : bin >= BINS ? BINS - 1 : bin;
}

static int
compare_points(const void *x, const void *y)
{
	const struct point *a = x, *b = y;

	if (a->node != b->node)
		return a->node < b->node ? -1 : 1;
	if (a->thread != b->thread)
		return a->thread < b->thread ? -1 : 1;
	return a->time < b->time ? -1 : a->time > b->time;
}

/* Add up the points of a series by node, thread and bin, which replaces their time. */
static void
add_up(const struct export *e, struct series *s)
{
	size_t n = 0;

	for (size_t i = 0; i < s->n; i++)
		s->point[i].time = bin_of(e, s->point[i].time);
	if (s->n)
		qsort(s->point, s->n, sizeof *s->point, compare_points);
	for (size_t i = 0; i < s->n; i++)
		if (n && compare_points(&s->point[n - 1], &s->point[i]) == 0)
			for (int v = 0; v < 3; v++)
				s->point[n - 1].value[v] += s->point[i].value[v];
		else
			s->point[n++] = s->point[i];
	s->n = n;
}

/* Write a series as columns, those of its values with these names, up to a NULL. */
static void
write_series(const struct export *e, struct series *s, const char *name, const char *const *values,
    FILE *out)
{
	add_up(e, s);
	fprintf(out, ",\n\"%s\":{\"node\":[", name);
	for (size_t i = 0; i < s->n; i++)
		fprintf(out, "%s%" PRIu32, i ? "," : "", s->point[i].node);
	fputs("],\n\"thread\":[", out);
	for (size_t i = 0; i < s->n; i++)
		fprintf(out, "%s%" PRIu32, i ? "," : "", s->point[i].thread);
	fputs("],\n\"bin\":[", out);
	for (size_t i = 0; i < s->n; i++)
		fprintf(out, "%s%" PRId64, i ? "," : "", s->point[i].time);
	for (int v = 0; values[v]; v++) {
		fprintf(out, "],\n\"%s\":[", values[v]);
		for (size_t i = 0; i < s->n; i++)
			fprintf(out, "%s%" PRId64, i ? "," : "", s->point[i].value[v]);
	}
	fputs("]}", out);
}

/* Write how far memory may be off, as columns. */
static void
write_ranges(const struct export *e, FILE *out)
{
	static const char *const columns[] = { "live_below", "live_above", "live_variance",
		"bytes_below", "bytes_above", "bytes_variance" };
	const struct flame *f = e->state;

	fputs(",\n\"ranges\":{\"node\":[", out);
	for (size_t i = 0; i < f->nrange; i++)
		fprintf(out, "%s%" PRIu32, i ? "," : "", f->range[i].node);
	fputs("],\n\"thread\":[", out);
	for (size_t i = 0; i < f->nrange; i++)
		fprintf(out, "%s%" PRIu32, i ? "," : "", f->range[i].thread);
	fputs("],\n\"bin\":[", out);
	for (size_t i = 0; i < f->nrange; i++)
		fprintf(out, "%s%" PRId64, i ? "," : "", bin_of(e, f->range[i].time));
	for (int v = 0; v < 6; v++) {
		fprintf(out, "],\n\"%s\":[", columns[v]);
		for (size_t i = 0; i < f->nrange; i++)
			fprintf(out, "%s%.0f", i ? "," : "", f->range[i].value[v]);
	}
	fputs("]}", out);
}

static void
write_samples(struct export *e, FILE *out)
{
	static const char *const time[] = { "ns", NULL };
	static const char *const memory[] = { "bytes", "live", "allocs", NULL };
	struct flame *f = e->state;

	write_series(e, &f->cpu, "cpu", time, out);
	write_series(e, &f->off, "off", time, out);
	write_series(e, &f->heap, "heap", memory, out);
	write_ranges(e, out);
	fputs(",\n\"memory\":[", out);
	for (size_t i = 0; i < f->memory.n; i++) {
		const struct point *p = &f->memory.point[i];

		/* process, bin, live or -1, resident; where live may be off, between what it is */
		fprintf(out, "%s[%" PRIu32 ",%" PRId64 ",%" PRId64 ",%" PRId64, i ? "," : "",
		    p->thread, bin_of(e, p->time), p->value[2] ? p->value[0] : -1, p->value[1]);
		if (p->value[2] && !f->bounds[i].exact)
			fprintf(out, ",%" PRId64 ",%" PRId64, f->bounds[i].least, f->bounds[i].most);
		putc(']', out);
	}
	putc(']', out);
}

/* ---- the page ----------------------------------------------------------- */

static void
write_about(const struct export *e, FILE *out)
{
	const struct export_process *p = e->tasks.nprocess ? e->tasks.process : NULL;

	fputs("{\"version\":\"" VERSION "\",\"command\":", out);
	put_string(out, p == NULL ? "?" : p->command ? p->command : p->name ? p->name : "?");
	fputs(",\"name\":", out);
	put_string(out, p && p->name ? p->name : "rsprof");
	fputs(",\"host\":", out);
	put_string(out, e->host ? e->host : "");
	fprintf(out,
	    ",\"start\":%" PRIu64 ",\"duration\":%" PRId64 ",\"bins\":%d,\"unknown\":%zu,\"unit\":",
	    (e->start + (uint64_t)e->first) / 1000000, e->last - e->first, BINS, e->unknown);
	put_string(out, e->unit ? e->unit : "ns");
	fputs(",\n\"remarks\":[", out);
	for (uint32_t i = 0; i < e->remarks.n; i++) {
		fputs(i ? "," : "", out);
		put_string(out, strtab_text(&e->remarks, i));
	}
	fputs("],\"lost\":[", out);
	for (uint32_t i = 0; i < e->lost.n; i++) {
		fprintf(out, "%s[%" PRIu64 ",", i ? "," : "", e->nlost[i]);
		put_string(out, strtab_text(&e->lost, i));
		putc(']', out);
	}
	putc(']', out);
}

static void
write_threads(const struct export *e, FILE *out)
{
	char name[EXPORT_NAME_MAX];

	fputs(",\n\"threads\":[", out);
	for (uint32_t i = 0; i < e->tasks.nthread; i++) {
		fputs(i ? ",\n" : "", out);
		put_string(out, export_thread_name(e, i, name));
	}
	putc(']', out);
}

/* Write all that the script needs, but for the last bracket. */
static int
write_data(struct export *e, FILE *out)
{
	struct flame *f = e->state;

	write_about(e, out);
	write_threads(e, out);
	write_nodes(e, out);
	if (write_frames(e, out) < 0)
		return -1;
	write_samples(e, out);
	fputs(",\n\"names\":[", out);
	for (uint32_t i = 0; i < f->names.n && !ferror(out); i++) {
		fputs(i ? ",\n" : "", out);
		put_string(out, strtab_text(&f->names, i));
	}
	putc(']', out);
	return 0;
}

static int
flame_write(struct export *e, FILE *out)
{
	fputs(head, out);
	fprintf(out, "<style>\n%s</style>\n<body>\n<script type=\"application/json\" id=\"data\">\n",
	    flame_css);
	if (write_data(e, out) < 0)
		return -1;
	if (e->o->old) {
		fputs(",\n\"old\":", out);
		if (write_data(e->o->old, out) < 0)
			return -1;
		putc('}', out);
	}
	fprintf(out, "}\n</script>\n<script>\n%s</script>\n</body>\n</html>\n", flame_js);
	return 0;
}

static void
flame_end(struct export *e)
{
	struct flame *f = e->state;

	series_clear(&f->cpu);
	series_clear(&f->off);
	series_clear(&f->heap);
	series_clear(&f->memory);
	free(f->range);
	free(f->bounds);
	strtab_clear(&f->names);
}

const struct export_format *
export_flame(void)
{
	static const struct export_format format = {
		.name = "flame",
		.state = sizeof(struct flame),
		.sample = flame_sample,
		.memory = flame_memory,
		.write = flame_write,
		.end = flame_end,
	};

	return &format;
}
