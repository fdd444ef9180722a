#include "export/export.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/hash.h"
#include "base/idmap.h"
#include "stream/defs.h"
#include "stream/rec.h"

#define NO_MEMORY "out of memory"

/* Times, figures and their sums stay below, so that formats can add and subtract two of them. */
#define LIMIT (INT64_C(1) << 61)

/* Live memory of a thread and stack, by its last record. */
struct site {
	uint32_t thread, node;
	uint64_t live, count;
	struct bounds bounds;
};

/* The last interval of a process whose memory is recorded. */
struct interval {
	uint64_t pid;
	int64_t end;
	uint32_t process;
	struct bounds_range range; /* of what was live */
	uint64_t inuse;            /* by the allocator's own state; 0: not known */
};

struct traversal {
	struct export e; /* what back ends see */
	struct defs *defs;
	uint64_t mono;  /* when the stream began, on its clock */
	int64_t offset; /* of the stream's clock: what is added to get times since the start */
	struct site *site;
	size_t site_room;
	struct idmap sites; /* hashes of pid, tid and stack to indexes */
	size_t lost_room;
	struct interval *interval;
	size_t ninterval, interval_room;
	uint64_t *heap; /* by stream of memory: the process */
	size_t nheap, heap_room;
	int growth; /* allocations are pages */
	const char *warning;
};

static int64_t
limit(uint64_t value)
{
	return value < (uint64_t)LIMIT ? (int64_t)value : LIMIT;
}

/* ---- headers ------------------------------------------------------------ */

/* Returns a copy of a string that lives as long as the export, or NULL for NULL. */
static const char *
keep(struct traversal *t, const char *s)
{
	uint32_t i;

	return strtab_add(&t->e.tasks.strings, s, &i) < 0 ? NULL :
	                                                    strtab_text(&t->e.tasks.strings, i);
}

static int
remark(struct traversal *t, const char *text)
{
	uint32_t i;

	return strtab_add(&t->e.remarks, text, &i);
}

/* Say what the figures of a stream are estimates of. */
static int
describe(struct traversal *t, const struct rec_rsprof *r)
{
	const char *mode = rec_attr(r, "mode");
	uint64_t sample = rec_attr_number(r, "sample");
	char text[200];

	if (mode && strcmp(mode, "growth") == 0) {
		t->growth = 1;
		if (remark(t, "allocations are pages of memory that became resident") < 0)
			return -1;
	}
	if (sample == 0)
		return 0;
	snprintf(text, sizeof text,
	    "sums of memory are estimates: one allocation in %" PRIu64 " bytes was recorded", sample);
	return remark(t, text);
}

static const char *
on_unit(struct traversal *t, const struct rec_rsprof *r)
{
	const char *unit = rec_attr(r, "unit");

	/* Others have units, too, that no sum here is of. */
	if (unit == NULL || strcmp(r->producer, "cpu") != 0)
		return NULL;
	if (t->e.unit && strcmp(t->e.unit, unit) != 0)
		return "streams of different units cannot be added up";
	if (t->e.unit == NULL && (t->e.unit = keep(t, unit)) == NULL)
		return NO_MEMORY;
	return NULL;
}

/* Returns a time of the stream as one since the start, not before it. */
static int64_t
since_start(struct traversal *t, uint64_t time)
{
	int64_t at = (int64_t)(time + (uint64_t)t->offset);

	at = limit(at < 0 ? 0 : (uint64_t)at);
	if (at > t->e.last)
		t->e.last = at;
	return at;
}

/* Add a sample to the totals, and hand it over.  Returns 1 if it is skipped. */
static int
add_sample(struct traversal *t, const struct export_sample *s)
{
	for (int i = 0; i < EXPORT_NVALUES; i++)
		if (t->e.total[i] + s->value[i] > LIMIT) {
			t->warning = "skipped: sum out of range";
			return 1;
		}
	for (int i = 0; i < EXPORT_NVALUES; i++)
		t->e.total[i] += s->value[i];
	bounds_add(&t->e.live, &s->live);
	bounds_add(&t->e.bytes, &s->bytes);
	return t->e.format->sample(&t->e, s);
}

