#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/arg.h"
#include "base/units.h"
#include "profile/digest.h"
#include "profile/digest_report.h"
#include "profile/digest_words.h"
#include "profile/profile.h"
#include "profile/recording.h"
#include "record/db.h"
#include "symbol/shorten.h"

#define NAME_SIZE 8192
#define WARNINGS 3
#define WAITS 3
#define NEXT 3
#define CALLER 28 /* columns of a caller's name */
#define INDENT 8  /* of what is said under a row */

#define TIME_FIGURES 16 /* columns before a name */
#define MEMORY_FIGURES 26
#define WAIT_FIGURES 19

/* How the lines are divided. */
struct layout {
	size_t columns;
	size_t stacks;   /* rows of time that have a line for their stack */
	size_t place;    /* the column at which all locations begin */
	size_t location; /* columns of the longest location */
};

static void
put_cut(FILE *out, const char *s, size_t width)
{
	char buf[NAME_SIZE];

	shorten_text(buf, sizeof buf, s, width);
	fputs(buf, out);
}

/* ---- what was recorded ------------------------------------------------- */

static void
put_head(FILE *out, const struct digest *d, size_t columns)
{
	char line[NAME_SIZE];

	digest_process_words(line, sizeof line, d);
	put_cut(out, line, columns);
	putc('\n', out);
	digest_recorded_words(line, sizeof line, d);
	put_cut(out, line, columns);
	putc('\n', out);
	if (d->time) {
		digest_time_words(line, sizeof line, d);
		put_cut(out, line, columns);
		putc('\n', out);
	}
	if (d->memory) {
		digest_memory_words(line, sizeof line, d);
		put_cut(out, line, columns);
		putc('\n', out);
	}
}

static void
put_warnings(FILE *out, const struct digest *d, size_t columns)
{
	char line[NAME_SIZE];

	for (size_t i = 0; i < d->nwarnings && i < WARNINGS; i++) {
		snprintf(line, sizeof line, "Warning: %s: %s", d->warning[i].what, d->warning[i].how);
		put_cut(out, line, columns);
		putc('\n', out);
	}
}

/* ---- rows -------------------------------------------------------------- */

/* Write where a function is into buf, which is empty if its name says that. */
static void
locate(char *buf, size_t size, const char *name, const char *file, uint64_t line,
    const char *module)
{
	if (file && line)
		snprintf(buf, size, "%s:%" PRIu64, file, line);
	else
		snprintf(buf, size, "%s", file ? file : module ? module : "");
	/* A function without a name is called after its file. */
	if (file == NULL && name && strstr(name, "+0x"))
		*buf = '\0';
}

/* Print a name, which begins after so many columns, and a location. */
static void
put_place(FILE *out, const struct layout *l, size_t figures, const char *name, const char *file,
    uint64_t line, const char *module)
{
	char buf[NAME_SIZE], place[NAME_SIZE];
	size_t used;

	locate(place, sizeof place, name, file, line, module);
	used = shorten_function(buf, sizeof buf, name ? name : "?", l->place - figures - 2);
	fputs(buf, out);
	if (*place) {
		shorten_source(buf, sizeof buf, place, l->columns - l->place);
		fprintf(out, "%*s%s", (int)(l->place - figures - used), "", buf);
	}
	putc('\n', out);
}

/* Print the callers of a row, as many as there is room for. */
static void
put_stack(FILE *out, const struct digest_stack *s, size_t columns)
{
	size_t at = INDENT + 3;
	char buf[NAME_SIZE];

	fprintf(out, "%*sby", INDENT, "");
	for (size_t i = 0; i < s->n; i++) {
		size_t used = shorten_function(buf, sizeof buf, s->caller[i] ? s->caller[i] : "?",
		    CALLER);

		if (at + used + 6 > columns && i) {
			fputs(" < ..", out);
			break;
		}
		fprintf(out, "%s%s", i ? " < " : " ", buf);
		at += used + 3;
	}
	putc('\n', out);
}

/* Print what stands beside functions, if there is anything to see. */
static void
put_aside(FILE *out, const struct digest *d, uint64_t all)
{
	int some = 0;

	for (size_t i = 0; i < d->naside; i++) {
		double share = units_percent(d->aside[i].self, all);

		if (share < 0.05)
			continue;
		fprintf(out, "%s%.1f %% %s", some ? ", " : "beside them ", share, d->aside[i].name);
		some = 1;
	}
	if (some)
		putc('\n', out);
}

static void
put_hot(FILE *out, const struct digest *d, const struct layout *l)
{
	uint64_t all = profile_summary(d->time)->ns;

	if (d->nhot == 0)
		return;
	fputs(recording_has_own(d->of_time) ?
	        "\nCPU time: the hottest functions, with the runtime code that works for them\n" :
	        "\nCPU time: the hottest functions, of all code: none is known to be the program's own\n",
	    out);
	fputs(" Self%  Total%  Function\n", out);
	for (size_t i = 0; i < d->nhot; i++) {
		const struct digest_time *t = &d->hot[i];

		fprintf(out, "%6.1f  %6.1f  ", units_percent(t->self, all),
		    units_percent(t->total, all));
		put_place(out, l, TIME_FIGURES, t->name, t->file, t->line, t->module);
		if (i < l->stacks && t->stack.n)
			put_stack(out, &t->stack, l->columns);
	}
	put_aside(out, d, all);
}

