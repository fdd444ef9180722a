#include "profile/recording.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/hash.h"
#include "base/idmap.h"
#include "base/strtab.h"
#include "profile/profile_runs.h"
#include "profile/stacks.h"
#include "record/db.h"

/*
 * Rows of the database become elements of arrays: frames (names and location), stack
 * nodes in a tree, threads, samples, sites and what they allocated.  Maps in `ids` lead
 * from the database's ids to indices; strings are interned in `text`.  Samples and heap
 * records are kept in order of arrival: a profile or a reader of memory counts those
 * that its selection wants, as often as that changes.
 */

#define HISTORY_MAX (UINT64_C(31) * 86400 * 4) /* a month, in steps */
#define NONE RECORDING_NONE

/* Threads that ended this long before the last time seen keep their names: records of
 * different threads are not in order of time.  Nanoseconds. */
#define LATE 10000000000

/* A frame: function, location and origin. */
struct frame {
	uint32_t function, file, crate, version, generic; /* text */
	uint64_t line;
	unsigned categories; /* enum profile_category */
};

enum table {
	T_STREAM,
	T_FRAME,
	T_ORIGIN,
	T_CLASS,
	T_MODULE,
	T_STACK,
	T_THREAD,
	T_CPU,
	T_OFF,
	T_LOST,
	T_COST,
	T_NOTE,
	T_PROBE,
	T_MEMORY,
	T_MEMORY_ALONE,
	T_HEAP,
	T_HEAP_ALONE,
	T_AGE,
	NTABLES
};

/* Maps from ids of the recording to indices, and how far each table has been read. */
struct recording_ids {
	int64_t seen[NTABLES]; /* last row read of each table */
	struct idmap frame_map, module_map, thread_map;
	struct idmap reason_map; /* from a reason to the node that stands for it */
	struct idmap site_map;   /* from a thread and a node to the site */
	struct frame *frame;
	size_t nframe, frame_room;
	size_t begun; /* heap streams whose records have begun */
	size_t thread_room, sample_room, history_room, waits_room, loss_room, stream_room,
	    site_room, range_room, heap_room, interval_room, memory_room, age_room;
};

/* ---- helpers ----------------------------------------------------------- */

static uint64_t
number(struct db_stmt *s, int column)
{
	int64_t n = db_int(s, column);

	return n < 0 ? 0 : (uint64_t)n;
}

static int
in_range(const struct recording *r, uint64_t time)
{
	return time >= r->since && (time < r->until || r->until == UINT64_MAX);
}

static void
extend_to(struct recording *r, uint64_t time)
{
	if (time > r->until)
		time = r->until;
	if (time > r->last)
		r->last = time;
}

/* ---- definitions ------------------------------------------------------- */

/* Returns the value of an attribute of a stream's header, or NULL. */
static const char *
attribute(const char *attributes, const char *key)
{
	size_t len = strlen(key);
	const char *p = attributes;

	while (p && strncmp(p, key, len) != 0)
		if ((p = strchr(p, '\t')))
			p++;
	return p ? p + len : NULL;
}

/* Returns the number that an attribute has, or `otherwise`. */
static uint64_t
attribute_number(const char *attributes, const char *key, uint64_t otherwise)
{
	const char *s = attribute(attributes, key);

	return s ? strtoull(s, NULL, 10) : otherwise;
}

/* Add a heap producer's stream, after those that began earlier. */
static int
add_stream(struct recording *r, struct db_stmt *s)
{
	const char *attributes = db_text(s, 4), *mode = attribute(attributes, "mode=");
	struct recording_stream new = { db_int(s, 0), number(s, 2),
		attribute_number(attributes, "pid=", 0),
		attribute_number(attributes, "sample=", 0),
		mode && strncmp(mode, "growth", 6) == 0 };
	size_t i;

	for (i = 0; i < r->nstream; i++)
		if (r->stream[i].id == new.id)
			return 0;
	if (array_room(&r->stream, r->nstream, &r->ids->stream_room, sizeof new) < 0)
		return -1;
	for (i = r->nstream++; i > 0 && r->stream[i - 1].began > new.began; i--)
		r->stream[i] = r->stream[i - 1];
	r->stream[i] = new;
	return 0;
}