/* End what is live at a site: a producer that attaches again does not know of it. */
static int
end_lives(struct traversal *t, struct site *site)
{
	struct export_sample s = { .kind = EXPORT_HEAP, .time = since_start(t, t->mono),
		.thread = site->thread, .node = site->node };
	const struct bounds none = { 0 };

	if (site->live == 0 && site->count == 0 && site->bounds.above == 0)
		return 0;
	s.value[EXPORT_LIVE] = -(int64_t)site->live;
	s.value[EXPORT_COUNT] = -(int64_t)site->count;
	s.live = bounds_change(&site->bounds, &none);
	site->live = site->count = 0;
	site->bounds = none;
	return add_sample(t, &s) < 0 ? -1 : 0;
}

/* Begin a stream of memory, which may continue one of the same process. */
static int
on_heap_stream(struct traversal *t, const struct rec_rsprof *r)
{
	uint64_t pid = rec_attr_number(r, "pid");
	int again = 0;

	if (strcmp(r->producer, "heap") != 0)
		return 0;
	for (size_t i = 0; i < t->nheap; i++)
		again |= t->heap[i] == pid;
	for (size_t i = 0; again && i < t->e.nsite; i++)
		if (end_lives(t, &t->site[i]) < 0)
			return -1;
	if (array_room(&t->heap, t->nheap, &t->heap_room, sizeof *t->heap) < 0)
		return -1;
	t->heap[t->nheap++] = pid;
	return 0;
}

static const char *
on_rsprof(struct traversal *t, const struct rec_rsprof *r)
{
	uint64_t mono = rec_attr_number(r, "mono"), wall = rec_attr_number(r, "wall");
	struct export *e = &t->e;

	if (e->start == 0) {
		e->start = wall ? wall : 1;
		e->pid = rec_attr_number(r, "pid");
		e->host = keep(t, rec_attr(r, "host"));
		e->arch = keep(t, rec_attr(r, "arch"));
		if (rec_attr_number(r, "from") > mono)
			e->first = limit(rec_attr_number(r, "from") - mono);
		if (rec_attr_number(r, "to") > mono)
			e->last = limit(rec_attr_number(r, "to") - mono);
	}
	if (e->hz == 0)
		e->hz = rec_attr_number(r, "hz");
	t->offset = (int64_t)(wall - mono - e->start);
	t->mono = mono;
	return describe(t, r) < 0 || on_heap_stream(t, r) < 0 ? NO_MEMORY : on_unit(t, r);
}

/* ---- samples ------------------------------------------------------------ */

/* Hand over a sample of the thread and stack of a record.  Returns as add_sample() does. */
static int
put_sample(struct traversal *t, struct export_sample *s, const struct rec_cpu *who)
{
	s->time = since_start(t, who->time);
	if (tasks_find_thread(&t->e.tasks, who->pid, who->tid, s->time, &s->thread) < 0 ||
	    stacks_find(&t->e.stacks, &who->stack, &s->node) < 0)
		return -1;
	t->warning = t->e.stacks.warning;
	t->e.has[s->kind]++;
	return add_sample(t, s);
}

static int
on_cpu(struct traversal *t, const struct rec_cpu *r)
{
	struct export_sample s = { .kind = EXPORT_ON_CPU };

	s.value[EXPORT_SAMPLES] = 1;
	s.value[EXPORT_CPU] = (int64_t)r->ns;
	return put_sample(t, &s, r);
}

static int
on_off(struct traversal *t, const struct rec_off *r)
{
	const struct rec_cpu who = { r->time, r->pid, r->tid, r->stack, 0 };
	struct export_sample s = { .kind = EXPORT_OFF_CPU, .state = r->state };

	s.value[EXPORT_WAITS] = (int64_t)r->count;
	s.value[EXPORT_OFF] = (int64_t)r->ns;
	return put_sample(t, &s, &who);
}

/* Returns the site of a record of the heap, a new one zeroed; NULL when out of memory. */
static struct site *
find_site(struct traversal *t, const struct rec_heap *r)
{
	uint64_t key = hash_u64(hash_u64(HASH_INIT, r->pid << 32 | r->tid), r->stack.id);
	uint32_t i;

	if (r->stack.cut)
		key = hash_str(key, r->stack.cut);
	if ((i = idmap_get(&t->sites, key)) != IDMAP_NONE)
		return &t->site[i];
	i = (uint32_t)t->e.nsite;
	if (array_room(&t->site, i, &t->site_room, sizeof *t->site) < 0 ||
	    idmap_put(&t->sites, key, i) < 0)
		return NULL;
	t->site[t->e.nsite++] = (struct site){ 0 };
	return &t->site[i];
}

