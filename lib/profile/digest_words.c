#include "profile/digest_words.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/arg.h"
#include "profile/digest.h"
#include "profile/profile.h"
#include "record/db.h"

/* A line that is made piece by piece; what does not fit is dropped. */
struct line {
	char *buf;
	size_t size, n;
};

static void say(struct line *l, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void
say(struct line *l, const char *format, ...)
{
	va_list ap;
	int n;

	va_start(ap, format);
	n = vsnprintf(l->buf + l->n, l->size - l->n, format, ap);
	va_end(ap);
	l->n += n < 0 ? 0 : (size_t)n;
	if (l->n >= l->size)
		l->n = l->size - 1;
}

static const char *
size(char buf[UNITS_MAX], uint64_t bytes)
{
	const char *s = units_size(buf, bytes);

	return s + strspn(s, " ");
}

const char *
digest_change(char buf[UNITS_MAX], int64_t bytes)
{
	return bytes < 0 ? units_change(buf, (uint64_t)-bytes, 0) :
	                   units_change(buf, 0, (uint64_t)bytes);
}

void
digest_process_words(char *buf, size_t bytes, const struct digest *d)
{
	struct line l = { buf, bytes, 0 };
	const char *s = db_meta(d->db, "name");

	say(&l, "%s", s ? s : "unknown process");
	if ((s = db_meta(d->db, "pid")))
		say(&l, " (pid %s)", s);
	if ((s = db_meta(d->db, "command")))
		say(&l, ": %s", s);
}

/* Returns when the recording began, in seconds since the Epoch; 0: unknown. */
static time_t
began(const struct digest *d, uint64_t first)
{
	const char *s = db_meta(d->db, "start");
	uint64_t start = 0;

	if (s == NULL || arg_number(s, 0, UINT64_MAX - first, &start) < 0 || start == 0)
		return 0;
	return (time_t)((start + first) / 1000000000);
}

void
digest_recorded_words(char *buf, size_t bytes, const struct digest *d)
{
	const struct profile_summary *t = d->time ? profile_summary(d->time) : NULL;
	const struct inuse_summary *m = d->memory ? inuse_summary(d->memory) : NULL;
	uint64_t first = t ? t->first : m ? m->first : 0;
	uint64_t ns = t ? t->recorded : m && m->last > m->first ? m->last - m->first : 0;
	struct line l = { buf, bytes, 0 };
	time_t at = began(d, first);
	char when[64];
	const char *s;
	struct tm tm;

	say(&l, "Recorded for %.3f s", (double)ns / 1e9);
	if (t && (s = db_meta(d->db, "hz")))
		say(&l, " at %s Hz", s);
	if ((s = db_meta(d->db, "host")))
		say(&l, " on %s", s);
	if (at && localtime_r(&at, &tm) && strftime(when, sizeof when, "%Y-%m-%d %H:%M:%S %z", &tm))
		say(&l, ", from %s", when);
	if (t && t->live)
		say(&l, ", still recording");
}

void
digest_time_words(char *buf, size_t bytes, const struct digest *d)
{
	const struct profile_summary *t = profile_summary(d->time);
	struct line l = { buf, bytes, 0 };

	say(&l, "CPU %.3f s", (double)t->in[PROFILE_ON] / 1e9);
	if (t->recorded)
		say(&l, " (%.2f cores)", (double)t->in[PROFILE_ON] / (double)t->recorded);
	say(&l, ", %" PRIu64 " samples, %.1f %% of stacks complete", t->samples,
	    units_percent(t->complete, t->samples));
	if (t->lost)
		say(&l, ", %" PRIu64 " lost", t->lost);
	else
		say(&l, ", nothing lost");
	if (t->recorded)
		say(&l, "; cost %.1f %% of a core", units_percent(t->cost_ns, t->recorded));
	if (t->probes_ns && t->in[PROFILE_ON])
		say(&l, ", probes %.1f %%", units_percent(t->probes_ns, t->in[PROFILE_ON]));
}

/* Say how the heap was seen. */
static void
say_how(struct line *l, const struct inuse_summary *m)
{
	char a[UNITS_MAX];

	if (m->growth)
		say(l, "; by page faults");
	if (!m->found && !m->growth)
		say(l, "; no function that allocates was found");
	else if (m->sample)
		say(l, "; estimates, one in %s sampled", size(a, m->sample));
	else if (m->estimated)
		say(l, "; estimates");
	else if (!m->growth)
		say(l, inuse_is_exact(m) ? "; exact"
		        : m->lost        ? "; but for what was lost"
		                         : "; exact, of what is probed");
}

void
digest_memory_words(char *buf, size_t bytes, const struct digest *d)
{
	const struct inuse_summary *m = inuse_summary(d->memory);
	struct inuse_range live = inuse_live_range(&m->all), all = inuse_bytes_range(&m->all);
	struct line l = { buf, bytes, 0 };
	char a[UNITS_MAX], b[UNITS_MAX];

	if (live.known)
		say(&l, "Heap %s live in %" PRIu64 "%s", size(a, m->all.live), m->all.count,
		    m->growth ? " pages" : "");
	else
		say(&l, "Heap %s to %s live", size(a, live.least), size(b, live.most));
	say(&l, ", peak %s", size(a, m->all.peak));
	if (m->rss)
		say(&l, ", resident %s", size(a, m->rss));
	if (all.known)
		say(&l, "; %s allocated in %" PRIu64 ", %.1f %% of them temporary",
		    size(a, m->all.bytes), m->all.allocs, units_percent(m->all.temps, m->all.allocs));
	say_how(&l, m);
}
