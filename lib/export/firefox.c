#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/idmap.h"
#include "base/quote.h"
#include "base/strtab.h"
#include "export/export.h"
#include "export/formats.h"
#include "export/series.h"

/*
 * The processed profile of the Firefox profiler (github.com/firefox-devtools/profiler, in its
 * docs-developer), version 48 of it, which later profilers upgrade.  Each thread has tables of
 * its own: of strings, resources, functions, frames and stacks, each made of columns; they hold
 * what its samples refer to.  Times are milliseconds.
 */

#define NONE UINT32_MAX
#define GECKO_VERSION 24
#define PROFILE_VERSION 48
#define NOT_JSON_NUMBER "null"

/* Whose code it is, as a color. */
static const struct category {
	const char *name, *color, *class;
} categories[] = {
	{ "Other", "grey", "other" },
	{ "User", "yellow", "user" },
	{ "Dependency", "green", "dep" },
	{ "Standard library", "blue", "std" },
	{ "Allocator", "red", "alloc" },
	{ "Runtime", "purple", "runtime" },
	{ "libc", "lightblue", "libc" },
	{ "Kernel", "orange", "kernel" },
	{ "Unknown", "darkgrey", NULL },
};
#define NCATEGORIES (sizeof categories / sizeof *categories)

struct firefox {
	struct series cpu, heap, memory, remarks;
	struct strtab texts; /* of remarks */
};

/* The tables of a thread while it is written: indexes in it of what the export has. */
struct tables {
	const struct export *e;
	FILE *out;
	struct strtab strings;
	struct idmap stacks, funcs, libs; /* by node; by frame; by module */
	uint32_t *node, *frame, *module;  /* the other way round */
	size_t nnode, nframe, nmodule;
};

static int
firefox_sample(struct export *e, const struct export_sample *s)
{
	struct point p = { .time = s->time, .thread = s->thread, .node = s->node };
	struct firefox *f = e->state;

	if (s->kind == EXPORT_ON_CPU) {
		p.value[0] = s->value[EXPORT_CPU];
		return series_add(&f->cpu, &p);
	}
	if (s->kind != EXPORT_HEAP)
		return 0;
	p.value[0] = s->value[EXPORT_BYTES];
	p.value[1] = s->value[EXPORT_BYTES] - s->value[EXPORT_LIVE]; /* what is live no more */
	return series_add(&f->heap, &p);
}

static int
firefox_memory(struct export *e, const struct export_memory *m)
{
	const struct point p = { .time = m->time, .thread = m->process,
		.value = { (int64_t)m->live, (int64_t)m->rss,
		    m->has_live ? 1 + m->range.shown : 0 } };
	struct firefox *f = e->state;

	return series_add(&f->memory, &p);
}

static int
firefox_remark(struct export *e, const struct export_remark *r)
{
	struct point p = { .time = r->time, .value = { (int64_t)r->count, r->kind } };
	struct firefox *f = e->state;

	if (strtab_add(&f->texts, r->text, &p.node) < 0)
		return -1;
	return series_add(&f->remarks, &p);
}

/* ---- columns ------------------------------------------------------------ */

static void
write_time(FILE *out, int64_t ns)
{
	fprintf(out, "%" PRId64 ".%06d", ns / 1000000, (int)(ns % 1000000));
}

/* Begin a column, or a row of one. */
static void
column(FILE *out, const char *name)
{
	fprintf(out, ",\"%s\":[", name);
}

static void
next(FILE *out, size_t i)
{
	if (i)
		putc(',', out);
}

/* Write a column of n equal values. */
static void
same(FILE *out, const char *name, size_t n, const char *value)
{
	column(out, name);
	for (size_t i = 0; i < n; i++) {
		next(out, i);
		fputs(value, out);
	}
	putc(']', out);
}

static void
write_index(FILE *out, uint32_t i)
{
	if (i == NONE)
		fputs(NOT_JSON_NUMBER, out);
	else
		fprintf(out, "%" PRIu32, i);
}

static uint32_t
string(struct tables *t, const char *s)
{
	uint32_t number = 0;

	/* A failure shows in a profile that no reader takes; memory is gone by then. */
	if (strtab_add(&t->strings, s, &number) < 0)
		return 0;
	return number;
}

