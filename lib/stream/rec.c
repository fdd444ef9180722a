#include "stream/rec.h"

#include <stdlib.h>
#include <string.h>

/*
 * A record type is a row of form[]: its name and its fields in order, each with
 * its kind and its offset in struct rec.  The parser and the printer walk the
 * same table, so that a record type exists in one place; what the kinds cannot
 * express is in check_values().  A heap or memory record ends in key=value
 * fields, listed in tables of their own, of which zeros are not written.
 */

/* ---- the forms of records ---------------------------------------------- */

enum kind {
	K_END,
	K_NUM,  /* uint64_t, decimal; "-" is 0 */
	K_HEX,  /* uint64_t, hexadecimal; "-" is 0 */
	K_STR,  /* const char *; "-" is NULL */
	K_REF,  /* struct rec_ref */
	K_ATTRS, /* all remaining fields into rsprof.attr */
	K_KEYS  /* all remaining fields, by the form's keys */
};

struct field {
	enum kind kind;
	int must; /* "-" is not allowed */
	size_t offset;
	int late; /* absent in early streams */
};

/* A field key=number, or key=bucket:number,...; 0 if it is absent. */
struct key {
	const char *name; /* NULL: end of the table */
	size_t offset;
	int buckets;
};

#define FIELDS 10

struct form {
	const char *name;
	struct field field[FIELDS];
	const struct key *key;
};

#define NUM(t, m) { K_NUM, 1, offsetof(struct rec, t.m), 0 }
#define NUM0(t, m) { K_NUM, 0, offsetof(struct rec, t.m), 0 }
#define HEX(t, m) { K_HEX, 1, offsetof(struct rec, t.m), 0 }
#define HEX0(t, m) { K_HEX, 0, offsetof(struct rec, t.m), 0 }
#define STR(t, m) { K_STR, 0, offsetof(struct rec, t.m), 0 }
#define WORD(t, m) { K_STR, 1, offsetof(struct rec, t.m), 0 }
#define LATE(t, m) { K_STR, 0, offsetof(struct rec, t.m), 1 }
#define LATE_NUM0(t, m) { K_NUM, 0, offsetof(struct rec, t.m), 1 }
#define REF(t, m) { K_REF, 0, offsetof(struct rec, t.m), 0 }
#define KEY(t, m) { #m, offsetof(struct rec, t.m), 0 }
#define BUCKETS(t, m) { #m, offsetof(struct rec, t.m), 1 }

static const struct key heap_keys[] = {
	KEY(heap, allocs), KEY(heap, bytes), KEY(heap, frees), KEY(heap, freed),
	KEY(heap, temps), KEY(heap, inplace), KEY(heap, moved), KEY(heap, copied),
	KEY(heap, samples), BUCKETS(heap, sizes), BUCKETS(heap, lives),
	KEY(heap, live), KEY(heap, count), KEY(heap, peak),
	KEY(heap, bytes_err), KEY(heap, live_err),
	KEY(heap, live_min), KEY(heap, live_max),
	KEY(heap, bytes_min), KEY(heap, bytes_max), { NULL, 0, 0 }
};

static const struct key memory_keys[] = {
	KEY(memory, live), KEY(memory, count), KEY(memory, peak), KEY(memory, rss),
	KEY(memory, anon), KEY(memory, allocs), KEY(memory, bytes),
	KEY(memory, frees), KEY(memory, freed), KEY(memory, unknown),
	KEY(memory, covered), KEY(memory, hits), KEY(memory, cost),
	KEY(memory, bytes_err), KEY(memory, live_err),
	KEY(memory, live_min), KEY(memory, live_max),
	KEY(memory, bytes_min), KEY(memory, bytes_max), KEY(memory, inuse),
	KEY(memory, period), { NULL, 0, 0 }
};

