#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "export/export.h"
#include "export/formats.h"
#include "export/gzip.h"
#include "export/proto.h"
#include "export/sums.h"
#include "export/text.h"

/*
 * profile.proto of pprof (github.com/google/pprof/blob/main/proto/profile.proto), in one gzip file.
 * A location there is an address with all functions that are inlined at it, the innermost first:
 * a node that is not inlined and those below it that are.  A message is written as soon as it is
 * complete; the table of strings, which may stand anywhere, is the last one.
 */

/* Numbers of fields. */
enum {
	PROFILE_SAMPLE_TYPE = 1,
	PROFILE_SAMPLE,
	PROFILE_MAPPING,
	PROFILE_LOCATION,
	PROFILE_FUNCTION,
	PROFILE_STRING_TABLE,
	PROFILE_TIME_NANOS = 9,
	PROFILE_DURATION_NANOS,
	PROFILE_PERIOD_TYPE,
	PROFILE_PERIOD,
	PROFILE_COMMENT,
	PROFILE_DEFAULT_SAMPLE_TYPE,
	TYPE_TYPE = 1,
	TYPE_UNIT,
	SAMPLE_LOCATION_ID = 1,
	SAMPLE_VALUE,
	SAMPLE_LABEL,
	LABEL_KEY = 1,
	LABEL_STR,
	LABEL_NUM,
	LABEL_NUM_UNIT,
	MAPPING_ID = 1,
	MAPPING_START,
	MAPPING_LIMIT,
	MAPPING_OFFSET,
	MAPPING_FILENAME,
	MAPPING_BUILD_ID,
	MAPPING_HAS_FUNCTIONS,
	MAPPING_HAS_FILENAMES,
	MAPPING_HAS_LINE_NUMBERS,
	MAPPING_HAS_INLINE_FRAMES,
	LOCATION_ID = 1,
	LOCATION_MAPPING_ID,
	LOCATION_ADDRESS,
	LOCATION_LINE,
	LINE_FUNCTION_ID = 1,
	LINE_LINE,
	LINE_COLUMN,
	FUNCTION_ID = 1,
	FUNCTION_NAME,
	FUNCTION_SYSTEM_NAME,
	FUNCTION_FILENAME
};

struct pprof {
	struct sums sums;
	/* while it is written */
	struct gzip *gzip;
	struct proto message, part, inner;
	struct strtab strings;
	struct idmap locations, functions; /* hashes to numbers, from 0 */
	size_t nlocation, nfunction;
	uint64_t *limit; /* by module: behind its last address */
	int failed;      /* out of memory */
};

/* The values of a sample, of those kinds that the stream has. */
static const struct type {
	const char *name, *unit; /* unit NULL: that of the stream */
	enum export_value value;
	int kind;
} types[] = {
	{ "samples", "count", EXPORT_SAMPLES, EXPORT_ON_CPU },
	{ "cpu", NULL, EXPORT_CPU, EXPORT_ON_CPU },
	{ "waits", "count", EXPORT_WAITS, EXPORT_OFF_CPU },
	{ "off_cpu", "nanoseconds", EXPORT_OFF, EXPORT_OFF_CPU },
	{ "alloc_objects", "count", EXPORT_ALLOCS, EXPORT_HEAP },
	{ "alloc_space", "bytes", EXPORT_BYTES, EXPORT_HEAP },
	{ "inuse_objects", "count", EXPORT_COUNT, EXPORT_HEAP },
	{ "inuse_space", "bytes", EXPORT_LIVE, EXPORT_HEAP },
};
#define NTYPES (sizeof types / sizeof *types)

static int
pprof_sample(struct export *e, const struct export_sample *s)
{
	struct pprof *p = e->state;

	return sums_add(&p->sums, s);
}

/* ---- the encoding ------------------------------------------------------- */

/* Returns the number of a string in the table, in which the empty one is the first. */
static uint64_t
string(struct pprof *p, const char *s)
{
	char *text;
	uint32_t i;

	if (s == NULL || *s == '\0')
		return 0;
	if ((text = text_utf8(s)) == NULL || strtab_add(&p->strings, text, &i) < 0) {
		p->failed = 1;
		i = 0;
	}
	free(text);
	return (uint64_t)i + 1;
}