/* Returns the sum of a histogram of lifetimes: of each, the middle of its bucket. */
static int64_t
lived(const uint64_t *lives)
{
	double sum = 0;

	for (int i = 0; i < REC_BUCKETS - 1; i++)
		sum += (double)lives[i] * 1.5 * (double)(1ULL << i);
	return sum < (double)LIMIT ? (int64_t)sum : LIMIT;
}

static int
on_heap(struct traversal *t, const struct rec_heap *r)
{
	const struct rec_cpu who = { r->time, r->pid, r->tid, r->stack, 0 };
	struct export_sample s = { .kind = EXPORT_HEAP };
	struct site *site = find_site(t, r);
	struct bounds bounds;
	int skipped;

	if (site == NULL)
		return -1;
	s.value[EXPORT_ALLOCS] = (int64_t)r->allocs;
	s.value[EXPORT_BYTES] = (int64_t)r->bytes;
	s.value[EXPORT_FREES] = (int64_t)r->frees;
	s.value[EXPORT_FREED] = (int64_t)r->freed;
	s.value[EXPORT_TEMPS] = (int64_t)r->temps;
	s.value[EXPORT_LIVED] = lived(r->lives);
	s.peak = (int64_t)r->peak;
	s.value[EXPORT_COUNT] = (int64_t)(r->count - site->count);
	s.value[EXPORT_LIVE] = (int64_t)(r->live - site->live);
	bounds = bounds_of(r->live, r->count, r->live_err, r->live_min, r->live_max);
	s.live = bounds_change(&site->bounds, &bounds);
	s.bytes = bounds_of(r->bytes, r->allocs, r->bytes_err, r->bytes_min, r->bytes_max);
	skipped = put_sample(t, &s, &who);
	if (skipped == 0)
		*site = (struct site){ s.thread, s.node, r->live, r->count, bounds };
	return skipped;
}

/* ---- what concerns a process, or all of it ------------------------------ */

static int
put_remark(struct traversal *t, const struct export_remark *r)
{
	return t->e.format->remark ? t->e.format->remark(&t->e, r) : 0;
}

/* End the interval of a record, and set *ns to how long it was, 0 if it is the first one of a
 * process. */
static int
end_interval(struct traversal *t, const struct rec_memory *r, const struct export_memory *m,
    uint64_t *ns)
{
	size_t i = 0;

	while (i < t->ninterval && t->interval[i].pid != r->pid)
		i++;
	*ns = 0;
	if (i == t->ninterval) {
		if (array_room(&t->interval, i, &t->interval_room, sizeof *t->interval) < 0)
			return -1;
		t->ninterval++;
	} else if (m->time > t->interval[i].end) {
		*ns = (uint64_t)(m->time - t->interval[i].end);
	}
	t->interval[i] = (struct interval){ r->pid, m->time, m->process, m->range, r->inuse };
	return 0;
}

/* Remark for how much of an interval the probes were armed, if it is not all of it. */
static int
put_window(struct traversal *t, const struct rec_memory *r, const struct export_memory *m)
{
	struct export_remark remark = { .kind = EXPORT_WINDOW, .time = m->time };
	char text[100];
	uint64_t ns;

	if (end_interval(t, r, m, &ns) < 0)
		return -1;
	if (r->covered == 0 || t->growth || r->covered >= ns - ns / 20)
		return 0;
	snprintf(text, sizeof text, "probes were armed for %" PRIu64 " of %" PRIu64 " us",
	    r->covered / 1000, ns / 1000);
	remark.text = text;
	return put_remark(t, &remark);
}

/* Remark how far the live memory of a process may be off. */
static int
put_range(struct traversal *t, const struct export_memory *m)
{
	char range[BOUNDS_TEXT_MAX], text[120];
	struct export_remark remark = { .kind = EXPORT_RANGE, .time = m->time, .text = text };

	if (!m->has_live || !m->range.shown)
		return 0;
	snprintf(text, sizeof text, "live memory is %s", bounds_text(&m->range, range));
	return put_remark(t, &remark);
}

static int
on_memory(struct traversal *t, const struct rec_memory *r)
{
	struct bounds live = bounds_of(r->live, r->count, r->live_err, r->live_min, r->live_max);
	struct export_memory m = { .time = since_start(t, r->time),
		.live = (uint64_t)limit(r->live), .rss = (uint64_t)limit(r->rss),
		.has_live = !t->growth, .range = bounds_range(&live, limit(r->live)) };

	if (tasks_find_process(&t->e.tasks, r->pid, m.time, &m.process) < 0 ||
	    put_window(t, r, &m) < 0 || put_range(t, &m) < 0)
		return -1;
	return t->e.format->memory ? t->e.format->memory(&t->e, &m) : 0;
}