/* ---- tables of a thread ------------------------------------------------- */

/* Give what is numbered `id` in the export an index in the thread.  Returns -1 when out of
 * memory. */
static int
refer(struct idmap *map, uint32_t *back, size_t *n, uint32_t id)
{
	if (idmap_get(map, id) != IDMAP_NONE)
		return 0;
	if (idmap_put(map, id, (uint32_t)*n) < 0)
		return -1;
	back[(*n)++] = id;
	return 0;
}

/* Take a node with all its callers into the tables. */
static int
refer_stack(struct tables *t, uint32_t node, uint32_t *path)
{
	const struct stacks *s = &t->e->stacks;
	size_t n = 0;

	for (; node != STACKS_NONE && idmap_get(&t->stacks, node) == IDMAP_NONE;
	     node = s->node[node].parent)
		path[n++] = node;
	while (n-- > 0) {
		uint32_t frame = s->node[path[n]].frame, module = s->frame[frame].module;

		if (refer(&t->stacks, t->node, &t->nnode, path[n]) < 0 ||
		    refer(&t->funcs, t->frame, &t->nframe, frame) < 0 ||
		    (module != STACKS_NONE &&
		        refer(&t->libs, t->module, &t->nmodule, module) < 0))
			return -1;
	}
	return 0;
}

static unsigned
category_of(const struct export_frame *f)
{
	unsigned i = 0;

	while (i < NCATEGORIES - 1 &&
	    (f->class == NULL || strcmp(f->class, categories[i].class) != 0))
		i++;
	return i;
}

static const struct export_frame *
frame_of(const struct tables *t, size_t i)
{
	return &t->e->stacks.frame[t->frame[i]];
}

static void
write_funcs(struct tables *t)
{
	FILE *out = t->out;
	size_t n = t->nframe;

	fprintf(out, ",\n\"funcTable\":{\"length\":%zu", n);
	column(out, "name");
	for (size_t i = 0; i < n; i++) {
		next(out, i);
		write_index(out, string(t, frame_of(t, i)->name));
	}
	putc(']', out);
	same(out, "isJS", n, "false");
	same(out, "relevantForJS", n, "false");
	column(out, "resource");
	for (size_t i = 0; i < n; i++) {
		uint32_t module = frame_of(t, i)->module;

		next(out, i);
		if (module == STACKS_NONE)
			fputs("-1", out);
		else
			write_index(out, idmap_get(&t->libs, module));
	}
	putc(']', out);
	column(out, "fileName");
	for (size_t i = 0; i < n; i++) {
		const char *file = frame_of(t, i)->file;

		next(out, i);
		write_index(out, file ? string(t, file) : NONE);
	}
	putc(']', out);
	same(out, "lineNumber", n, "null");
	same(out, "columnNumber", n, "null");
	putc('}', out);
}

/* Write a column of numbers of frames, null for 0. */
static void
write_places(const struct tables *t, const char *name, int columns)
{
	column(t->out, name);
	for (size_t i = 0; i < t->nframe; i++) {
		uint64_t value = columns ? frame_of(t, i)->column : frame_of(t, i)->line;

		next(t->out, i);
		if (value)
			fprintf(t->out, "%" PRIu64, value);
		else
			fputs("null", t->out);
	}
	putc(']', t->out);
}

static void
write_frames(struct tables *t)
{
	FILE *out = t->out;
	size_t n = t->nframe;

	fprintf(out, ",\n\"frameTable\":{\"length\":%zu", n);
	same(out, "address", n, "-1");
	same(out, "inlineDepth", n, "0");
	column(out, "category");
	for (size_t i = 0; i < n; i++) {
		next(out, i);
		fprintf(out, "%u", category_of(frame_of(t, i)));
	}
	putc(']', out);
	same(out, "subcategory", n, "0");
	column(out, "func");
	for (size_t i = 0; i < n; i++) {
		next(out, i);
		fprintf(out, "%zu", i);
	}
	putc(']', out);
	same(out, "nativeSymbol", n, "null");
	same(out, "innerWindowID", n, "0");
	same(out, "implementation", n, "null");
	write_places(t, "line", 0);
	write_places(t, "column", 1);
	putc('}', out);
}

