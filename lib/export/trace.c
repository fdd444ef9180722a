#include <inttypes.h>
#include <stdlib.h>

#include "base/idmap.h"
#include "base/quote.h"
#include "export/export.h"
#include "export/formats.h"
#include "export/series.h"

/*
 * Trace events of Chrome (the JSON that chrome://tracing, Perfetto and speedscope read), a track
 * for each thread.  A sample is the span of CPU time that it stands for, which ends when it was
 * taken; frames that are also in the next span, without a gap, go on.
 *
 * The same spans are written as the CPU profile of a thread that V8 writes, which DevTools, the
 * Firefox Profiler and others read, who take no spans for stacks.  Readers charge the time between
 * two samples to the first of them, or to the second: each span begins and ends with one, and so
 * does each gap.
 */

#define PROFILE_ROOT 1
#define PROFILE_IDLE 2
#define PROFILE_CATEGORY "disabled-by-default-v8.cpu_profiler"


struct trace {
	struct series cpu, memory, remarks; /* memory: live, rss; remarks: text, count, kind */
	struct strtab texts;
	int nevent; /* that are written */
};

static int
trace_sample(struct export *e, const struct export_sample *s)
{
	const struct point p = { .time = s->time, .thread = s->thread, .node = s->node,
		.value = { s->value[EXPORT_CPU] } };
	struct trace *t = e->state;

	return s->kind == EXPORT_ON_CPU ? series_add(&t->cpu, &p) : 0;
}

static int
trace_memory(struct export *e, const struct export_memory *m)
{
	const struct point p = { .time = m->time, .thread = m->process,
		.value = { (int64_t)m->live, (int64_t)m->rss, m->has_live } };
	struct trace *t = e->state;

	return series_add(&t->memory, &p);
}

static int
trace_remark(struct export *e, const struct export_remark *r)
{
	struct point p = { .time = r->time, .value = { (int64_t)r->count, r->kind } };
	struct trace *t = e->state;

	if (strtab_add(&t->texts, r->text, &p.node) < 0)
		return -1;
	return series_add(&t->remarks, &p);
}

/* ---- writing ------------------------------------------------------------ */

/* Write the beginning of an event: its phase, whose it is, and its time in microseconds. */
static void
begin_event(struct trace *t, char phase, uint64_t pid, uint64_t tid, int64_t time, FILE *out)
{
	fprintf(out,
	    "%s\n{\"ph\":\"%c\",\"pid\":%" PRIu64 ",\"tid\":%" PRIu64 ",\"ts\":%" PRId64 ".%03d",
	    t->nevent++ ? "," : "", phase, pid, tid, time / 1000, (int)(time % 1000));
}

static void
write_names(const struct export *e, FILE *out)
{
	struct trace *t = e->state;

	for (size_t i = 0; i < e->tasks.nprocess; i++) {
		const struct export_process *p = &e->tasks.process[i];

		begin_event(t, 'M', p->pid, 0, 0, out);
		fputs(",\"name\":\"process_name\",\"args\":{\"name\":", out);
		quote_json(out, p->name ? p->name : "?");
		fputs("}}", out);
	}
	for (size_t i = 0; i < e->tasks.nthread; i++) {
		const struct export_thread *th = &e->tasks.thread[i];

		begin_event(t, 'M', e->tasks.process[th->process].pid, th->tid, 0, out);
		fputs(",\"name\":\"thread_name\",\"args\":{\"name\":", out);
		quote_json(out, th->name ? th->name : "?");
		fputs("}}", out);
	}
}

/* A track while it is written: the frames that are open, the outermost first. */
struct track {
	uint64_t pid, tid;
	uint32_t *open, *path; /* nodes; each has room for all */
	size_t nopen;
	int64_t end; /* of the last span */
};

static void
close_frames(const struct export *e, struct track *k, size_t down_to, FILE *out)
{
	struct trace *t = e->state;

	while (k->nopen > down_to) {
		begin_event(t, 'E', k->pid, k->tid, k->end, out);
		fputs(",\"name\":", out);
		quote_json(out, export_frame_of(e, k->open[--k->nopen])->name);
		putc('}', out);
	}
}