/* Write what p->message has. */
static void
flush(struct pprof *p)
{
	p->failed |= p->message.failed;
	if (p->message.n)
		gzip_write(p->gzip, p->message.p, p->message.n);
	p->message.n = 0;
}

/* Write p->part as a message. */
static void
put_part(struct pprof *p, unsigned field)
{
	proto_message(&p->message, field, &p->part);
	flush(p);
}

/* Find the number of a key, from 0, or give it the next one.  Returns whether it is new. */
static int
find_number(struct pprof *p, struct idmap *map, uint64_t key, size_t *count, uint64_t *number)
{
	uint32_t i = idmap_get(map, key);

	if (i != IDMAP_NONE) {
		*number = i;
		return 0;
	}
	*number = *count;
	if (idmap_put(map, key, (uint32_t)*count) < 0)
		p->failed = 1;
	++*count;
	return 1;
}

/* ---- functions and locations -------------------------------------------- */

/* Returns the id of a frame's function, which is written when it first comes. */
static uint64_t
function_id(struct pprof *p, const struct export_frame *f)
{
	uint64_t key = hash_str(hash_str(HASH_INIT, f->name), f->file), n, name;

	if (find_number(p, &p->functions, key, &p->nfunction, &n)) {
		struct proto message = { 0 };

		name = string(p, f->name);
		proto_number(&message, FUNCTION_ID, n + 1);
		proto_number(&message, FUNCTION_NAME, name);
		proto_number(&message, FUNCTION_SYSTEM_NAME, name);
		proto_number(&message, FUNCTION_FILENAME, string(p, f->file));
		proto_message(&p->message, PROFILE_FUNCTION, &message);
		flush(p);
		proto_clear(&message);
	}
	return n + 1;
}

/* Returns an offset in a module as the address that the module's mapping has it at. */
static uint64_t
address(const struct export *e, const struct export_node *n)
{
	const struct export_module *m;

	if (n->module == STACKS_NONE)
		return 0;
	m = &e->stacks.module[n->module];
	return m->end ? m->start - m->offset + n->offset : n->offset;
}

/* Add a line for a node, and for those that it is inlined into.  Returns the last one's caller. */
static uint32_t
put_lines(struct export *e, uint32_t node)
{
	const struct export_node *n;
	struct pprof *p = e->state;

	do {
		const struct export_frame *f = export_frame_of(e, node);

		n = &e->stacks.node[node];
		proto_number(&p->inner, LINE_FUNCTION_ID, function_id(p, f));
		proto_number(&p->inner, LINE_LINE, f->line);
		proto_number(&p->inner, LINE_COLUMN, f->column);
		proto_message(&p->part, LOCATION_LINE, &p->inner);
		node = n->parent;
	} while (n->inlined && node != STACKS_NONE);
	return node;
}

/* Returns the caller of a node's location. */
static uint32_t
caller(const struct export *e, uint32_t node)
{
	const struct export_node *n;

	do {
		n = &e->stacks.node[node];
		node = n->parent;
	} while (n->inlined && node != STACKS_NONE);
	return node;
}

/* Returns the id of a node's location, which is written when it first comes. */
static uint64_t
location_id(struct export *e, uint32_t node)
{
	const struct export_node *n = &e->stacks.node[node];
	struct pprof *p = e->state;
	uint64_t key = hash_u64(hash_u64(HASH_INIT, n->module), n->offset), i;

	if (!find_number(p, &p->locations, hash_u64(key, n->frame), &p->nlocation, &i))
		return i + 1;
	proto_number(&p->part, LOCATION_ID, i + 1);
	if (n->module != STACKS_NONE) {
		proto_number(&p->part, LOCATION_MAPPING_ID, n->module + (uint64_t)1);
		proto_number(&p->part, LOCATION_ADDRESS, address(e, n));
		if (address(e, n) >= p->limit[n->module])
			p->limit[n->module] = address(e, n) + 1;
	}
	put_lines(e, node);
	put_part(p, PROFILE_LOCATION);
	return i + 1;
}

/* ---- samples ------------------------------------------------------------ */