static void
write_stacks(struct tables *t)
{
	const struct stacks *s = &t->e->stacks;
	FILE *out = t->out;
	size_t n = t->nnode;

	fprintf(out, ",\n\"stackTable\":{\"length\":%zu", n);
	column(out, "prefix");
	for (size_t i = 0; i < n; i++) {
		uint32_t parent = s->node[t->node[i]].parent;

		next(out, i);
		write_index(out, parent == STACKS_NONE ? NONE : idmap_get(&t->stacks, parent));
	}
	putc(']', out);
	column(out, "frame");
	for (size_t i = 0; i < n; i++) {
		next(out, i);
		write_index(out, idmap_get(&t->funcs, s->node[t->node[i]].frame));
	}
	putc(']', out);
	column(out, "category");
	for (size_t i = 0; i < n; i++) {
		next(out, i);
		fprintf(out, "%u", category_of(export_frame_of(t->e, t->node[i])));
	}
	putc(']', out);
	same(out, "subcategory", n, "0");
	putc('}', out);
}

static void
write_resources(struct tables *t)
{
	FILE *out = t->out;
	size_t n = t->nmodule;

	fprintf(out, ",\n\"resourceTable\":{\"length\":%zu", n);
	column(out, "lib");
	for (size_t i = 0; i < n; i++) {
		next(out, i);
		fprintf(out, "%" PRIu32, t->module[i]);
	}
	putc(']', out);
	column(out, "name");
	for (size_t i = 0; i < n; i++) {
		const char *path = t->e->stacks.module[t->module[i]].path;

		next(out, i);
		write_index(out, string(t, path ? path : "?"));
	}
	putc(']', out);
	same(out, "host", n, "null");
	same(out, "type", n, "1"); /* a library */
	fputs("},\n\"nativeSymbols\":{\"length\":0,\"address\":[],\"functionSize\":[],"
	      "\"libIndex\":[],\"name\":[]}",
	    out);
}

/* ---- what happened in a thread ------------------------------------------ */

static void
write_column(const struct tables *t, const char *name, const struct point *p,
    const struct point *end, void (*write)(const struct tables *t, const struct point *p))
{
	column(t->out, name);
	for (const struct point *i = p; i < end; i++) {
		next(t->out, i > p);
		write(t, i);
	}
	putc(']', t->out);
}

static void
point_stack(const struct tables *t, const struct point *p)
{
	write_index(t->out, idmap_get(&t->stacks, p->node));
}

static void
point_time(const struct tables *t, const struct point *p)
{
	write_time(t->out, p->time);
}

/* Write the time that a sample stands for, or how many events. */
static void
point_weight(const struct tables *t, const struct point *p)
{
	if (export_is_time(t->e))
		write_time(t->out, p->value[0]);
	else
		fprintf(t->out, "%" PRId64, p->value[0]);
}

/* Write it in microseconds. */
static void
point_cpu(const struct tables *t, const struct point *p)
{
	fprintf(t->out, "%" PRId64, (p->value[0] + 500) / 1000);
}

static void
write_samples(const struct tables *t, const struct point *p, const struct point *end)
{
	fprintf(t->out, ",\n\"samples\":{\"length\":%td,\"weightType\":\"%s\"", end - p,
	    export_is_time(t->e) ? "tracing-ms" : "samples");
	write_column(t, "stack", p, end, point_stack);
	write_column(t, "time", p, end, point_time);
	write_column(t, "weight", p, end, point_weight);
	if (export_is_time(t->e))
		write_column(t, "threadCPUDelta", p, end, point_cpu);
	putc('}', t->out);
}

/* Write allocations, and then what of them is live no more, as negative ones, if there are any. */
static void
write_allocations(const struct tables *t, const struct point *p, const struct point *end)
{
	size_t n = 0, row = 0;

	for (const struct point *i = p; i < end; i++)
		n += (size_t)(i->value[0] != 0) + (size_t)(i->value[1] != 0);
	if (n == 0)
		return;
	fprintf(t->out, ",\n\"nativeAllocations\":{\"length\":%zu,\"weightType\":\"bytes\"", n);
	for (int c = 0; c < 3; c++) {
		column(t->out, c == 0 ? "time" : c == 1 ? "weight" : "stack");
		row = 0;
		for (const struct point *i = p; i < end; i++)
			for (int v = 0; v < 2; v++) {
				if (i->value[v] == 0)
					continue;
				next(t->out, row++);
				if (c == 0)
					write_time(t->out, i->time);
				else if (c == 1)
					fprintf(t->out, "%" PRId64, v ? -i->value[v] : i->value[v]);
				else
					point_stack(t, i);
			}
		putc(']', t->out);
	}
	putc('}', t->out);
}