static void
open_frame(const struct export *e, struct track *k, uint32_t node, int64_t time, FILE *out)
{
	const struct export_frame *f = export_frame_of(e, node);
	struct trace *t = e->state;

	begin_event(t, 'B', k->pid, k->tid, time, out);
	fputs(",\"name\":", out);
	quote_json(out, f->name);
	if (f->class) {
		fputs(",\"cat\":", out);
		quote_json(out, f->class);
	}
	if (f->file) {
		fputs(",\"args\":{\"file\":", out);
		quote_json(out, f->file);
		fprintf(out, ",\"line\":%" PRIu64 "}", f->line);
	}
	putc('}', out);
	k->open[k->nopen++] = node;
}

/* Returns where the span of a sample begins: not before `end`, that of the last one. */
static int64_t
begin_of(const struct point *p, int64_t end)
{
	return p->time - p->value[0] > end ? p->time - p->value[0] : end;
}

/* Write the span of a sample.  Where the last one ends later it begins then, as long as it is. */
static void
write_span(const struct export *e, struct track *k, const struct point *p, FILE *out)
{
	int64_t begin = begin_of(p, k->end);
	size_t n = 0, same = 0;

	for (uint32_t node = p->node; node != STACKS_NONE; node = e->stacks.node[node].parent)
		k->path[n++] = node;
	if (begin == k->end)
		while (same < k->nopen && same < n && k->open[same] == k->path[n - 1 - same])
			same++;
	close_frames(e, k, same, out);
	for (; same < n; same++)
		open_frame(e, k, k->path[n - 1 - same], begin, out);
	k->end = begin + p->value[0];
}

/* ---- a profile of V8 ----------------------------------------------------- */

static void
write_profile_node(const struct export *e, uint32_t node, const struct idmap *ids, FILE *out)
{
	const struct export_frame *f = export_frame_of(e, node);
	uint32_t parent = e->stacks.node[node].parent;

	fprintf(out, ",\n{\"id\":%" PRIu32 ",\"parent\":%" PRIu32 ",\"callFrame\":{\"functionName\":",
	    idmap_get(ids, node), parent == STACKS_NONE ? PROFILE_ROOT : idmap_get(ids, parent));
	quote_json(out, f->name);
	fputs(",\"scriptId\":0,\"url\":", out);
	quote_json(out, f->file ? f->file : "");
	if (f->line)
		fprintf(out, ",\"lineNumber\":%" PRIu64 ",\"columnNumber\":%" PRIu64, f->line - 1,
		    f->column ? f->column - 1 : 0);
	fputs("}}", out);
}

/* Write the nodes of a thread's stacks, outer ones first, and give them ids.  Returns -1 when out
 * of memory. */
static int
write_profile_nodes(const struct export *e, const struct point *p, const struct point *end,
    struct idmap *ids, uint32_t *path, FILE *out)
{
	uint32_t id = PROFILE_IDLE;

	fprintf(out,
	    "\n{\"id\":%d,\"callFrame\":{\"functionName\":\"(root)\",\"scriptId\":0}},"
	    "\n{\"id\":%d,\"parent\":%d,\"callFrame\":{\"functionName\":\"(idle)\",\"scriptId\":0}}",
	    PROFILE_ROOT, PROFILE_IDLE, PROFILE_ROOT);
	for (; p < end; p++) {
		size_t n = 0;

		for (uint32_t node = p->node;
		     node != STACKS_NONE && idmap_get(ids, node) == IDMAP_NONE;
		     node = e->stacks.node[node].parent)
			path[n++] = node;
		while (n-- > 0) {
			if (idmap_put(ids, path[n], ++id) < 0)
				return -1;
			write_profile_node(e, path[n], ids, out);
		}
	}
	return 0;
}

/* Write the ids of the samples, or the times in microseconds between them. */
static void
write_profile_samples(const struct point *p, const struct point *end, const struct idmap *ids,
    int times, FILE *out)
{
	const char *comma = "";

	for (int64_t last = 0; p < end; p++) {
		int64_t begin = begin_of(p, last);
		const int64_t steps[] = { 0, begin - last, 0, p->value[0] };

		for (int i = begin > last ? 0 : 2; i < 4; i++) {
			if (times)
				fprintf(out, "%s%" PRId64 ".%03d", comma, steps[i] / 1000,
				    (int)(steps[i] % 1000));
			else
				fprintf(out, "%s%" PRIu32, comma,
				    i < 2 ? PROFILE_IDLE : idmap_get(ids, p->node));
			comma = ",";
		}
		last = begin + p->value[0];
	}
}