static int
on_stream(struct recording *r, struct db_stmt *s)
{
	const char *attributes = db_text(s, 4), *name = db_text(s, 1);
	uint64_t least = attribute_number(attributes, "off=", UINT64_MAX);
	uint64_t began = number(s, 2), ended = PROFILE_RUNNING;
	uint32_t producer;

	extend_to(r, began);
	if (!db_is_null(s, 3)) {
		ended = number(s, 3);
		extend_to(r, ended);
	}
	if (least < r->off_least)
		r->off_least = least;
	if (strtab_add(r->text, name, &producer) < 0 ||
	    (name && strcmp(name, "heap") == 0 && add_stream(r, s) < 0))
		return -1;
	return profile_runs_stream(r->runs, db_int(s, 0), producer, began, ended,
	    attribute(attributes, "from=") != NULL);
}

static int
on_module(struct recording *r, struct db_stmt *s)
{
	const char *path = db_text(s, 1);
	uint32_t text;

	if (strtab_add(r->text, path ? path : "?", &text) < 0)
		return -1;
	return idmap_put(&r->ids->module_map, (uint64_t)db_int(s, 0), text);
}

static int
on_frame(struct recording *r, struct db_stmt *s)
{
	struct recording_ids *ids = r->ids;
	const char *name = db_text(s, 1);
	struct frame frame = { .line = number(s, 3), .crate = NONE,
		.version = NONE, .generic = NONE };

	if (name && strncmp(name, "std::rt::lang_start", 19) == 0)
		frame.categories = PROFILE_STARTS_MAIN;
	if (strtab_add(r->text, name, &frame.function) < 0 ||
	    strtab_add(r->text, db_text(s, 2), &frame.file) < 0 ||
	    array_room(&ids->frame, ids->nframe, &ids->frame_room,
	        sizeof *ids->frame) < 0 ||
	    idmap_put(&ids->frame_map, (uint64_t)db_int(s, 0),
	        (uint32_t)ids->nframe) < 0)
		return -1;
	ids->frame[ids->nframe++] = frame;
	return 0;
}

static int
on_origin(struct recording *r, struct db_stmt *s)
{
	uint32_t f = idmap_get(&r->ids->frame_map, (uint64_t)db_int(s, 0));
	struct frame *frame = f == NONE ? NULL : &r->ids->frame[f];

	if (frame == NULL)
		return 0;
	return strtab_add(r->text, db_text(s, 1), &frame->crate) < 0 ||
	        strtab_add(r->text, db_text(s, 2), &frame->version) < 0 ||
	        strtab_add(r->text, db_text(s, 3), &frame->generic) < 0
	    ? -1
	    : 0;
}

static int
on_category(struct recording *r, struct db_stmt *s)
{
	uint32_t f = idmap_get(&r->ids->frame_map, (uint64_t)db_int(s, 0));

	if (f != NONE)
		r->ids->frame[f].categories |= profile_category(db_text(s, 1));
	return 0;
}

/* Name code without a function, as in "libc.so.6+0x1f001". */
static int
raw_name(struct recording *r, uint32_t module, uint64_t offset, uint32_t *text)
{
	const char *path = strtab_text(r->text, module), *base;
	char *name;
	int status;

	if (path == NULL)
		return strtab_add(r->text, "[undefined]", text);
	base = strrchr(path, '/');
	base = base && base[1] ? base + 1 : path;
	if (asprintf(&name, "%s+0x%" PRIx64, base, offset) < 0)
		return -1;
	status = strtab_add(r->text, name, text);
	free(name);
	return status;
}

/* Find the rows of a node in every grouping.  `function` may be a synthetic name. */
static int
find_rows(struct recording *r, struct stacks_node *node,
    uint32_t function, uint32_t module, const struct frame *frame)
{
	static const struct frame none = { .function = NONE, .file = NONE, .crate = NONE,
		.version = NONE, .generic = NONE };
	const struct frame *f = frame ? frame : &none;
	uint32_t of = module == NONE ? function : module;
	const struct stacks_key by[STACKS_GROUPS] = {
		[PROFILE_FUNCTION] = { function, module, NONE, 0 },
		[PROFILE_GENERIC] = { f->generic == NONE ? function : f->generic, module,
		    f->crate, 0 },
		[PROFILE_LINE] = { function, module, f->file, f->line },
		[PROFILE_CRATE] = { f->crate == NONE ? of : f->crate, NONE, f->version, 0 },
		[PROFILE_MODULE] = { of, module, NONE, 0 },
	};
	struct stacks_rows *rows = r->stacks->rows;
	const uint32_t *row = node->row;

	for (unsigned g = 0; g < STACKS_GROUPS; g++)
		if (stacks_row(r->stacks, g, &by[g], &node->row[g]) < 0)
			return -1;
	rows[PROFILE_LINE].row[row[PROFILE_LINE]].owner = row[PROFILE_FUNCTION];
	rows[PROFILE_FUNCTION].row[row[PROFILE_FUNCTION]].owner = row[PROFILE_GENERIC];
	return 0;
}