/* Write what was lost and noted as markers, in the first thread. */
static void
write_markers(struct tables *t, const struct firefox *f, int first)
{
	static const char *const kinds[] = { [EXPORT_LOST] = "Lost", [EXPORT_NOTE] = "Note",
		[EXPORT_WINDOW] = "Window", [EXPORT_RANGE] = "Range" };
	const struct point *p = f->remarks.point;
	size_t n = first ? f->remarks.n : 0;
	FILE *out = t->out;

	fprintf(out, ",\n\"markers\":{\"length\":%zu", n);
	same(out, "category", n, "0");
	column(out, "data");
	for (size_t i = 0; i < n; i++) {
		next(out, i);
		fputs("{\"type\":\"rsprof\",\"text\":", out);
		quote_json(out, strtab_text(&f->texts, p[i].node));
		fprintf(out, ",\"count\":%" PRId64 "}", p[i].value[0]);
	}
	putc(']', out);
	same(out, "endTime", n, "null");
	column(out, "name");
	for (size_t i = 0; i < n; i++) {
		next(out, i);
		write_index(out, string(t, kinds[p[i].value[1]]));
	}
	putc(']', out);
	same(out, "phase", n, "0"); /* an instant */
	column(out, "startTime");
	for (size_t i = 0; i < n; i++) {
		next(out, i);
		write_time(out, p[i].time);
	}
	fputs("]}", out);
}

/* ---- a thread ----------------------------------------------------------- */

/* Points of a series that are of one thread. */
struct part {
	const struct point *begin, *end;
};

/* Returns the points of a thread in a sorted series, from *at on, which moves behind them. */
static struct part
part_of(const struct series *s, uint32_t thread, size_t *at)
{
	size_t from = *at;

	if (s->n == 0)
		return (struct part){ NULL, NULL };
	while (*at < s->n && s->point[*at].thread == thread)
		++*at;
	return (struct part){ s->point + from, s->point + *at };
}

static void
write_thread_head(const struct export *e, uint32_t thread, FILE *out)
{
	const struct export_thread *th = &e->tasks.thread[thread];
	const struct export_process *p = &e->tasks.process[th->process];
	int64_t ended = th->ended == TASK_RUNS ? -1 : th->ended;

	fputs("{\"processType\":\"default\",\"name\":", out);
	quote_json(out, th->name ? th->name : "?");
	fputs(",\"processName\":", out);
	quote_json(out, p->name ? p->name : "?");
	fprintf(out, ",\"isMainThread\":%s,\"pid\":\"%" PRIu64 "\",\"tid\":%" PRIu64
	             ",\"pausedRanges\":[],\"showMarkersInTimeline\":true,\"registerTime\":",
	    th->tid == p->pid ? "true" : "false", p->pid, th->tid);
	write_time(out, th->began);
	fputs(",\"processStartupTime\":", out);
	write_time(out, p->began);
	fputs(",\"processShutdownTime\":", out);
	if (p->ended == TASK_RUNS)
		fputs("null", out);
	else
		write_time(out, p->ended);
	fputs(",\"unregisterTime\":", out);
	if (ended < 0)
		fputs("null", out);
	else
		write_time(out, ended);
}

static void
write_strings(struct tables *t)
{
	fputs(",\n\"stringArray\":[", t->out);
	for (uint32_t i = 0; i < t->strings.n; i++) {
		next(t->out, i);
		quote_json(t->out, strtab_text(&t->strings, i));
	}
	fputs("]}", t->out);
}

static int
refer_part(struct tables *t, const struct part *part, uint32_t *path)
{
	for (const struct point *p = part->begin; p < part->end; p++)
		if (refer_stack(t, p->node, path) < 0)
			return -1;
	return 0;
}

