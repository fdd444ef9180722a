#include "export/import.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/array.h"
#include "base/hash.h"
#include "base/idmap.h"
#include "stream/rec.h"
#include "symbol/category.h"
#include "symbol/demangle.h"
#include "symbol/generic.h"

/*
 * A sample of perf is a line of its thread, time and event, and one for each frame, the innermost
 * first, that begin with a TAB; an empty line ends it.  Frames are kept until then, because records
 * of stacks come from the outermost inward.  A folded stack is one line.
 */

#define FOLDED_PID 1 /* of the process that folded stacks do not name */

struct frame {
	char *text; /* function and module are parts of it */
	const char *function, *module;
	char *file;
	uint64_t offset, line;
	int inlined;
};

struct import {
	const struct import_options *o;
	const char *error;
	enum {
		UNKNOWN,
		PERF,
		FOLDED
	} kind;
	int in_sample; /* perf: frames follow */
	int skipping;  /* it is of another event */
	unsigned long others;
	char *event;
	uint64_t pid, tid, time, period, last, wall;
	struct frame *frame;
	size_t nframe, frame_room;
	struct idmap known; /* ids that have been defined */
	int begun;
};

/* ---- records ------------------------------------------------------------ */

static int
put(struct import *i, const struct rec *r)
{
	return i->o->put(i->o->ctx, r);
}

static int
no_memory(struct import *i)
{
	i->error = "out of memory";
	return -1;
}

/* Returns 1 if an id is new, 0 if it has been defined, -1 when out of memory. */
static int
is_new(struct import *i, uint64_t id)
{
	if (idmap_get(&i->known, id) != IDMAP_NONE)
		return 0;
	return idmap_put(&i->known, id, 1) < 0 ? no_memory(i) : 1;
}

/* Begin the stream with its header, when the first sample tells the unit. */
static int
begin(struct import *i, const char *unit)
{
	struct rec r = { .type = REC_RSPROF };
	char mono[40], wall[40], text[200];

	if (i->begun)
		return 0;
	i->begun = 1;
	snprintf(mono, sizeof mono, "mono=%" PRIu64, i->time);
	snprintf(wall, sizeof wall, "wall=%" PRIu64, i->wall);
	snprintf(text, sizeof text, "unit=%.150s", unit);
	r.rsprof = (struct rec_rsprof){ .version = REC_VERSION, .producer = "cpu",
		.attr = { mono, wall, text }, .nattr = 3 };
	return put(i, &r);
}

/* Define a process and a thread of it, unless that has been done. */
static int
define_thread(struct import *i, const char *name)
{
	struct rec r = { .type = REC_PROC };
	int e = is_new(i, hash_u64(HASH_INIT, i->pid));

	if (e == 1) {
		r.proc = (struct rec_proc){ .time = i->time, .pid = i->pid, .name = name,
			.cmdline = name };
		e = put(i, &r);
	}
	if (e)
		return e;
	if ((e = is_new(i, hash_u64(hash_u64(HASH_INIT, i->pid), i->tid))) != 1)
		return e;
	r = (struct rec){ .type = REC_THREAD };
	r.thread = (struct rec_thread){ i->time, i->pid, i->tid, name };
	return put(i, &r);
}

static int
define_module(struct import *i, const char *path, uint64_t *id)
{
	struct rec r = { .type = REC_MODULE };
	int e;

	*id = path ? hash_id(hash_str(hash_str(HASH_INIT, "module"), path)) : 0;
	if (*id == 0 || (e = is_new(i, *id)) == 0)
		return 0;
	r.module = (struct rec_module){ *id, NULL, path };
	return e < 0 ? e : put(i, &r);
}