static void
put_label(struct pprof *p, const char *key, const char *text, uint64_t number)
{
	if (text == NULL && number == 0)
		return;
	proto_number(&p->inner, LABEL_KEY, string(p, key));
	proto_number(&p->inner, LABEL_STR, string(p, text));
	proto_number(&p->inner, LABEL_NUM, number);
	proto_message(&p->part, SAMPLE_LABEL, &p->inner);
}

static void
put_bytes_label(struct pprof *p, const char *key, int64_t bytes)
{
	proto_number(&p->inner, LABEL_KEY, string(p, key));
	proto_number(&p->inner, LABEL_NUM, (uint64_t)bytes);
	proto_number(&p->inner, LABEL_NUM_UNIT, string(p, "bytes"));
	proto_message(&p->part, SAMPLE_LABEL, &p->inner);
}

/* Write how far the memory of a sample may be off, unless it is exact. */
static void
put_bounds(struct pprof *p, const struct sum *s)
{
	struct bounds_range live = bounds_range(&s->live, s->value[EXPORT_LIVE]);
	struct bounds_range bytes = bounds_range(&s->bytes, s->value[EXPORT_BYTES]);

	if (!live.known)
		put_label(p, "inuse", "not known", 0);
	if (!live.exact) {
		put_bytes_label(p, "inuse_min", live.least);
		put_bytes_label(p, "inuse_max", live.most);
	}
	if (!bytes.known)
		put_label(p, "alloc", "not known", 0);
	if (!bytes.exact) {
		put_bytes_label(p, "alloc_min", bytes.least);
		put_bytes_label(p, "alloc_max", bytes.most);
	}
}

/* Returns the crate that a stack's cost is charged to: that of the innermost frame which is not of
 * the runtime, or NULL. */
static const char *
crate_of(const struct export *e, uint32_t node)
{
	for (; node != STACKS_NONE; node = e->stacks.node[node].parent)
		if (!export_frame_of(e, node)->is_runtime)
			return export_frame_of(e, node)->crate;
	return NULL;
}

/* Write the locations of a stack, which must stand before the sample's own fields. */
static void
put_locations(struct export *e, uint32_t node, struct proto *ids)
{
	for (; node != STACKS_NONE; node = caller(e, node))
		proto_element(ids, location_id(e, node));
}

static void
put_sample(struct export *e, const struct sum *s)
{
	const struct export_thread *t = &e->tasks.thread[s->thread];
	struct pprof *p = e->state;
	struct proto ids = { 0 };

	put_locations(e, s->node, &ids);
	proto_message(&p->part, SAMPLE_LOCATION_ID, &ids);
	proto_clear(&ids);
	for (size_t i = 0; i < NTYPES; i++)
		if (e->has[types[i].kind])
			proto_element(&p->inner, (uint64_t)s->value[types[i].value]);
	proto_message(&p->part, SAMPLE_VALUE, &p->inner);
	put_label(p, "thread", t->name, 0);
	put_label(p, "tid", NULL, t->tid);
	put_label(p, "pid", NULL, e->tasks.process[t->process].pid);
	put_label(p, "crate", crate_of(e, s->node), 0);
	put_bounds(p, s);
	put_part(p, PROFILE_SAMPLE);
}

/* ---- the profile -------------------------------------------------------- */

/* Return the unit of CPU time as pprof calls it, and its name. */
static const char *
cpu_unit(const struct export *e)
{
	return export_is_time(e) ? "nanoseconds" : "count";
}

static const char *
cpu_name(const struct export *e)
{
	return export_is_time(e) ? "cpu" : e->unit;
}

static void
put_type(struct export *e, unsigned field, const struct type *type)
{
	struct pprof *p = e->state;

	proto_number(&p->part, TYPE_TYPE, string(p, type->unit ? type->name : cpu_name(e)));
	proto_number(&p->part, TYPE_UNIT, string(p, type->unit ? type->unit : cpu_unit(e)));
	put_part(p, field);
}

/* Returns what readers show first. */
static const struct type *
default_type(const struct export *e)
{
	return &types[e->has[EXPORT_ON_CPU] ? 1 : e->has[EXPORT_HEAP] ? NTYPES - 1 : 3];
}

