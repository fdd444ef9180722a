#include "profile/digest_advice.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/units.h"
#include "profile/digest.h"
#include "profile/profile.h"
#include "record/db.h"

#define COMPLETE_LEAST 0.95
#define LOST_MOST 0.001
#define PROBES_MOST 0.10
#define SAMPLES_LEAST 200
#define WITHOUT_MOST 0.5
#define IDLE 0.5 /* CPUs on average below which a process waits rather than works */

/* Add a warning, formatted, and what to do. */
static void warn_of(struct digest *d, const char *how, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void
warn_of(struct digest *d, const char *how, const char *format, ...)
{
	struct digest_advice *a = &d->warning[d->nwarnings];
	va_list ap;

	if (d->nwarnings == DIGEST_ADVICE)
		return;
	va_start(ap, format);
	vsnprintf(a->what, sizeof a->what, format, ap);
	va_end(ap);
	snprintf(a->how, sizeof a->how, "%s", how);
	d->nwarnings++;
}

/* Add a command, formatted, and what it shows, unless it is too long: a command that is cut is
 * none. */
static void suggest(struct digest *d, const char *what, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void
suggest(struct digest *d, const char *what, const char *format, ...)
{
	struct digest_advice *a = &d->next[d->nnext];
	va_list ap;
	int len;

	if (d->nnext == DIGEST_ADVICE)
		return;
	va_start(ap, format);
	len = vsnprintf(a->how, sizeof a->how, format, ap);
	va_end(ap);
	snprintf(a->what, sizeof a->what, "%s", what);
	d->nnext += len >= 0 && (size_t)len < sizeof a->how;
}

/* Quote a word for a shell into buf, if it needs that.  Returns buf, or NULL if it is too long
 * or has what cannot be shown. */
static const char *
shell_word(char *buf, size_t size, const char *s)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	                            "0123456789_@%+=:,./-";
	size_t n = 0;

	if (*s && s[strspn(s, plain)] == '\0')
		return (size_t)snprintf(buf, size, "%s", s) < size ? buf : NULL;
	buf[n++] = '\'';
	for (; *s; s++) {
		if ((unsigned char)*s < ' ' || *s == 0x7f || n + 6 > size)
			return NULL;
		n += (size_t)snprintf(buf + n, size - n, *s == '\'' ? "'\\''" : "%c", *s);
	}
	buf[n++] = '\'';
	buf[n] = '\0';
	return buf;
}

/* ---- what is wrong ----------------------------------------------------- */

static void
check_stacks(struct digest *d, const struct profile_summary *s)
{
	const struct profile_count *cut;
	size_t n;

	if (s->samples == 0 || (double)s->complete >= COMPLETE_LEAST * (double)s->samples)
		return;
	cut = profile_cuts(d->time, &n);
	warn_of(d, "rsprof doctor says why, of a process that runs",
	    "%.1f %% of the stacks are not complete, most of them %s",
	    100 - units_percent(s->complete, s->samples), n ? cut[0].reason : "unknown");
}

/* Returns the share of the listed time that is in functions without a source line, or, if
 * `names`, without a name. */
static double
without(const struct digest *d, int names)
{
	uint64_t all = 0, part = 0;

	for (size_t i = 0; i < d->nhot; i++) {
		const struct digest_time *t = &d->hot[i];

		all += t->self;
		if (names ? t->name == NULL || strstr(t->name, "+0x") : t->file == NULL)
			part += t->self;
	}
	return all ? (double)part / (double)all : 0;
}

static void
check_time(struct digest *d)
{
	const struct profile_summary *s = profile_summary(d->time);

	if (s->samples < SAMPLES_LEAST)
		warn_of(d, "record for longer, or with -F 999",
		    s->samples ? "only %" PRIu64 " samples: shares are rough" :
		                 "no samples (%" PRIu64 "): nothing ran, or nothing was let see",
		    s->samples);
	if ((double)s->lost > LOST_MOST * (double)s->samples)
		warn_of(d, "rsprof top cpu says what, and rsprof-records(5) why",
		    "%" PRIu64 " records were lost", s->lost);
	check_stacks(d, s);
	if ((double)s->probes_ns > PROBES_MOST * (double)s->in[PROFILE_ON])
		warn_of(d, "record the time alone with -C, or -B with less",
		    "the probes of the heap took %.0f %% on top of the program's time",
		    units_percent(s->probes_ns, s->in[PROFILE_ON]));
	if (without(d, 1) > WITHOUT_MOST)
		warn_of(d, "it is stripped: build without that, or install debug symbols",
		    "most of the time is in functions without names");
	else if (without(d, 0) > WITHOUT_MOST)
		warn_of(d, "build with debug = \"line-tables-only\"",
		    "most of the time is in functions without source lines");
}

static void
check_memory(struct digest *d)
{
	const struct inuse_summary *s = inuse_summary(d->memory);

	if (s->missing)
		warn_of(d, "rsprof doctor says which, of a process that runs",
		    "%" PRIu64 " functions that allocate could not be probed", s->missing);
	if (s->lost)
		warn_of(d, "figures of memory are too small; record less with -S",
		    "%" PRIu64 " records of the heap were lost", s->lost);
	if (s->windows)
		warn_of(d, "-I samples inside the process instead",
		    "the heap was probed in windows of time: live memory is known in part");
}

/* ---- what is next ------------------------------------------------------ */

static void
look_at_time(struct digest *d, const char *file)
{
	const struct profile_summary *s = profile_summary(d->time);

	char name[DIGEST_TEXT];

	if (d->nhot && d->hot[0].file && d->hot[0].name &&
	    shell_word(name, sizeof name, d->hot[0].name))
		suggest(d, "its lines, and what each takes", "rsprof top -g source -N %s cpu %s",
		    name, file);
	if (!s->off && s->recorded && (double)s->in[PROFILE_ON] < IDLE * (double)s->recorded)
		suggest(d, "it mostly waits: record what for", "rsprof attach -w PID  (or run -w CMD)");
}

void
digest_advise(struct digest *d)
{
	char file[DIGEST_TEXT];

	if (d->time)
		check_time(d);
	if (d->memory)
		check_memory(d);
	if (d->time == NULL && d->memory == NULL)
		warn_of(d, "rsprof attach PID, or rsprof run CMD", "nothing was recorded");
	if (shell_word(file, sizeof file, d->path) == NULL)
		return;
	suggest(d, "look around in it", "rsprof view %s", file);
	if (d->time)
		look_at_time(d, file);
	if (d->memory && digest_has_grown(d))
		suggest(d, "memory that has been live for long", "rsprof top -l 10s heap %s", file);
	if (d->nhot)
		suggest(d, "what calls what", "rsprof top -g tree cpu %s", file);
}