/* Forget a thread's tables, but not their memory. */
static void
empty_tables(struct tables *t)
{
	strtab_clear(&t->strings);
	idmap_clear(&t->stacks);
	idmap_clear(&t->funcs);
	idmap_clear(&t->libs);
	t->nnode = t->nframe = t->nmodule = 0;
}

static int
write_thread(struct export *e, struct tables *t, uint32_t thread, const struct part *cpu,
    const struct part *heap, uint32_t *path)
{
	int r = refer_part(t, cpu, path);

	if (r == 0)
		r = refer_part(t, heap, path);
	if (r == 0) {
		write_thread_head(e, thread, t->out);
		write_funcs(t);
		write_frames(t);
		write_stacks(t);
		write_resources(t);
		write_samples(t, cpu->begin, cpu->end);
		write_allocations(t, heap->begin, heap->end);
		write_markers(t, e->state, thread == 0);
		write_strings(t);
	}
	empty_tables(t);
	return r;
}

/* Write all threads, also those without samples. */
static int
write_threads(struct export *e, struct tables *t, FILE *out)
{
	struct firefox *f = e->state;
	uint32_t *path = calloc(e->stacks.nnode + 1, sizeof *path);
	size_t cpu_at = 0, heap_at = 0;
	int r = path ? 0 : -1;

	for (uint32_t i = 0; i < e->tasks.nthread && r == 0 && !ferror(out); i++) {
		const struct part cpu = part_of(&f->cpu, i, &cpu_at);
		const struct part heap = part_of(&f->heap, i, &heap_at);

		fputs(i ? ",\n" : "\n", out);
		r = write_thread(e, t, i, &cpu, &heap, path);
	}
	free(path);
	return r;
}

/* ---- the profile -------------------------------------------------------- */

static void
write_libs(const struct export *e, FILE *out)
{
	for (size_t i = 0; i < e->stacks.nmodule; i++) {
		const struct export_module *m = &e->stacks.module[i];
		const char *path = m->path ? m->path : "?", *slash = strrchr(path, '/');

		fputs(i ? ",\n{\"name\":" : "\n{\"name\":", out);
		quote_json(out, slash && slash[1] ? slash + 1 : path);
		fputs(",\"path\":", out);
		quote_json(out, path);
		fputs(",\"debugName\":", out);
		quote_json(out, slash && slash[1] ? slash + 1 : path);
		fputs(",\"debugPath\":", out);
		quote_json(out, path);
		fputs(",\"breakpadId\":\"\",\"arch\":null,\"codeId\":", out);
		quote_json(out, m->buildid);
		putc('}', out);
	}
}

static void
write_meta(const struct export *e, FILE *out)
{
	const char *name = e->tasks.nprocess ? e->tasks.process[0].name : NULL;

	fputs("{\"meta\":{\"categories\":[", out);
	for (size_t i = 0; i < NCATEGORIES; i++)
		fprintf(out, "%s{\"name\":\"%s\",\"color\":\"%s\",\"subcategories\":[\"Other\"]}",
		    i ? "," : "", categories[i].name, categories[i].color);
	fprintf(out, "],\"debug\":false,\"extensions\":{\"length\":0,\"baseURL\":[],\"id\":[],"
	             "\"name\":[]},\n\"interval\":%.6f,\"preprocessedProfileVersion\":%d,"
	             "\"version\":%d,\"processType\":0,\"product\":",
	    e->hz ? 1000.0 / (double)e->hz : 1.0, PROFILE_VERSION, GECKO_VERSION);
	quote_json(out, name ? name : "rsprof");
	fputs(",\"importedFrom\":\"rsprof " VERSION "\",\"sampleUnits\":{\"time\":\"ms\","
	      "\"eventDelay\":\"ms\",\"threadCPUDelta\":\"\\u00b5s\"},\n\"startTime\":",
	    out);
	fprintf(out, "%" PRIu64 ".%06d", e->start / 1000000, (int)(e->start % 1000000));
	fputs(",\"stackwalk\":1,\"symbolicated\":true,\"pausedRanges\":[],"
	      "\"usesOnlyOneStackType\":true,\"doesNotUseFrameImplementation\":true,"
	      "\"sourceCodeIsNotOnSearchfox\":true,\"oscpu\":",
	    out);
	quote_json(out, e->arch ? e->arch : "");
	fputs(",\n\"markerSchema\":[{\"name\":\"rsprof\",\"display\":[\"marker-chart\","
	      "\"marker-table\",\"timeline-overview\"],\"tooltipLabel\":\"{marker.name}\","
	      "\"tableLabel\":\"{marker.data.text}\",\"data\":[{\"key\":\"text\",\"label\":\"Text\","
	      "\"format\":\"string\",\"searchable\":true},{\"key\":\"count\",\"label\":\"Count\","
	      "\"format\":\"integer\"}]}]},\n\"libs\":[",
	    out);
	write_libs(e, out);
	putc(']', out);
}