static int
define_frame(struct import *i, const struct frame *f, uint64_t *id)
{
	char function[DEMANGLE_MAX], folded[DEMANGLE_MAX];
	struct rec r = { .type = REC_FRAME };
	struct category category;
	int e;

	*id = 0;
	if (f->function == NULL)
		return 0;
	*id = hash_str(hash_str(hash_str(HASH_INIT, f->function), f->file), f->module);
	*id = hash_id(hash_u64(*id, f->line));
	if ((e = is_new(i, *id)) != 1)
		return e;
	demangle(function, sizeof function, f->function);
	generic_of(folded, sizeof folded, function);
	category_of(&(struct category_frame){ function, f->file, f->module, f->line }, NULL, &category);
	r.frame = (struct rec_frame){ .id = *id, .function = function, .file = f->file,
		.line = f->line, .class = category.word,
		.crate = *category.crate ? category.crate : NULL,
		.version = *category.version ? category.version : NULL,
		.folded = strcmp(folded, function) != 0 ? folded : NULL };
	/* A longer name than the demangler's is no symbol. */
	if (strlen(f->function) >= sizeof function)
		r.frame.function = f->function;
	return put(i, &r);
}

/* Define the stack of a frame that was called from *id, which becomes its id. */
static int
define_stack(struct import *i, const struct frame *f, uint64_t *id)
{
	struct rec r = { .type = REC_STACK };
	int e;

	r.stack.caller.id = *id;
	if ((e = define_module(i, f->module, &r.stack.module)) ||
	    (e = define_frame(i, f, &r.stack.frame)))
		return e;
	r.stack.offset = f->offset;
	r.stack.inlined = f->inlined != 0;
	*id = hash_u64(hash_u64(hash_str(HASH_INIT, "stack"), *id), r.stack.frame);
	*id = hash_id(hash_u64(hash_u64(*id, r.stack.module), f->offset << 1 | r.stack.inlined));
	r.stack.id = *id;
	return (e = is_new(i, *id)) == 1 ? put(i, &r) : e;
}

static void
drop_frames(struct import *i)
{
	for (size_t n = 0; n < i->nframe; n++) {
		free(i->frame[n].text);
		free(i->frame[n].file);
	}
	i->nframe = 0;
}

/* Write the sample that has been read, with its stack. */
static int
put_sample(struct import *i)
{
	struct rec r = { .type = REC_CPU };
	uint64_t id = 0;
	int e = 0;

	for (size_t n = i->nframe; n-- > 0 && e == 0;)
		e = define_stack(i, &i->frame[n], &id);
	drop_frames(i);
	if (e)
		return e;
	r.cpu = (struct rec_cpu){ .time = i->time, .pid = i->pid, .tid = i->tid, .ns = i->period };
	r.cpu.stack.id = id;
	if (id == 0)
		r.cpu.stack.cut = "no-stack";
	if (i->time > i->last)
		i->last = i->time;
	return put(i, &r);
}

/* Add a frame that is called by the next one; the text becomes the import's. */
static int
add_frame(struct import *i, const struct frame *f)
{
	if (array_room(&i->frame, i->nframe, &i->frame_room, sizeof *f) < 0) {
		free(f->text);
		return no_memory(i);
	}
	i->frame[i->nframe++] = *f;
	return 0;
}

/* ---- perf script -------------------------------------------------------- */

/* Find the time in a line, "123.456789:" behind a blank.  Returns where it begins, or NULL. */
static char *
find_time(char *line)
{
	for (char *dot = strchr(line, '.'); dot; dot = strchr(dot + 1, '.')) {
		size_t n = strspn(dot + 1, "0123456789");
		char *begin = dot;

		while (begin > line && isdigit((unsigned char)begin[-1]))
			begin--;
		if (n >= 3 && n <= 9 && dot[1 + n] == ':' && begin < dot && begin > line &&
		    isspace((unsigned char)begin[-1]))
			return begin;
	}
	return NULL;
}

static uint64_t
parse_time(const char *s)
{
	char *end;
	uint64_t ns = strtoull(s, &end, 10) * 1000000000, unit = 100000000;

	for (end++; isdigit((unsigned char)*end) && unit; end++, unit /= 10)
		ns += (uint64_t)(*end - '0') * unit;
	return ns;
}

/* Cut off the last word of a text.  Returns it, or NULL. */
static char *
last_word(char *s)
{
	size_t n = strlen(s);

	while (n && isspace((unsigned char)s[n - 1]))
		s[--n] = '\0';
	while (n && !isspace((unsigned char)s[n - 1]))
		n--;
	if (s[n] == '\0')
		return NULL;
	if (n)
		s[n - 1] = '\0';
	return s + n;
}