static int
write_profile(const struct export *e, const struct point *p, const struct point *end,
    const struct track *k, FILE *out)
{
	struct trace *t = e->state;
	struct idmap ids = { 0 };
	int r;

	begin_event(t, 'P', k->pid, k->tid, 0, out);
	fprintf(out,
	    ",\"name\":\"Profile\",\"cat\":\"" PROFILE_CATEGORY "\",\"id\":\"0x%" PRIx32
	    "\",\"args\":{\"data\":{\"startTime\":0}}}",
	    p->thread + 1);
	begin_event(t, 'P', k->pid, k->tid, 0, out);
	fprintf(out,
	    ",\"name\":\"ProfileChunk\",\"cat\":\"" PROFILE_CATEGORY "\",\"id\":\"0x%" PRIx32
	    "\",\"args\":{\"data\":{\"cpuProfile\":{\"nodes\":[",
	    p->thread + 1);
	r = write_profile_nodes(e, p, end, &ids, k->path, out);
	fputs("],\n\"samples\":[", out);
	write_profile_samples(p, end, &ids, 0, out);
	fputs("]},\n\"timeDeltas\":[", out);
	write_profile_samples(p, end, &ids, 1, out);
	fputs("]}}}", out);
	idmap_clear(&ids);
	return r;
}

static int
write_thread(struct export *e, size_t from, size_t to, struct track *k, FILE *out)
{
	struct trace *t = e->state;
	const struct export_thread *th = &e->tasks.thread[t->cpu.point[from].thread];

	k->pid = e->tasks.process[th->process].pid;
	k->tid = th->tid;
	k->end = 0;
	for (size_t i = from; i < to; i++)
		write_span(e, k, &t->cpu.point[i], out);
	close_frames(e, k, 0, out);
	return write_profile(e, t->cpu.point + from, t->cpu.point + to, k, out);
}

static void
write_counters(struct export *e, FILE *out)
{
	static const char *const kinds[] = { [EXPORT_LOST] = "lost", [EXPORT_NOTE] = "note",
		[EXPORT_WINDOW] = "window", [EXPORT_RANGE] = "range" };
	struct trace *t = e->state;

	for (size_t i = 0; i < t->memory.n; i++) {
		const struct point *p = &t->memory.point[i];

		begin_event(t, 'C', e->tasks.process[p->thread].pid, 0, p->time, out);
		fputs(",\"name\":\"memory\",\"args\":{", out);
		if (p->value[2])
			fprintf(out, "\"live\":%" PRId64 ",", p->value[0]);
		fprintf(out, "\"resident\":%" PRId64 "}}", p->value[1]);
	}
	for (size_t i = 0; i < t->remarks.n; i++) {
		const struct point *p = &t->remarks.point[i];

		begin_event(t, 'i', e->tasks.nprocess ? e->tasks.process[0].pid : 0, 0, p->time, out);
		fputs(",\"s\":\"g\",\"cat\":\"rsprof\",\"name\":", out);
		quote_json(out, kinds[p->value[1]]);
		fputs(",\"args\":{\"text\":", out);
		quote_json(out, strtab_text(&t->texts, p->node));
		fprintf(out, ",\"count\":%" PRId64 "}}", p->value[0]);
	}
}

static int
trace_write(struct export *e, FILE *out)
{
	struct trace *t = e->state;
	struct track k = { 0 };
	int r = -1;

	series_sort(&t->cpu);
	k.open = calloc(e->stacks.nnode + 1, sizeof *k.open);
	k.path = calloc(e->stacks.nnode + 1, sizeof *k.path);
	if (k.open && k.path) {
		r = 0;
		fputs("{\"displayTimeUnit\":\"ms\",\"traceEvents\":[", out);
		write_names(e, out);
		for (size_t i = 0, end; i < t->cpu.n && r == 0 && !ferror(out); i = end) {
			end = series_thread(&t->cpu, i);
			r = write_thread(e, i, end, &k, out);
		}
		write_counters(e, out);
		fputs("]}\n", out);
	}
	free(k.open);
	free(k.path);
	return r;
}

static void
trace_end(struct export *e)
{
	struct trace *t = e->state;

	series_clear(&t->cpu);
	series_clear(&t->memory);
	series_clear(&t->remarks);
	strtab_clear(&t->texts);
}

const struct export_format *
export_trace(void)
{
	static const struct export_format format = {
		.name = "trace",
		.state = sizeof(struct trace),
		.sample = trace_sample,
		.memory = trace_memory,
		.remark = trace_remark,
		.write = trace_write,
		.end = trace_end,
	};

	return &format;
}