static const struct form form[REC_NTYPES] = {
	[REC_RSPROF] = { "rsprof",
	    { NUM(rsprof, version), WORD(rsprof, producer), { K_ATTRS, 0, 0, 0 } }, NULL },
	[REC_PROC] = { "proc",
	    { NUM(proc, time), NUM(proc, pid), NUM0(proc, ppid),
	        STR(proc, name), STR(proc, exe), STR(proc, cmdline) }, NULL },
	[REC_THREAD] = { "thread",
	    { NUM(thread, time), NUM(thread, pid), NUM(thread, tid),
	        STR(thread, name) }, NULL },
	[REC_EXIT] = { "exit",
	    { NUM(exit, time), NUM(exit, pid), NUM0(exit, tid) }, NULL },
	[REC_MODULE] = { "module",
	    { HEX(module, id), STR(module, buildid), STR(module, path) }, NULL },
	[REC_MAP] = { "map",
	    { NUM(map, time), NUM(map, pid), HEX(map, start), HEX(map, end),
	        HEX(map, offset), HEX(map, module) }, NULL },
	[REC_FRAME] = { "frame",
	    { HEX(frame, id), STR(frame, function), STR(frame, file),
	        NUM0(frame, line), LATE(frame, class),
	        LATE_NUM0(frame, column), LATE(frame, crate), LATE(frame, version),
	        LATE(frame, folded) }, NULL },
	[REC_STACK] = { "stack",
	    { HEX(stack, id), REF(stack, caller), HEX0(stack, module),
	        HEX(stack, offset), HEX0(stack, frame), NUM(stack, inlined) }, NULL },
	[REC_CPU] = { "cpu",
	    { NUM(cpu, time), NUM(cpu, pid), NUM(cpu, tid), REF(cpu, stack),
	        NUM(cpu, ns) }, NULL },
	[REC_OFF] = { "off",
	    { NUM(off, time), NUM(off, pid), NUM(off, tid), REF(off, stack),
	        NUM(off, ns), NUM(off, count), WORD(off, state) }, NULL },
	[REC_STATE] = { "state",
	    { NUM(state, time), NUM(state, pid), NUM(state, tid),
	        WORD(state, state), REF(state, stack) }, NULL },
	[REC_PROBE] = { "probe",
	    { NUM(probe, time), NUM(probe, pid), WORD(probe, layer),
	        STR(probe, function), HEX0(probe, module), HEX(probe, offset),
	        WORD(probe, how) }, NULL },
	[REC_HEAP] = { "heap",
	    { NUM(heap, time), NUM(heap, pid), NUM(heap, tid), REF(heap, stack),
	        { K_KEYS, 0, 0, 0 } }, heap_keys },
	[REC_AGE] = { "age",
	    { NUM(age, time), NUM(age, pid), NUM(age, tid), REF(age, stack),
	        NUM(age, born), NUM(age, bytes), NUM(age, count) }, NULL },
	[REC_MEMORY] = { "memory",
	    { NUM(memory, time), NUM(memory, pid), { K_KEYS, 0, 0, 0 } },
	    memory_keys },
	[REC_LOST] = { "lost",
	    { NUM(lost, time), WORD(lost, producer), NUM(lost, count),
	        WORD(lost, reason) }, NULL },
	[REC_COST] = { "cost",
	    { NUM(cost, time), WORD(cost, producer), NUM(cost, ns),
	        NUM(cost, bytes) }, NULL },
	[REC_NOTE] = { "note",
	    { NUM(note, time), WORD(note, producer), STR(note, text) }, NULL },
	[REC_END] = { "end",
	    { NUM(end, time), WORD(end, producer), WORD(end, reason) }, NULL },
};

/* Returns the type of a record by its name, or REC_OTHER. */
static enum rec_type
find_form(const char *name)
{
	for (enum rec_type t = REC_RSPROF; t < REC_NTYPES; t++)
		if (strcmp(form[t].name, name) == 0)
			return t;
	return REC_OTHER;
}

/* The time is the first member of each record that has one. */
uint64_t
rec_time(const struct rec *r)
{
	switch (r->type) {
	case REC_OTHER:
	case REC_RSPROF:
	case REC_MODULE:
	case REC_FRAME:
	case REC_STACK:
	case REC_NTYPES: return 0;
	default: return r->cpu.time;
	}
}

const char *
rec_attr(const struct rec_rsprof *r, const char *key)
{
	size_t len = strlen(key);

	for (size_t i = 0; i < r->nattr; i++)
		if (strncmp(r->attr[i], key, len) == 0 && r->attr[i][len] == '=')
			return r->attr[i] + len + 1;
	return NULL;
}