static int
on_lost(struct traversal *t, const struct rec_lost *r)
{
	size_t n = t->e.lost.n;
	char text[300];
	uint32_t i;

	if (r->count == 0)
		return 0;
	snprintf(text, sizeof text, "%.100s (%.100s)", r->reason, r->producer);
	if (array_room(&t->e.nlost, n, &t->lost_room, sizeof *t->e.nlost) < 0 ||
	    strtab_add(&t->e.lost, text, &i) < 0)
		return -1;
	if (i == n)
		t->e.nlost[i] = 0;
	t->e.nlost[i] += r->count;
	return put_remark(t, &(struct export_remark){ EXPORT_LOST, since_start(t, r->time),
	                         r->count, r->reason });
}

static int
on_note(struct traversal *t, const struct rec_note *r)
{
	if (r->text == NULL)
		return 0;
	return remark(t, r->text) < 0 ?
	    -1 :
	    put_remark(t, &(struct export_remark){ EXPORT_NOTE, since_start(t, r->time), 0,
	                      r->text });
}

static int
on_task(struct traversal *t, const struct rec *r)
{
	struct tasks *tasks = &t->e.tasks;

	switch (r->type) {
	case REC_PROC: return tasks_proc(tasks, &r->proc, since_start(t, r->proc.time));
	case REC_THREAD: return tasks_thread(tasks, &r->thread, since_start(t, r->thread.time));
	default: tasks_exit(tasks, &r->exit, since_start(t, r->exit.time)); return 0;
	}
}

/* ---- records ------------------------------------------------------------ */

static int
on_record(struct traversal *t, const struct rec *r)
{
	switch (r->type) {
	case REC_PROC:
	case REC_THREAD:
	case REC_EXIT: return on_task(t, r);
	case REC_MODULE: return stacks_module(&t->e.stacks, &r->module);
	case REC_MAP: return stacks_map(&t->e.stacks, &r->map);
	case REC_CPU: return on_cpu(t, &r->cpu);
	case REC_OFF: return on_off(t, &r->off);
	case REC_HEAP: return on_heap(t, &r->heap);
	case REC_MEMORY: return on_memory(t, &r->memory);
	case REC_LOST: return on_lost(t, &r->lost);
	case REC_NOTE: return on_note(t, &r->note);
	case REC_END: since_start(t, r->end.time); return 0;
	default: return 0;
	}
}

static int
is_large(uint64_t value)
{
	return value >= (uint64_t)LIMIT;
}

/* Returns whether a number of the record is too large for sums. */
static int
is_out_of_range(const struct rec *r)
{
	switch (r->type) {
	case REC_CPU: return is_large(r->cpu.ns);
	case REC_OFF: return is_large(r->off.ns | r->off.count);
	case REC_HEAP:
		return is_large(r->heap.allocs | r->heap.bytes | r->heap.frees | r->heap.freed |
		    r->heap.temps | r->heap.live | r->heap.count | r->heap.peak);
	default: return 0;
	}
}

const char *
export_record(struct export *e, const struct rec *r)
{
	struct traversal *t = (struct traversal *)e;

	t->warning = NULL;
	if (r->type == REC_RSPROF)
		return on_rsprof(t, &r->rsprof);
	if (is_out_of_range(r)) {
		t->warning = "skipped: number out of range";
		return NULL;
	}
	return defs_record(t->defs, r) < 0 || on_record(t, r) < 0 ? NO_MEMORY : NULL;
}

const char *
export_warning(const struct export *e)
{
	return ((const struct traversal *)e)->warning;
}

/* ---- how far figures may be off ------------------------------------------ */

/* Count the sites of which live memory is not known. */
static void
count_unknown(struct traversal *t)
{
	t->e.unknown = 0;
	for (size_t i = 0; i < t->e.nsite; i++)
		t->e.unknown +=
		    (size_t)!bounds_range(&t->site[i].bounds, (int64_t)t->site[i].live).known;
}