static void
put_holds(FILE *out, const struct digest *d, const struct layout *l)
{
	char a[UNITS_MAX], b[UNITS_MAX];

	if (d->nholds == 0)
		return;
	fputs("\nMemory: who holds most; grown: since the first quarter of the time\n", out);
	fputs("  Live   Grown     Count  Function\n", out);
	for (size_t i = 0; i < d->nholds; i++) {
		const struct digest_memory *m = &d->holds[i];
		struct inuse_range range = inuse_live_range(&m->self);

		fprintf(out, "%6s  %6s  %8" PRIu64 "  ",
		    range.known ? units_size(a, m->self.live) : "?",
		    m->grown_known ? digest_change(b, m->grown) : "?", m->self.count);
		put_place(out, l, MEMORY_FIGURES, m->name, m->file, m->line, m->module);
	}
}

static void
put_allocates(FILE *out, const struct digest *d, const struct layout *l)
{
	char a[UNITS_MAX];

	if (d->nallocates == 0)
		return;
	fputs("\nMemory: who allocates most; temp: freed with no allocation in between\n", out);
	fputs(" Alloc     Allocs  Temp%  Function\n", out);
	for (size_t i = 0; i < d->nallocates; i++) {
		const struct digest_memory *m = &d->allocates[i];
		struct inuse_range range = inuse_bytes_range(&m->self);

		fprintf(out, "%6s  %9" PRIu64 "  %5.1f  ",
		    range.known ? units_size(a, m->self.bytes) : "?", m->self.allocs,
		    units_percent(m->self.temps, m->self.allocs));
		put_place(out, l, MEMORY_FIGURES, m->name, m->file, m->line, m->module);
	}
}

static void
put_waits(FILE *out, const struct digest *d, const struct layout *l)
{
	if (d->nwaits == 0)
		return;
	fprintf(out, "\nWaiting: %.3f s of all threads in %" PRIu64 " waits\n",
	    (double)d->off_ns / 1e9, d->waited);
	for (size_t i = 0; i < d->nwaits && i < WAITS; i++) {
		const struct digest_time *t = &d->waits[i];

		fprintf(out, "%6.1f  %8.3fs  ", units_percent(t->self, d->off_ns),
		    (double)t->self / 1e9);
		put_place(out, l, WAIT_FIGURES, t->name, t->file, t->line, t->module);
	}
}

static void
put_next(FILE *out, const struct digest *d)
{
	size_t width = 0, n = d->nnext < NEXT ? d->nnext : NEXT, len;

	for (size_t i = 0; i < n; i++)
		if ((len = strlen(d->next[i].how)) > width && len < 60)
			width = len;
	if (n)
		fputs("\nNext\n", out);
	for (size_t i = 0; i < n; i++) {
		fputs("  ", out);
		put_cut(out, d->next[i].how, SIZE_MAX);
		len = strlen(d->next[i].how);
		fprintf(out, "%*s  # %s\n", (int)(width > len ? width - len : 0), "",
		    d->next[i].what);
	}
}

/* ---- the lines --------------------------------------------------------- */

static size_t
at_most(size_t n, size_t most)
{
	return n < most ? n : most;
}

/* Returns the lines of a list with a blank one, and `titles` of them, before it. */
static size_t
list_lines(size_t n, size_t titles)
{
	return n ? n + titles + 1 : 0;
}

/* Make room for a name that begins after so many columns, and for a location. */
static void
widen(struct layout *l, size_t figures, const char *name, const char *file, uint64_t line,
    const char *module)
{
	size_t need = figures + 2 + shorten_columns(name ? name : "?"), location;
	char buf[NAME_SIZE], place[NAME_SIZE];

	locate(place, sizeof place, name, file, line, module);
	location = shorten_source(buf, sizeof buf, place, l->columns * 2 / 5);
	if (need > l->place)
		l->place = need;
	if (location > l->location)
		l->location = location;
}

/* Choose where locations begin: after the longest name, or else so that those are left room for
 * that need two fifths at most. */
static void
place_names(struct layout *l, const struct digest *d)
{
	size_t least = MEMORY_FIGURES + 10, most;

	l->place = least;
	l->location = 0;
	for (const struct digest_time *t = d->hot; t < d->hot + d->nhot; t++)
		widen(l, TIME_FIGURES, t->name, t->file, t->line, t->module);
	for (const struct digest_memory *m = d->holds; m < d->holds + d->nholds; m++)
		widen(l, MEMORY_FIGURES, m->name, m->file, m->line, m->module);
	for (const struct digest_memory *m = d->allocates; m < d->allocates + d->nallocates; m++)
		widen(l, MEMORY_FIGURES, m->name, m->file, m->line, m->module);
	for (size_t i = 0; i < d->nwaits && i < WAITS; i++)
		widen(l, WAIT_FIGURES, d->waits[i].name, d->waits[i].file, d->waits[i].line,
		    d->waits[i].module);
	most = l->columns - l->location;
	if (l->place > most)
		l->place = most > least ? most : least;
}

/* Choose how many stacks are told: what the other lines leave. */
static void
lay_out(struct layout *l, const struct digest *d, size_t columns)
{
	size_t used = 2 + (d->time != NULL) + (d->memory != NULL) +
	    at_most(d->nwarnings, WARNINGS) + list_lines(d->nhot, 2) + (d->naside != 0) +
	    list_lines(d->nholds, 2) + list_lines(d->nallocates, 2) +
	    list_lines(at_most(d->nwaits, WAITS), 1) + list_lines(at_most(d->nnext, NEXT), 1);

	l->columns = columns;
	l->stacks = used < DIGEST_LINES ? DIGEST_LINES - used : 0;
}

void
digest_text(FILE *out, const struct digest *d, size_t columns)
{
	struct layout l;

	lay_out(&l, d, columns);
	place_names(&l, d);
	put_head(out, d, columns);
	put_warnings(out, d, columns);
	if (d->time)
		put_hot(out, d, &l);
	put_holds(out, d, &l);
	put_allocates(out, d, &l);
	put_waits(out, d, &l);
	put_next(out, d);
}