uint64_t
rec_attr_number(const struct rec_rsprof *r, const char *key)
{
	const char *value = rec_attr(r, key);

	return value ? strtoull(value, NULL, 10) : 0;
}

/* ---- parsing one line -------------------------------------------------- */

/* Returns whether a field is "-". */
static int
is_none(const char *s)
{
	return s[0] == '-' && s[1] == '\0';
}

/* Parse a string of nothing but digits; base is 10 or 16.  Returns 0 or -1. */
static int
parse_number(const char *s, unsigned base, uint64_t *out)
{
	uint64_t v = 0;

	if (*s == '\0')
		return -1;
	for (; *s; s++) {
		unsigned d;

		if (*s >= '0' && *s <= '9')
			d = (unsigned)(*s - '0');
		else if (base == 16 && *s >= 'a' && *s <= 'f')
			d = (unsigned)(*s - 'a') + 10;
		else
			return -1;
		if (v > (UINT64_MAX - d) / base)
			return -1;
		v = v * base + d;
	}
	*out = v;
	return 0;
}

/* Replace the escapes \t, \n, \\ and \- in place.  Returns -1 for any other. */
static int
unescape(char *s)
{
	char *to = s;

	for (; *s; s++) {
		if (*s != '\\') {
			*to++ = *s;
			continue;
		}
		switch (*++s) {
		case 't': *to++ = '\t'; break;
		case 'n': *to++ = '\n'; break;
		case '\\': *to++ = '\\'; break;
		case '-': *to++ = '-'; break;
		default: return -1;
		}
	}
	*to = '\0';
	return 0;
}

/* Parse a reference to a stack.  Returns NULL, or what is wrong. */
static const char *
parse_ref(char *s, struct rec_ref *ref)
{
	ref->id = 0;
	ref->cut = NULL;
	if (is_none(s))
		return NULL;
	if (*s == '?') {
		ref->cut = s + 1;
		return s[1] ? NULL : "reason is missing";
	}
	if (parse_number(s, 16, &ref->id) < 0 || ref->id == 0)
		return "bad id";
	return NULL;
}

/* Parse a field into the record.  Returns NULL, or what is wrong. */
static const char *
parse_field(const struct field *f, char *s, struct rec *r)
{
	void *at = (char *)r + f->offset;

	if (f->kind == K_REF)
		return parse_ref(s, at);
	if (f->kind == K_STR)
		*(const char **)at = NULL;
	else
		*(uint64_t *)at = 0;
	if (*s == '\0')
		return "empty field";
	if (is_none(s))
		return f->must ? "missing value" : NULL;
	switch (f->kind) {
	case K_NUM:
		return parse_number(s, 10, at) < 0 ? "bad number" : NULL;
	case K_HEX:
		return parse_number(s, 16, at) < 0 ? "bad hexadecimal number" : NULL;
	default:
		*(const char **)at = s;
		return unescape(s) < 0 ? "bad escape" : NULL;
	}
}

/* Cut off the first field of *s.  Returns it, or NULL at the end of the line. */
static char *
next_field(char **s)
{
	char *field = *s, *tab;

	if (field == NULL)
		return NULL;
	tab = strchr(field, '\t');
	if (tab)
		*tab++ = '\0';
	*s = tab;
	return field;
}

/* Parse the attributes of a rsprof record; those beyond REC_ATTR_MAX are dropped. */
static const char *
parse_attrs(char *rest, struct rec_rsprof *r)
{
	char *s;

	r->nattr = 0;
	while ((s = next_field(&rest))) {
		if (strchr(s, '=') == NULL)
			return "attribute without =";
		if (unescape(s) < 0)
			return "bad escape";
		if (r->nattr < REC_ATTR_MAX)
			r->attr[r->nattr++] = s;
	}
	return NULL;
}