/* Returns the category of code that has no names. */
static unsigned
category_without_frame(const struct recording *r, uint32_t module)
{
	const char *path = strtab_text(r->text, module);

	return path && strcmp(path, "[kernel]") == 0 ? PROFILE_KERNEL : 0;
}

static int
on_stack(struct recording *r, struct db_stmt *s)
{
	struct stacks_node node = { .id = db_int(s, 0), .caller = db_int(s, 1) };
	uint32_t module = idmap_get(&r->ids->module_map, (uint64_t)db_int(s, 2));
	uint32_t f = idmap_get(&r->ids->frame_map, (uint64_t)db_int(s, 4));
	const struct frame *frame = f == NONE ? NULL : &r->ids->frame[f];
	uint32_t name = frame ? frame->function : NONE, n;

	node.categories = frame ? frame->categories : category_without_frame(r, module);
	if (strtab_add(r->text, db_text(s, 5), &node.cut) < 0 ||
	    (name == NONE &&
	        raw_name(r, module, (uint64_t)db_int(s, 3), &name) < 0) ||
	    find_rows(r, &node, name, module, frame) < 0)
		return -1;
	return stacks_add(r->stacks, &node, &n);
}

static int
add_thread(struct recording *r, int64_t id, uint32_t *t)
{
	if (array_room(&r->thread, r->nthread, &r->ids->thread_room,
	        sizeof *r->thread) < 0 ||
	    idmap_put(&r->ids->thread_map, (uint64_t)id, (uint32_t)r->nthread) < 0)
		return -1;
	*t = (uint32_t)r->nthread++;
	r->thread[*t] = (struct recording_thread){ .name = NONE, .ended = UINT64_MAX };
	return 0;
}

/* Add or update a thread.  Running threads are read again: they may be renamed. */
static int
on_thread(struct recording *r, struct db_stmt *s)
{
	uint32_t t = idmap_get(&r->ids->thread_map, (uint64_t)db_int(s, 0));

	if (t == NONE && add_thread(r, db_int(s, 0), &t) < 0)
		return -1;
	r->thread[t].pid = (uint64_t)db_int(s, 1);
	r->thread[t].tid = (uint64_t)db_int(s, 2);
	r->thread[t].began = number(s, 4);
	r->thread[t].ended = db_is_null(s, 5) ? UINT64_MAX : number(s, 5);
	extend_to(r, r->thread[t].began);
	return strtab_add(r->text, db_text(s, 3), &r->thread[t].name);
}

/* ---- time -------------------------------------------------------------- */

/* Add a node of a name alone, such as [no-stack]. */
static int
add_special(struct recording *r, const char *word, struct stacks_node *node, uint32_t *n)
{
	uint32_t text;
	char *name;
	int status;

	if (asprintf(&name, "[%s]", word) < 0)
		return -1;
	status = strtab_add(r->text, name, &text);
	free(name);
	if (status < 0 || find_rows(r, node, text, NONE, NULL) < 0)
		return -1;
	for (size_t g = 0; g < STACKS_GROUPS; g++)
		r->stacks->rows[g].row[node->row[g]].special = 1;
	return stacks_add(r->stacks, node, n);
}

/* Find or add the node that stands for a reason why a sample has no stack. */
static int
reason_node(struct recording *r, const char *reason, uint32_t *n)
{
	struct stacks_node node = { 0 };

	if (strtab_add(r->text, reason, &node.cut) < 0)
		return -1;
	if ((*n = idmap_get(&r->ids->reason_map, node.cut)) != NONE)
		return 0;
	if (add_special(r, reason, &node, n) < 0)
		return -1;
	if (strcmp(reason, "probes") == 0)
		r->probes = *n;
	return idmap_put(&r->ids->reason_map, node.cut, *n);
}

/* Find the node of a stack's id, or of the reason why there is none. */
static int
find_node(struct recording *r, int64_t id, const char *reason, uint32_t *n)
{
	if (id && (*n = stacks_find(r->stacks, id)) != NONE)
		return 0;
	return reason_node(r, id == 0 && reason ? reason : "damaged", n);
}