/* Parse what stands before the time: a name, PID or PID/TID, and perhaps [CPU]. */
static const char *
parse_who(struct import *i, char *s)
{
	char *word = last_word(s), *end;

	if (word && *word == '[')
		word = last_word(s);
	if (word == NULL || !isdigit((unsigned char)*word))
		return NULL;
	i->pid = i->tid = strtoull(word, &end, 10);
	if (*end == '/')
		i->tid = strtoull(end + 1, &end, 10);
	if (*end || i->pid > UINT32_MAX || i->tid > UINT32_MAX)
		return NULL;
	for (end = s + strlen(s); end > s && isspace((unsigned char)end[-1]);)
		*--end = '\0';
	while (isspace((unsigned char)*s))
		s++;
	return s;
}

/* Parse a line of a frame, "\t  ADDRESS FUNCTION+0xOFFSET (MODULE)". */
static int
perf_frame(struct import *i, const char *line)
{
	struct frame f = { .text = strdup(line) };
	char *s = f.text, *end, *module;

	if (s == NULL)
		return no_memory(i);
	f.offset = strtoull(s, &end, 16);
	module = strrchr(end, '(');
	if (end == s || *end != ' ' || module == NULL || module[strlen(module) - 1] != ')') {
		free(f.text);
		i->error = "bad frame";
		return -1;
	}
	module[strlen(module) - 1] = '\0';
	f.function = end + 1;
	if (module > f.function)
		module[-1] = '\0';
	*module++ = '\0';
	f.inlined = strcmp(module, "inlined") == 0;
	if (strncmp(module, "[kernel", 7) == 0)
		f.module = "[kernel]";
	else if (strcmp(module, "[unknown]") == 0)
		f.module = "[anon]";
	else if (!f.inlined)
		f.module = module;
	if ((end = strstr(s, "+0x")) && end[3 + strspn(end + 3, "0123456789abcdef")] == '\0')
		*end = '\0';
	if (strcmp(f.function, "[unknown]") == 0)
		f.function = NULL;
	return add_frame(i, &f);
}

/* Take the source line that stands below a frame. */
static int
perf_source(struct import *i, char *line)
{
	struct frame *f = i->nframe ? &i->frame[i->nframe - 1] : NULL;
	char *colon;

	while (isspace((unsigned char)*line))
		line++;
	colon = strrchr(line, ':');
	if (f == NULL || colon == NULL || !isdigit((unsigned char)colon[1])) {
		i->error = "bad line";
		return -1;
	}
	f->line = strtoull(colon + 1, NULL, 10);
	*colon = '\0';
	free(f->file);
	f->file = strdup(line);
	return f->file ? 0 : no_memory(i);
}

/* Inlined frames of perf have no module: theirs is that of the function they are in. */
static void
complete_frames(struct import *i)
{
	for (size_t n = i->nframe; n-- > 1;)
		if (i->frame[n - 1].inlined && i->frame[n - 1].module == NULL)
			i->frame[n - 1].module = i->frame[n].module;
}

static int
end_sample(struct import *i)
{
	int skipping = i->skipping;

	if (!i->in_sample)
		return 0;
	i->in_sample = 0;
	complete_frames(i);
	if (!skipping)
		return put_sample(i);
	drop_frames(i);
	return 0;
}

/* Choose the event that is taken, and say whether this is it. */
static int
is_wanted(struct import *i, const char *event)
{
	if (i->event == NULL && (i->event = strdup(i->o->event ? i->o->event : event)) == NULL)
		return 0;
	return strcmp(i->event, event) == 0;
}

/* Returns whether the period of an event is nanoseconds. */
static int
is_clock(const char *event)
{
	return strncmp(event, "cpu-clock", 9) == 0 || strncmp(event, "task-clock", 10) == 0;
}