/* Parse "bucket:number,..." into an array of REC_BUCKETS. */
static const char *
parse_buckets(char *s, uint64_t *to)
{
	char *next, *colon;
	uint64_t bucket, n;

	for (; s; s = next) {
		next = strchr(s, ',');
		if (next)
			*next++ = '\0';
		colon = strchr(s, ':');
		if (colon == NULL)
			return "bad histogram";
		*colon++ = '\0';
		if (parse_number(s, 10, &bucket) < 0 || bucket >= REC_BUCKETS ||
		    parse_number(colon, 10, &n) < 0)
			return "bad histogram";
		to[bucket] = n;
	}
	return NULL;
}

/* Parse a key=value field; an unknown key is ignored. */
static const char *
parse_key(const struct key *key, char *s, struct rec *r)
{
	size_t len;

	for (; key->name; key++) {
		uint64_t *to = (uint64_t *)(void *)((char *)r + key->offset);

		len = strlen(key->name);
		if (strncmp(s, key->name, len) != 0 || s[len] != '=')
			continue;
		if (key->buckets)
			return parse_buckets(s + len + 1, to);
		return parse_number(s + len + 1, 10, to) < 0 ? "bad number" : NULL;
	}
	return strchr(s, '=') ? NULL : "key without =";
}

static const char *
parse_keys(const struct key *key, char *rest, struct rec *r)
{
	const char *why = NULL;
	char *s;

	while (why == NULL && (s = next_field(&rest)))
		why = parse_key(key, s, r);
	return why;
}

/* Check what the kinds of a record's fields do not express. */
static const char *
check_values(const struct rec *r)
{
	uint64_t n;

	switch (r->type) {
	case REC_RSPROF:
		for (int i = 0; i < 2; i++) {
			const char *s = rec_attr(&r->rsprof, i ? "wall" : "mono");

			if (s == NULL || parse_number(s, 10, &n) < 0)
				return "header without mono= and wall=";
		}
		return NULL;
	case REC_MODULE:
		return r->module.id ? NULL : "bad id";
	case REC_FRAME:
		return r->frame.id ? NULL : "bad id";
	case REC_STACK:
		if (r->stack.inlined > 1)
			return "inlined is neither 0 nor 1";
		return r->stack.id ? NULL : "bad id";
	case REC_MAP:
		return r->map.start < r->map.end ? NULL : "bad range";
	default:
		return NULL;
	}
}

/* Parse a line in place, which cuts it up.  Returns NULL, or what is wrong. */
static const char *
parse(char *line, struct rec *r)
{
	char *rest = line;
	const char *name = next_field(&rest), *why;

	if (*name == '\0')
		return "no record type";
	r->type = find_form(name);
	for (const struct field *f = form[r->type].field; f->kind != K_END; f++) {
		char *s;

		if (f->kind == K_ATTRS) {
			why = parse_attrs(rest, &r->rsprof);
			if (why)
				return why;
			break;
		}
		if (f->kind == K_KEYS) {
			why = parse_keys(form[r->type].key, rest, r);
			if (why)
				return why;
			break;
		}
		s = next_field(&rest);
		if (s == NULL && f->late)
			break;
		if (s == NULL)
			return "too few fields";
		why = parse_field(f, s, r);
		if (why)
			return why;
		/* A later version may have any fields after this one. */
		if (r->type == REC_RSPROF && r->rsprof.version > REC_VERSION)
			return NULL;
	}
	return check_values(r);
}

/* ---- the reader -------------------------------------------------------- */

struct rec_reader {
	struct rec_sink sink;
	const char *error;
	unsigned long line;
	int stopped, begun; /* begun: there was a rsprof record */
	int overlong;       /* the current line does not fit raw */
	size_t used;
	char raw[REC_LINE_MAX], cut[REC_LINE_MAX]; /* the line, and its fields */
};

struct rec_reader *
rec_reader_new(const struct rec_sink *sink)
{
	struct rec_reader *r = calloc(1, sizeof *r);

	if (r)
		r->sink = *sink;
	return r;
}

void
rec_reader_free(struct rec_reader *r)
{
	free(r);
}

const char *
rec_reader_error(const struct rec_reader *r)
{
	return r->error;
}

unsigned long
rec_reader_line(const struct rec_reader *r)
{
	return r->line;
}