/* Find the thread of a sample; unknown threads share one with id 0. */
static int
find_thread(struct recording *r, struct db_stmt *s, uint32_t *t)
{
	*t = idmap_get(&r->ids->thread_map, (uint64_t)db_int(s, 2));
	if (*t == NONE)
		*t = idmap_get(&r->ids->thread_map, 0);
	return *t == NONE ? add_thread(r, 0, t) : 0;
}

/* Add a sample.  Rows of cpu and off have the same columns in the same order, as far as
 * both have them. */
static int
add_sample(struct recording *r, struct db_stmt *s, struct recording_sample *sample)
{
	uint32_t thread;

	if (find_node(r, db_int(s, 3), db_text(s, 5), &sample->node) < 0 ||
	    find_thread(r, s, &thread) < 0 ||
	    array_room(&r->sample, r->nsample, &r->ids->sample_room,
	        sizeof *r->sample) < 0)
		return -1;
	sample->thread = thread;
	r->sample[r->nsample++] = *sample;
	return 0;
}

/* Add a sample to the history.  Times that no real recording reaches are ignored. */
static int
count_history(struct recording *r, const struct recording_sample *s)
{
	uint64_t i = s->time / PROFILE_HISTORY_STEP;

	if (i >= HISTORY_MAX)
		return 0;
	for (; r->nhistory <= i; r->nhistory++) {
		if (array_room(&r->history, r->nhistory, &r->ids->history_room,
		        sizeof *r->history) < 0)
			return -1;
		r->history[r->nhistory] = 0;
	}
	r->history[i] += s->ns;
	return 0;
}

static int
on_cpu(struct recording *r, struct db_stmt *s)
{
	struct recording_sample sample = { .time = number(s, 1),
		.ns = number(s, 4), .state = PROFILE_ON };

	extend_to(r, sample.time);
	if (!in_range(r, sample.time))
		return 0;
	return count_history(r, &sample) < 0 ? -1 : add_sample(r, s, &sample);
}

/* Returns the state with a name; unknown names count as sleeping. */
static enum profile_state
find_state(const char *name)
{
	enum profile_state state = PROFILE_READY;

	while (name && state < PROFILE_NSTATES &&
	    strcmp(name, profile_state_name(state)))
		state++;
	return name && state < PROFILE_NSTATES ? state : PROFILE_SLEEPING;
}

static int
on_off(struct recording *r, struct db_stmt *s)
{
	struct recording_sample sample = { .time = number(s, 1), .ns = number(s, 4) };
	enum profile_state state = find_state(db_text(s, 7));
	uint64_t waits = 0;

	extend_to(r, sample.time);
	if (!in_range(r, sample.time))
		return 0;
	sample.state = state;
	if (state != PROFILE_READY)
		waits = number(s, 6);
	if (array_room(&r->waits, r->noff, &r->ids->waits_room, sizeof *r->waits) < 0 ||
	    add_sample(r, s, &sample) < 0)
		return -1;
	r->waits[r->noff++] = waits < UINT32_MAX ? (uint32_t)waits : UINT32_MAX;
	if (sample.time > r->off_last)
		r->off_last = sample.time;
	return 0;
}

/* ---- losses, costs, notes ---------------------------------------------- */

static int
on_lost(struct recording *r, struct db_stmt *s)
{
	struct recording_loss loss = { .count = number(s, 3) };
	uint64_t time = number(s, 1);
	size_t i;

	extend_to(r, time);
	if (!in_range(r, time))
		return 0;
	if (strtab_add(r->text, db_text(s, 2), &loss.producer) < 0 ||
	    strtab_add(r->text, db_text(s, 4), &loss.reason) < 0 ||
	    array_room(&r->loss, r->nloss, &r->ids->loss_room, sizeof *r->loss) < 0)
		return -1;
	r->lost += loss.count;
	for (i = 0; i < r->nloss; i++)
		if (r->loss[i].producer == loss.producer &&
		    r->loss[i].reason == loss.reason) {
			r->loss[i].count += loss.count;
			return 0;
		}
	r->loss[r->nloss++] = loss;
	return 0;
}