/* Returns what a counter of live memory is called for people: whether it may be off. */
static const char *
live_name(const struct part *p)
{
	for (const struct point *i = p->begin; i < p->end; i++)
		if (i->value[2] > 1)
			return "Live allocations: not known, or off by more than a tenth, where a "
			       "Range marker says so";
	return "Live allocations";
}

/* Write the live, or else the resident, bytes of a process over time, as changes.  Readers take the
 * first one for what was there before, and draw the others only: that is none. */
static void
write_counter(const struct export *e, const struct part *p, const char *comma, FILE *out)
{
	int live = p->begin->value[2] != 0;
	int64_t last = 0;
	uint32_t main = 0;

	while (main + 1 < e->tasks.nthread && e->tasks.thread[main].process != p->begin->thread)
		main++;
	fprintf(out,
	    "%s\n{\"name\":\"%s\",\"category\":\"Memory\",\"description\":\"%s\",\"pid\":\"%" PRIu64
	    "\",\"mainThreadIndex\":%" PRIu32 ",\"samples\":{\"length\":%td,\"time\":[",
	    comma, live ? "malloc" : "resident", live ? live_name(p) : "Resident memory",
	    e->tasks.process[p->begin->thread].pid, main, p->end - p->begin + 1);
	write_time(out, p->begin->time);
	for (const struct point *i = p->begin; i < p->end; i++) {
		putc(',', out);
		write_time(out, i->time);
	}
	fputs("],\"count\":[0", out);
	for (const struct point *i = p->begin; i < p->end; i++) {
		int64_t now = i->value[live ? 0 : 1];

		fprintf(out, ",%" PRId64, now - last);
		last = now;
	}
	putc(']', out);
	same(out, "number", (size_t)(p->end - p->begin) + 1, "1");
	fputs("}}", out);
}

static void
write_counters(const struct export *e, FILE *out)
{
	const struct firefox *f = e->state;
	const char *comma = "";

	fputs(",\n\"counters\":[", out);
	for (size_t at = 0; at < f->memory.n;) {
		const struct part p = part_of(&f->memory, f->memory.point[at].thread, &at);

		write_counter(e, &p, comma, out);
		comma = ",";
	}
	putc(']', out);
}

static int
firefox_write(struct export *e, FILE *out)
{
	struct firefox *f = e->state;
	struct tables t = { .e = e, .out = out };
	int r = -1;

	series_sort(&f->cpu);
	series_sort(&f->heap);
	series_sort(&f->memory);
	t.node = calloc(e->stacks.nnode + 1, sizeof *t.node);
	t.frame = calloc(e->stacks.nframe + 1, sizeof *t.frame);
	t.module = calloc(e->stacks.nmodule + 1, sizeof *t.module);
	if (t.node && t.frame && t.module) {
		write_meta(e, out);
		write_counters(e, out);
		fputs(",\n\"threads\":[", out);
		r = write_threads(e, &t, out);
		fputs("]}\n", out);
	}
	free(t.node);
	free(t.frame);
	free(t.module);
	return r;
}

static void
firefox_end(struct export *e)
{
	struct firefox *f = e->state;

	series_clear(&f->cpu);
	series_clear(&f->heap);
	series_clear(&f->memory);
	series_clear(&f->remarks);
	strtab_clear(&f->texts);
}

const struct export_format *
export_firefox(void)
{
	static const struct export_format format = {
		.name = "firefox",
		.state = sizeof(struct firefox),
		.sample = firefox_sample,
		.memory = firefox_memory,
		.remark = firefox_remark,
		.write = firefox_write,
		.end = firefox_end,
	};

	return &format;
}