/* Stop for good.  Returns -1. */
static int
stop(struct rec_reader *r, const char *error)
{
	r->stopped = 1;
	r->error = error;
	return -1;
}

/* Report a bad line and go on, or stop where no stream has begun. */
static int
skip_line(struct rec_reader *r, const char *why)
{
	if (!r->begun)
		return stop(r, "not a record stream of rsprof");
	r->sink.bad(r->sink.ctx, r->line, why);
	return 0;
}

/* Handle the line in raw[0..used), which has no LF. */
static int
read_line(struct rec_reader *r)
{
	static const struct rec none;
	struct rec rec = none;
	const char *why;

	r->line++;
	if (r->overlong) {
		r->overlong = 0;
		return skip_line(r, "line too long");
	}
	if (memchr(r->raw, '\0', r->used))
		return skip_line(r, "NUL byte");
	r->raw[r->used] = '\0';
	memcpy(r->cut, r->raw, r->used + 1);
	why = parse(r->cut, &rec);
	if (why)
		return skip_line(r, why);
	if (rec.type == REC_RSPROF) {
		if (rec.rsprof.version > REC_VERSION)
			return stop(r, "stream of a newer rsprof: "
			               "this one reads format version 1");
		r->begun = 1;
	}
	if (!r->begun)
		return stop(r, "not a record stream of rsprof");
	rec.line = r->raw;
	rec.len = r->used;
	return r->sink.record(r->sink.ctx, &rec) ? stop(r, NULL) : 0;
}

int
rec_push(struct rec_reader *r, const char *bytes, size_t len)
{
	while (len > 0 && !r->stopped) {
		const char *lf = memchr(bytes, '\n', len);
		size_t n = lf ? (size_t)(lf - bytes) : len;

		/* One byte stays free for the NUL. */
		if (r->used + n > sizeof r->raw - 1) {
			r->overlong = 1;
			r->used = 0;
		} else if (!r->overlong) {
			memcpy(r->raw + r->used, bytes, n);
			r->used += n;
		}
		if (lf) {
			read_line(r);
			r->used = 0;
			n++;
		}
		bytes += n;
		len -= n;
	}
	return r->stopped ? -1 : 0;
}

int
rec_push_end(struct rec_reader *r)
{
	if (r->stopped)
		return -1;
	if (r->used || r->overlong) {
		r->line++;
		r->used = 0;
		if (skip_line(r, "truncated line") < 0)
			return -1;
	}
	return r->begun ? 0 : stop(r, "empty stream");
}

/* ---- printing ---------------------------------------------------------- */

struct text {
	char *buf;
	size_t size, used; /* used exceeds size where the text does not fit */
	size_t max;        /* bytes of an escaped string before it is cut */
};

static void
put(struct text *t, const char *s, size_t len)
{
	if (t->used + len <= t->size)
		memcpy(t->buf + t->used, s, len);
	t->used += len;
}

static void
put_number(struct text *t, uint64_t v, unsigned base)
{
	char digits[20], *p = digits + sizeof digits;

	do {
		*--p = "0123456789abcdef"[v % base];
		v /= base;
	} while (v);
	put(t, p, (size_t)(digits + sizeof digits - p));
}

/* Put a string with escapes, cut to t->max bytes. */
static void
put_string(struct text *t, const char *s)
{
	size_t begin = t->used;

	if (is_none(s)) {
		put(t, "\\-", 2);
		return;
	}
	for (; *s; s++) {
		const char *two = *s == '\t' ? "\\t" : *s == '\n' ? "\\n" : "\\\\";
		size_t len = *s == '\t' || *s == '\n' || *s == '\\' ? 2 : 1;

		/* Room for "...", unless this is the end. */
		if (t->used - begin + len + 3 > t->max && strlen(s) > 3) {
			while (t->used > begin && (*s & 0xc0) == 0x80) {
				s--; /* back to the start of a UTF-8 character */
				t->used--;
			}
			put(t, "...", 3);
			return;
		}
		put(t, len == 2 ? two : s, len);
	}
}

static void
put_ref(struct text *t, const struct rec_ref *ref)
{
	if (ref->cut) {
		put(t, "?", 1);
		put(t, ref->cut, strlen(ref->cut));
	} else if (ref->id) {
		put_number(t, ref->id, 16);
	} else {
		put(t, "-", 1);
	}
}