static int
on_cost(struct recording *r, struct db_stmt *s)
{
	struct profile_cost cost = { .time = number(s, 1), .ns = number(s, 3),
		.bytes = number(s, 4) };

	extend_to(r, cost.time);
	if (strtab_add(r->text, db_text(s, 2), &cost.producer) < 0)
		return -1;
	return profile_runs_cost(r->runs, &cost, in_range(r, cost.time));
}

static int
on_note(struct recording *r, struct db_stmt *s)
{
	uint64_t time = number(s, 1);
	uint32_t n;

	extend_to(r, time);
	return in_range(r, time) ? strtab_add(r->notes, db_text(s, 2), &n) : 0;
}

/* ---- memory ------------------------------------------------------------ */

static int
find_site(struct recording *r, struct db_stmt *s, uint32_t *site)
{
	struct recording_site new = { 0 };
	const char *cut = db_text(s, 4);
	uint64_t h;

	if (find_thread(r, s, &new.thread) < 0 ||
	    find_node(r, db_int(s, 3), cut ? cut : "no-stack", &new.node) < 0)
		return -1;
	h = hash_id(hash_u64(hash_u64(HASH_INIT, new.thread), new.node));
	if ((*site = idmap_get(&r->ids->site_map, h)) != NONE)
		return 0;
	if (array_room(&r->site, r->nsite, &r->ids->site_room, sizeof new) < 0 ||
	    idmap_put(&r->ids->site_map, h, (uint32_t)r->nsite) < 0)
		return -1;
	*site = (uint32_t)r->nsite;
	r->site[r->nsite++] = new;
	return 0;
}

static int
add_heap(struct recording *r, const struct recording_heap *new)
{
	struct recording_site *site = &r->site[new->site];

	if (array_room(&r->heap, r->nheap, &r->ids->heap_room, sizeof *new) < 0)
		return -1;
	r->heap[r->nheap++] = *new;
	site->live = new->live;
	site->count = new->count;
	site->most = new->range == NONE ? new->live : r->range[new->range].live_most;
	return 0;
}

/* Returns whether an earlier stream is of the same process. */
static int
is_again(const struct recording *r, size_t stream)
{
	for (size_t i = 0; i < stream; i++)
		if (r->stream[i].pid == r->stream[stream].pid)
			return 1;
	return 0;
}

/* End what is live everywhere. */
static int
end_lives(struct recording *r)
{
	struct recording_heap end = { .interval = (uint32_t)r->ninterval - 1, .range = NONE,
		.ended = 1 };

	for (size_t i = 0; i < r->nsite; i++) {
		const struct recording_site *site = &r->site[i];

		end.site = (uint32_t)i;
		if ((site->live || site->count || site->most) && add_heap(r, &end) < 0)
			return -1;
	}
	return 0;
}

/* Begin an interval, and the streams that began by its end.  A producer that attaches
 * again does not know what was live, so end those lives. */
static int
begin_interval(struct recording *r, uint64_t time)
{
	size_t *begun = &r->ids->begun;

	if (r->ninterval && time == r->heap_time[r->ninterval - 1])
		return 0;
	if (array_room(&r->heap_time, r->ninterval, &r->ids->interval_room,
	        sizeof *r->heap_time) < 0)
		return -1;
	r->heap_time[r->ninterval++] = time;
	for (; *begun < r->nstream && r->stream[*begun].began <= time; ++*begun)
		if (is_again(r, *begun) && end_lives(r) < 0)
			return -1;
	return 0;
}

/* Add the bounds of a record's figures, if any. */
static int
add_range(struct recording *r, struct db_stmt *s, struct recording_heap *of)
{
	struct recording_range new = { of->live, of->live, of->bytes, of->bytes,
		(double)number(s, 15), (double)number(s, 14), !db_is_null(s, 17),
		!db_is_null(s, 19) };

	of->range = NONE;
	if (!(new.live_error > 0 || new.bytes_error > 0) && !new.live_ranged &&
	    !new.bytes_ranged)
		return 0;
	if (new.live_ranged) {
		new.live_least = number(s, 16);
		new.live_most = number(s, 17);
	}
	if (new.bytes_ranged) {
		new.bytes_least = number(s, 18);
		new.bytes_most = number(s, 19);
	}
	if (array_room(&r->range, r->nrange, &r->ids->range_room, sizeof new) < 0)
		return -1;
	of->range = (uint32_t)r->nrange;
	r->range[r->nrange++] = new;
	return 0;
}

static void
extend_heap(struct recording *r, uint64_t time)
{
	if (time > r->heap_last)
		r->heap_last = time;
}