static void
put_types(struct export *e)
{
	const struct type *first = default_type(e);
	struct pprof *p = e->state;

	for (const struct type *t = types; t < types + NTYPES; t++)
		if (e->has[t->kind])
			put_type(e, PROFILE_SAMPLE_TYPE, t);
	proto_number(&p->message, PROFILE_DEFAULT_SAMPLE_TYPE,
	    string(p, first->unit ? first->name : cpu_name(e)));
	if (first->unit == NULL && e->hz && export_is_time(e)) {
		put_type(e, PROFILE_PERIOD_TYPE, first);
		proto_number(&p->message, PROFILE_PERIOD, 1000000000 / e->hz);
	}
}

static void
put_mappings(struct export *e)
{
	struct pprof *p = e->state;

	for (size_t i = 0; i < e->stacks.nmodule; i++) {
		const struct export_module *m = &e->stacks.module[i];

		proto_number(&p->part, MAPPING_ID, i + 1);
		proto_number(&p->part, MAPPING_START, m->start);
		proto_number(&p->part, MAPPING_LIMIT, p->limit[i] > m->end ? p->limit[i] : m->end);
		proto_number(&p->part, MAPPING_OFFSET, m->offset);
		proto_number(&p->part, MAPPING_FILENAME, string(p, m->path));
		proto_number(&p->part, MAPPING_BUILD_ID, string(p, m->buildid));
		/* Else readers would look for names themselves. */
		for (unsigned has = MAPPING_HAS_FUNCTIONS; has <= MAPPING_HAS_INLINE_FRAMES; has++)
			proto_number(&p->part, has, 1);
		put_part(p, PROFILE_MAPPING);
	}
}

static void
put_comments(struct export *e)
{
	struct pprof *p = e->state;
	char text[300];

	proto_number(&p->message, PROFILE_COMMENT, string(p, "rsprof " VERSION));
	for (uint32_t i = 0; i < e->remarks.n; i++)
		proto_number(&p->message, PROFILE_COMMENT, string(p, strtab_text(&e->remarks, i)));
	for (uint32_t i = 0; i < e->lost.n; i++) {
		snprintf(text, sizeof text, "lost: %" PRIu64 " %s", e->nlost[i],
		    strtab_text(&e->lost, i));
		proto_number(&p->message, PROFILE_COMMENT, string(p, text));
	}
}

static void
put_head(struct export *e)
{
	struct pprof *p = e->state;

	proto_number(&p->message, PROFILE_TIME_NANOS, e->start + (uint64_t)e->first);
	proto_number(&p->message, PROFILE_DURATION_NANOS, (uint64_t)(e->last - e->first));
	put_comments(e);
	flush(p);
}

static void
put_strings(struct pprof *p)
{
	proto_bytes(&p->message, PROFILE_STRING_TABLE, "", 0);
	for (uint32_t i = 0; i < p->strings.n; i++) {
		const char *s = strtab_text(&p->strings, i);

		proto_bytes(&p->message, PROFILE_STRING_TABLE, s, strlen(s));
		flush(p);
	}
	flush(p);
}

static int
pprof_write(struct export *e, FILE *out)
{
	struct pprof *p = e->state;

	p->limit = calloc(e->stacks.nmodule + 1, sizeof *p->limit);
	if (p->limit == NULL || (p->gzip = gzip_new(out)) == NULL)
		return -1;
	put_types(e);
	put_head(e);
	for (size_t i = 0; i < p->sums.n && !p->failed && !ferror(out); i++)
		put_sample(e, &p->sums.sum[i]);
	put_mappings(e);
	put_strings(p);
	gzip_end(p->gzip);
	return p->failed ? -1 : 0;
}

static void
pprof_end(struct export *e)
{
	struct pprof *p = e->state;

	sums_clear(&p->sums);
	strtab_clear(&p->strings);
	idmap_clear(&p->locations);
	idmap_clear(&p->functions);
	proto_clear(&p->message);
	proto_clear(&p->part);
	proto_clear(&p->inner);
	free(p->limit);
}

const struct export_format *
export_pprof(void)
{
	static const struct export_format format = {
		.name = "pprof",
		.state = sizeof(struct pprof),
		.sample = pprof_sample,
		.write = pprof_write,
		.end = pprof_end,
	};

	return &format;
}