static void
put_field(struct text *t, const struct field *f, const struct rec *r)
{
	const void *at = (const char *)r + f->offset;
	const char *s;

	switch (f->kind) {
	case K_REF:
		put_ref(t, at);
		return;
	case K_STR:
		s = *(const char *const *)at;
		if (s && *s)
			put_string(t, s);
		else
			put(t, "-", 1);
		return;
	default:
		if (*(const uint64_t *)at == 0 && !f->must)
			put(t, "-", 1);
		else
			put_number(t, *(const uint64_t *)at,
			    f->kind == K_HEX ? 16 : 10);
	}
}

static void
put_buckets(struct text *t, const uint64_t *bucket)
{
	const char *between = "";

	for (unsigned i = 0; i < REC_BUCKETS; i++) {
		if (bucket[i] == 0)
			continue;
		put(t, between, strlen(between));
		put_number(t, i, 10);
		put(t, ":", 1);
		put_number(t, bucket[i], 10);
		between = ",";
	}
}

/* Returns whether any of `of` numbers is not 0. */
static int
any_nonzero(const uint64_t *n, size_t of)
{
	for (size_t i = 0; i < of; i++)
		if (n[i])
			return 1;
	return 0;
}

/* Put the key=value fields that are not 0. */
static void
put_keys(struct text *t, const struct key *key, const struct rec *r)
{
	for (; key->name; key++) {
		const uint64_t *n =
		    (const uint64_t *)(const void *)((const char *)r + key->offset);

		if (!any_nonzero(n, key->buckets ? REC_BUCKETS : 1))
			continue;
		put(t, "\t", 1);
		put(t, key->name, strlen(key->name));
		put(t, "=", 1);
		if (key->buckets)
			put_buckets(t, n);
		else
			put_number(t, *n, 10);
	}
}

/* Returns whether any of the late fields has a value. */
static int
has_late(const struct field *f, const struct rec *r)
{
	for (; f->kind != K_END; f++) {
		const void *at = (const char *)r + f->offset;

		if (f->late && (f->kind == K_STR ? *(const char *const *)at != NULL
		                                 : *(const uint64_t *)at != 0))
			return 1;
	}
	return 0;
}

/* Print a record whose strings are cut to max bytes.  Returns the length of the line, which may
 * exceed size. */
static size_t
print_cut(char *buf, size_t size, size_t max, const struct rec *r)
{
	struct text t = { buf, size, 0, max };
	const struct form *m = &form[r->type];
	int late = has_late(m->field, r);

	if (r->type == REC_OTHER) {
		put(&t, r->line, r->len);
	} else {
		put(&t, m->name, strlen(m->name));
		for (const struct field *f = m->field;
		     f->kind != K_END && f->kind != K_ATTRS &&
		     f->kind != K_KEYS; f++) {
			if (f->late && !late)
				break;
			put(&t, "\t", 1);
			put_field(&t, f, r);
		}
		if (m->key)
			put_keys(&t, m->key, r);
	}
	if (r->type == REC_RSPROF)
		for (size_t i = 0; i < r->rsprof.nattr; i++) {
			put(&t, "\t", 1);
			put_string(&t, r->rsprof.attr[i]);
		}
	put(&t, "\n", 1);
	return t.used;
}

const char *
rec_histogram(char buf[REC_HISTOGRAM_MAX], const uint64_t *bucket)
{
	struct text t = { buf, REC_HISTOGRAM_MAX - 1, 0, SIZE_MAX };

	put_buckets(&t, bucket);
	buf[t.used] = '\0';
	return t.used ? buf : NULL;
}

size_t
rec_length(const struct rec *r)
{
	return print_cut(NULL, 0, SIZE_MAX, r);
}

size_t
rec_print(char *buf, size_t size, const struct rec *r)
{
	size_t n = print_cut(buf, size, SIZE_MAX, r);

	for (size_t max = size; n > size && max >= 16; max /= 2)
		n = print_cut(buf, size, max, r);
	return n <= size ? n : 0;
}