/* Parse the line that a sample begins with. */
static int
perf_head(struct import *i, char *line)
{
	char *time = find_time(line), *s, *event, *end;
	const char *name;
	int has_period, e;

	i->error = "not a line of perf script";
	if (time == NULL)
		return -1;
	time[-1] = '\0';
	if ((name = parse_who(i, line)) == NULL)
		return -1;
	i->time = parse_time(time);
	s = strchr(time, ':') + 1;
	s += strspn(s, " \t");
	i->period = strtoull(s, &end, 10);
	has_period = end > s && isspace((unsigned char)*end);
	if (has_period)
		s = end + strspn(end, " \t");
	event = s;
	end = event + strcspn(event, " \t");
	while (end > event && end[-1] == ':')
		*--end = '\0';
	if (*event == '\0')
		return -1;
	i->skipping = !is_wanted(i, event);
	i->others += (unsigned long)i->skipping;
	i->in_sample = 1;
	if (!has_period)
		i->period = 1;
	if (i->skipping)
		return 0;
	if ((e = begin(i, has_period && is_clock(event) ? "ns" : has_period ? event : "samples")))
		return e;
	return define_thread(i, name);
}

/* Read the time of the recording from a comment of `perf script --header`. */
static void
perf_comment(struct import *i, const char *line)
{
	const char *colon = strstr(line, "captured on") ? strchr(line, ':') : NULL;
	struct tm tm = { 0 };

	if (colon && strptime(colon + 1, " %a %b %d %H:%M:%S %Y", &tm))
		i->wall = (uint64_t)mktime(&tm) * 1000000000;
}

static int
perf_line(struct import *i, char *line)
{
	int e;

	if (*line == '\0')
		return end_sample(i);
	if (i->in_sample && *line == '\t')
		return perf_frame(i, line);
	if (i->in_sample && i->nframe && find_time(line) == NULL)
		return perf_source(i, line);
	if ((e = end_sample(i)))
		return e;
	return perf_head(i, line);
}

/* ---- folded stacks ------------------------------------------------------ */

/* Returns where the number of a folded stack begins, or NULL if the line is none. */
static char *
find_count(char *line)
{
	char *blank = strrchr(line, ' ');

	if (blank == NULL || blank == line || blank[1] == '\0' ||
	    blank[1 + strspn(blank + 1, "0123456789")] != '\0')
		return NULL;
	return blank + 1;
}

static int
folded_line(struct import *i, char *line)
{
	char *count = find_count(line), *name;
	size_t n = 0;
	int e;

	if (*line == '\0')
		return 0;
	if (count == NULL) {
		i->error = "not a folded stack";
		return -1;
	}
	count[-1] = '\0';
	i->period = strtoull(count, NULL, 10);
	i->pid = i->tid = FOLDED_PID;
	if ((e = begin(i, i->o->unit ? i->o->unit : "samples")) || (e = define_thread(i, "folded")))
		return e;
	while ((name = strsep(&line, ";"))) {
		struct frame f = { .text = strdup(name) };

		if (f.text == NULL)
			return no_memory(i);
		f.function = *f.text ? f.text : "?";
		if ((e = add_frame(i, &f)))
			return e;
	}
	/* The outermost is the first one here. */
	for (size_t last = i->nframe; n + 1 < last; n++) {
		struct frame f = i->frame[n];

		i->frame[n] = i->frame[--last];
		i->frame[last] = f;
	}
	return put_sample(i);
}

/* ---- lines -------------------------------------------------------------- */

int
import_line(struct import *i, char *line)
{
	if (*line == '#') {
		perf_comment(i, line);
		return 0;
	}
	if (i->kind == UNKNOWN && *line)
		i->kind = find_time(line) ? PERF : FOLDED;
	switch (i->kind) {
	case PERF: return perf_line(i, line);
	case FOLDED: return folded_line(i, line);
	default: return 0;
	}
}

int
import_end(struct import *i)
{
	struct rec r = { .type = REC_END };
	int e = end_sample(i);

	if (e)
		return e;
	if (!i->begun) {
		i->error = "no samples";
		return -1;
	}
	r.end = (struct rec_end){ i->last, "cpu", "done" };
	return put(i, &r);
}

const char *
import_error(const struct import *i)
{
	return i->error;
}

unsigned long
import_others(const struct import *i)
{
	return i->others;
}

/* ---- opening and closing ------------------------------------------------ */

struct import *
import_new(const struct import_options *o)
{
	struct import *i = calloc(1, sizeof *i);

	if (i)
		i->o = o;
	return i;
}

void
import_free(struct import *i)
{
	if (i == NULL)
		return;
	drop_frames(i);
	free(i->frame);
	free(i->event);
	idmap_clear(&i->known);
	free(i);
}