static int
on_heap(struct recording *r, struct db_stmt *s)
{
	struct recording_heap new = { .allocs = number(s, 5), .bytes = number(s, 6),
		.frees = number(s, 7), .temps = number(s, 8), .moved = number(s, 9),
		.copied = number(s, 10), .live = number(s, 11), .count = number(s, 12),
		.peak = number(s, 13) };

	extend_heap(r, number(s, 1));
	r->estimated |= number(s, 20) > 0 && number(s, 20) != new.allocs;
	if (begin_interval(r, number(s, 1)) < 0 || find_site(r, s, &new.site) < 0 ||
	    add_range(r, s, &new) < 0)
		return -1;
	new.interval = (uint32_t)r->ninterval - 1;
	return add_heap(r, &new);
}

static int
on_age(struct recording *r, struct db_stmt *s)
{
	struct recording_age new = { number(s, 1), number(s, 5), number(s, 6), number(s, 7), 0 };

	if (find_site(r, s, &new.site) < 0 ||
	    array_room(&r->age, r->nage, &r->ids->age_room, sizeof new) < 0)
		return -1;
	r->age[r->nage++] = new;
	return 0;
}

static int
on_memory(struct recording *r, struct db_stmt *s)
{
	struct recording_memory new = { .time = number(s, 1), .rss = number(s, 2),
		.anon = number(s, 3), .unknown = number(s, 4), .covered = number(s, 5),
		.hits = number(s, 6), .cost = number(s, 7), .peak = number(s, 8),
		.live = number(s, 9), .count = number(s, 10), .live_least = number(s, 11),
		.live_most = number(s, 12), .inuse = number(s, 13),
		.ranged = !db_is_null(s, 12) };

	extend_heap(r, new.time);
	if (array_room(&r->memory, r->nmemory, &r->ids->memory_room, sizeof new) < 0)
		return -1;
	r->memory[r->nmemory++] = new;
	return 0;
}

static int
on_probe(struct recording *r, struct db_stmt *s)
{
	return strtab_add(r->text, db_text(s, 1), &r->layer);
}

/* ---- reading ----------------------------------------------------------- */

#define HEAP_COLUMNS "SELECT heap.rowid, time, thread, stack, cut, allocs, bytes, frees, " \
	"temps, moved, copied, live, count, peak, "
#define MEMORY_COLUMNS "SELECT memory.rowid, time, rss, anon, unknown, covered, hits, cost, " \
	"peak, live, count, "

/* The tables, each after those it refers to.  The first column of a query only ever
 * grows; tables whose rows may still change, such as threads, are read again. */