const char *
export_doubt(const struct export *e, enum export_value value, char buf[EXPORT_DOUBT_MAX])
{
	const char *what = value == EXPORT_LIVE ? "live memory" : "allocated memory";
	const struct bounds *b = value == EXPORT_LIVE ? &e->live : &e->bytes;
	struct bounds_range r = bounds_range(b, e->total[value]);
	char range[BOUNDS_TEXT_MAX];
	int n;

	if ((value != EXPORT_LIVE && value != EXPORT_BYTES) ||
	    (r.exact && !(value == EXPORT_LIVE && e->unknown)))
		return NULL;
	n = snprintf(buf, EXPORT_DOUBT_MAX, "%s is %s in 19 of 20 cases", what,
	    bounds_text(&r, range));
	if (value == EXPORT_LIVE && e->unknown)
		snprintf(buf + n, (size_t)(EXPORT_DOUBT_MAX - n),
		    "; of %zu of %zu stacks it is not known: they have the least that it can be",
		    e->unknown, e->nsite);
	return buf;
}

/* Say what is known of the live memory of whole processes, which is more than the sum over their
 * stacks. */
static int
describe_processes(struct traversal *t)
{
	char name[EXPORT_NAME_MAX], range[BOUNDS_TEXT_MAX], text[EXPORT_DOUBT_MAX];

	for (size_t i = 0; i < t->ninterval && !t->growth; i++) {
		const struct interval *last = &t->interval[i];

		export_process_name(&t->e, last->process, name);
		snprintf(text, sizeof text, "live memory of all of %.100s is %s", name,
		    bounds_text(&last->range, range));
		if (last->range.shown && remark(t, text) < 0)
			return -1;
		snprintf(text, sizeof text,
		    "the allocator of %.100s has %" PRIu64 " bytes in use by its own state, older "
		    "memory included",
		    name, last->inuse);
		if (last->inuse && last->range.shown && remark(t, text) < 0)
			return -1;
	}
	return 0;
}

/* Remark how far the sums may be off. */
static int
put_doubts(struct traversal *t)
{
	static const enum export_value values[] = { EXPORT_LIVE, EXPORT_BYTES };
	char text[EXPORT_DOUBT_MAX];
	struct export_remark r = { EXPORT_RANGE, t->e.last, 0, text };

	count_unknown(t);
	for (size_t i = 0; i < sizeof values / sizeof *values; i++)
		if (export_doubt(&t->e, values[i], text) &&
		    (remark(t, text) < 0 || put_remark(t, &r) < 0))
			return -1;
	return describe_processes(t);
}

int
export_write(struct export *e, FILE *out)
{
	return put_doubts((struct traversal *)e) < 0 ? -1 : e->format->write(e, out);
}

/* ---- for formats -------------------------------------------------------- */

int
export_is_time(const struct export *e)
{
	return e->unit == NULL || strcmp(e->unit, "ns") == 0;
}

const struct export_frame *
export_frame_of(const struct export *e, uint32_t node)
{
	return &e->stacks.frame[e->stacks.node[node].frame];
}

const char *
export_process_name(const struct export *e, uint32_t process, char buf[EXPORT_NAME_MAX])
{
	const struct export_process *p = &e->tasks.process[process];

	snprintf(buf, EXPORT_NAME_MAX, "%.150s (%" PRIu64 ")", p->name ? p->name : "?", p->pid);
	return buf;
}

const char *
export_thread_name(const struct export *e, uint32_t thread, char buf[EXPORT_NAME_MAX])
{
	const struct export_thread *t = &e->tasks.thread[thread];

	snprintf(buf, EXPORT_NAME_MAX, "%.150s (%" PRIu64 ")", t->name ? t->name : "?", t->tid);
	return buf;
}

/* ---- opening and closing ------------------------------------------------ */

struct export *
export_new(const struct export_format *format, const struct export_options *o)
{
	struct traversal *t = calloc(1, sizeof *t);

	if (t == NULL || (t->defs = defs_new()) == NULL) {
		free(t);
		return NULL;
	}
	t->e.format = format;
	t->e.o = o;
	t->e.stacks.defs = t->defs;
	t->e.stacks.o = o->stacks;
	t->e.state = calloc(1, format->state);
	if (t->e.state)
		return &t->e;
	export_free(&t->e);
	return NULL;
}

void
export_free(struct export *e)
{
	struct traversal *t = (struct traversal *)e;

	if (t == NULL)
		return;
	if (e->state)
		e->format->end(e);
	free(e->state);
	stacks_clear(&e->stacks);
	tasks_clear(&e->tasks);
	strtab_clear(&e->remarks);
	strtab_clear(&e->lost);
	free(e->nlost);
	defs_free(t->defs);
	free(t->site);
	free(t->heap);
	free(t->interval);
	idmap_clear(&t->sites);
	free(t);
}