static const struct source {
	const char *sql;
	const char *types; /* of ?1, the last row read, and ?2, a recent time */
	int (*on_row)(struct recording *r, struct db_stmt *s);
	int schema;    /* first schema with the table; 0: all */
	unsigned part; /* enum recording_part; 0: always read */
	int until;     /* first schema with another query for it; 0: none */
} source[NTABLES] = {
	[T_STREAM] = { "SELECT id, producer, began, ended, attributes FROM stream",
	    "", on_stream, 0, 0, 0 },
	[T_FRAME] = { "SELECT frame.id, fn.text, fi.text, line FROM frame "
	              "LEFT JOIN string fn ON fn.id = function "
	              "LEFT JOIN string fi ON fi.id = file WHERE frame.id > ?1",
	    "i", on_frame, 0, 0, 0 },
	[T_ORIGIN] = { "SELECT frame, crate.text, version.text, folded.text FROM origin "
	               "LEFT JOIN string crate ON crate.id = crate "
	               "LEFT JOIN string version ON version.id = version "
	               "LEFT JOIN string folded ON folded.id = folded WHERE frame > ?1",
	    "i", on_origin, 4, 0, 0 },
	[T_CLASS] = { "SELECT frame, class FROM class WHERE frame > ?1", "i", on_category, 3,
	    0, 0 },
	[T_MODULE] = { "SELECT id, path FROM module WHERE id > ?1", "i", on_module, 0, 0, 0 },
	[T_STACK] = { "SELECT id, parent, module, offset, frame, cut FROM stack "
	              "WHERE id > ?1",
	    "i", on_stack, 0, 0, 0 },
	[T_THREAD] = { "SELECT thread.id, pid, tid, thread.name, thread.began, "
	               "thread.ended "
	               "FROM thread LEFT JOIN process ON process.id = process "
	               "WHERE thread.id > ?1 OR thread.ended IS NULL OR thread.ended > ?2",
	    "ii", on_thread, 0, 0, 0 },
	[T_CPU] = { "SELECT rowid, time, thread, stack, ns, cut FROM cpu "
	            "WHERE rowid > ?1",
	    "i", on_cpu, 0, RECORDING_TIME, 0 },
	[T_OFF] = { "SELECT rowid, time, thread, stack, ns, cut, count, state "
	            "FROM off WHERE rowid > ?1",
	    "i", on_off, 2, RECORDING_TIME, 0 },
	[T_LOST] = { "SELECT rowid, time, producer, count, reason FROM lost "
	             "WHERE rowid > ?1",
	    "i", on_lost, 0, 0, 0 },
	[T_COST] = { "SELECT rowid, time, producer, ns, bytes FROM cost "
	             "WHERE rowid > ?1",
	    "i", on_cost, 0, 0, 0 },
	[T_NOTE] = { "SELECT rowid, time, text FROM note WHERE rowid > ?1",
	    "i", on_note, 0, 0, 0 },
	[T_PROBE] = { "SELECT rowid, layer FROM probe WHERE rowid > ?1", "i", on_probe, 3, 0,
	    0 },
	[T_MEMORY] = { MEMORY_COLUMNS "live_min, live_max, inuse FROM memory "
	               "LEFT JOIN memory_range ON memory = memory.rowid "
	               "WHERE memory.rowid > ?1 ORDER BY memory.rowid",
	    "i", on_memory, 5, 0, 0 },
	[T_MEMORY_ALONE] = { MEMORY_COLUMNS "NULL, NULL, NULL FROM memory WHERE rowid > ?1 "
	                     "ORDER BY rowid",
	    "i", on_memory, 3, 0, 5 },
	[T_HEAP] = { HEAP_COLUMNS "bytes_err, live_err, live_min, live_max, bytes_min, "
	             "bytes_max, samples FROM heap LEFT JOIN heap_range ON heap = heap.rowid "
	             "WHERE heap.rowid > ?1 ORDER BY heap.rowid",
	    "i", on_heap, 5, RECORDING_HEAP, 0 },
	[T_HEAP_ALONE] = { HEAP_COLUMNS "0, 0, NULL, NULL, NULL, NULL, samples FROM heap "
	                   "WHERE rowid > ?1 ORDER BY rowid",
	    "i", on_heap, 3, RECORDING_HEAP, 5 },
	[T_AGE] = { "SELECT rowid, time, thread, stack, cut, born, bytes, count FROM age "
	            "WHERE rowid > ?1",
	    "i", on_age, 3, RECORDING_HEAP, 0 },
};

/* Returns whether a table is read, of a database with this schema. */
static int
is_read(const struct recording *r, const struct source *t, int64_t schema)
{
	return schema >= t->schema && (t->until == 0 || schema < t->until) &&
	    (t->part == 0 || (r->parts & t->part));
}

static int
read_rows(struct recording *r, enum table t, struct db_stmt *s)
{
	int more;

	while ((more = db_step(s)) == 1) {
		if (source[t].on_row(r, s) < 0)
			return db_no_memory(r->db);
		if (db_int(s, 0) > r->ids->seen[t])
			r->ids->seen[t] = db_int(s, 0);
	}
	return more;
}

static int
read_table(struct recording *r, enum table t, int64_t recent)
{
	struct db_stmt *s = db_prepare(r->db, source[t].sql);
	int status = -1;

	if (s && db_start(s, source[t].types, r->ids->seen[t], recent) == 0)
		status = read_rows(r, t, s);
	db_finalize(s);
	return status;
}

static int
read_tables(struct recording *r)
{
	int64_t recent = (int64_t)r->last - LATE, schema = db_schema(r->db);

	if (schema < 0)
		return -1;
	for (enum table t = 0; t < NTABLES; t++)
		if (is_read(r, &source[t], schema) && read_table(r, t, recent) < 0)
			return -1;
	return 0;
}

static int
link_nodes(struct recording *r)
{
	uint32_t damaged;

	if (strtab_add(r->text, "damaged", &damaged) < 0)
		return db_no_memory(r->db);
	stacks_link(r->stacks, damaged);
	return 0;
}

int
recording_update(struct recording *r)
{
	/* read all tables as of one moment */
	if (db_exec(r->db, "BEGIN") < 0)
		return -1;
	if (read_tables(r) < 0 || link_nodes(r) < 0) {
		db_undo(r->db);
		return -1;
	}
	return db_exec(r->db, "COMMIT");
}

int
recording_want(struct recording *r, unsigned parts)
{
	if ((r->parts & parts) == parts)
		return 0;
	r->parts |= parts;
	return recording_update(r);
}

/* ---- rows -------------------------------------------------------------- */

size_t
recording_rows(const struct recording *r, enum profile_group group)
{
	return group == PROFILE_THREAD ? r->nthread : r->stacks->rows[group].n;
}

const char *
recording_function(const struct recording *r, enum profile_group group, uint32_t row,
    const char **module)
{
	const struct stacks_key *key = &r->stacks->rows[group].row[row].key;

	*module = strtab_text(r->text, key->module);
	return strtab_text(r->text, key->name);
}

static int
is_same(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

uint32_t
recording_find(const struct recording *r, enum profile_group group, const char *name,
    const char *module)
{
	const char *in, *is;

	for (uint32_t i = 0; i < r->stacks->rows[group].n; i++) {
		is = recording_function(r, group, i, &in);
		if (is_same(is, name) && is_same(in, module))
			return i;
	}
	return NONE;
}

int
recording_has_own(const struct recording *r)
{
	return r->stacks->own;
}

static void
describe_thread(const struct recording *r, uint32_t row, struct recording_row *out)
{
	const struct recording_thread *t = &r->thread[row];
	const char *name = strtab_text(r->text, t->name);

	*out = (struct recording_row){ .name = name ? name : "?", .pid = t->pid, .tid = t->tid };
}

void
recording_describe(const struct recording *r, enum profile_group group, uint32_t row,
    struct recording_row *out)
{
	const struct stacks_row *of;

	if (group == PROFILE_THREAD) {
		describe_thread(r, row, out);
		return;
	}
	of = &r->stacks->rows[group].row[row];
	*out = (struct recording_row){
		.name = strtab_text(r->text, of->key.name),
		.module = strtab_text(r->text, of->key.module),
		.line = of->key.line,
		.special = of->special,
	};
	if (group == PROFILE_LINE)
		out->file = strtab_text(r->text, of->key.file);
	else if (group == PROFILE_CRATE)
		out->version = strtab_text(r->text, of->key.file);
}

/* ---- open and close ---------------------------------------------------- */

static int
allocate(struct recording *r)
{
	struct stacks_node runtime = { .cut = NONE };

	r->text = calloc(1, sizeof *r->text);
	r->notes = calloc(1, sizeof *r->notes);
	r->stacks = stacks_new();
	r->runs = profile_runs_new();
	r->ids = calloc(1, sizeof *r->ids);
	return r->text && r->notes && r->stacks && r->runs && r->ids
	    ? add_special(r, "runtime", &runtime, &r->stacks->runtime)
	    : -1;
}

struct recording *
recording_open(struct db *db, unsigned parts, uint64_t since, uint64_t until)
{
	struct recording *r = calloc(1, sizeof *r);

	if (r == NULL) {
		db_no_memory(db);
		return NULL;
	}
	r->db = db;
	r->parts = parts;
	r->since = since;
	r->until = until;
	r->off_least = UINT64_MAX;
	r->probes = r->layer = NONE;
	if (allocate(r) < 0)
		db_no_memory(db);
	else if (recording_update(r) == 0)
		return r;
	recording_close(r);
	return NULL;
}

static void
free_ids(struct recording_ids *ids)
{
	if (ids == NULL)
		return;
	idmap_clear(&ids->frame_map);
	idmap_clear(&ids->module_map);
	idmap_clear(&ids->thread_map);
	idmap_clear(&ids->reason_map);
	idmap_clear(&ids->site_map);
	free(ids->frame);
	free(ids);
}

static void
free_texts(struct strtab *t)
{
	if (t)
		strtab_clear(t);
	free(t);
}

void
recording_close(struct recording *r)
{
	if (r == NULL)
		return;
	stacks_free(r->stacks);
	profile_runs_free(r->runs);
	free_texts(r->text);
	free_texts(r->notes);
	free_ids(r->ids);
	free(r->thread);
	free(r->sample);
	free(r->history);
	free(r->waits);
	free(r->loss);
	free(r->stream);
	free(r->site);
	free(r->range);
	free(r->heap);
	free(r->heap_time);
	free(r->memory);
	free(r->age);
	free(r);
}
