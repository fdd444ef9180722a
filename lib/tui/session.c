#include "tui/session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/array.h"
#include "profile/inuse.h"
#include "profile/profile.h"
#include "profile/recording.h"
#include "record/db.h"

#define COVERED 90 /* percent of the time in which allocations are seen that is most of it */

/*
 * A session owns the database, the recording and its profile.  Memory is summed on
 * demand: memory[group] keeps the sums of each grouping with the options they were made
 * with, and is made again when the selection or collapsing has changed, updated when
 * `version` has.  `usage` has memory over time, one element per memory record, for the
 * overview.  span, focus, baseline and other are the user's choices that views share.
 */

struct session {
	char *path;
	dev_t dev;
	ino_t ino;
	struct db *db;
	struct recording *recording;
	struct profile *profile;
	enum session_state state;
	int64_t changed; /* session_clock() of the last news */
	int failed, removed;
	char *name, *pid;
	uint64_t period;
	struct session_span span;
	struct session_focus focus;
	struct session *other;
	struct profile_select baseline; /* to is 0: none */
	unsigned version; /* grows with each update that had news */
	struct session_memory *usage;
	size_t nusage, usage_room;
	uint64_t covered, hits;
	struct memory {
		struct inuse *inuse;
		unsigned version;        /* of the session when it was read */
		struct inuse_options of; /* options it was opened with */
	} memory[PROFILE_NGROUPS];
};

int64_t
session_clock(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec;
}

/* ---- meta data --------------------------------------------------------- */

static void
read_meta(struct session *s, const char *key, char **value)
{
	const char *v;

	if (*value)
		return;
	v = db_meta(s->db, key);
	*value = v ? strdup(v) : NULL;
}

static void
read_all_meta(struct session *s)
{
	const char *hz;

	read_meta(s, "name", &s->name);
	read_meta(s, "pid", &s->pid);
	if (s->period)
		return;
	hz = db_meta(s->db, "hz");
	if (hz && atol(hz) > 0)
		s->period = UINT64_C(1000000000) / (uint64_t)atol(hz);
}

/* Returns the number of streams for which `where` holds. */
static int64_t
count_streams(struct session *s, const char *where)
{
	char sql[80];
	struct db_stmt *stmt;
	int64_t n = 0;

	snprintf(sql, sizeof sql, "SELECT count(*) FROM stream %s", where);
	stmt = db_prepare(s->db, sql);
	if (stmt && db_step(stmt) == 1)
		n = db_int(stmt, 0);
	db_finalize(stmt);
	return n;
}

static enum session_state
find_state(struct session *s)
{
	if (session_summary(s)->live ||
	    (db_live(s->db) && count_streams(s, "") == 0))
		return session_silence(s) >= SESSION_TIMEOUT ? SESSION_STALLED :
		    SESSION_LIVE;
	return count_streams(s, "WHERE ended IS NULL") > 0 ? SESSION_CUT_OFF :
	    SESSION_ENDED;
}

/* ---- memory over time -------------------------------------------------- */

/* Add new memory records. */
static int
read_memory(struct session *s)
{
	const struct recording *r = s->recording;

	for (; s->nusage < r->nmemory; s->nusage++) {
		const struct recording_memory *m = &r->memory[s->nusage];
		struct session_memory new = { m->time, m->rss, m->live, m->ranged,
			!m->ranged || m->live_most / 2 <= m->live_least };

		if (array_room(&s->usage, s->nusage, &s->usage_room, sizeof new) < 0)
			return db_no_memory(s->db);
		if (new.rss == 0 && s->nusage) /* the process has ended */
			new.rss = s->usage[s->nusage - 1].rss;
		s->covered += m->covered;
		s->hits += m->hits;
		s->usage[s->nusage] = new;
	}
	return 0;
}

/* ---- open, update, close ----------------------------------------------- */

struct session *
session_open(const char *path, const char **error)
{
	static char why[512];
	struct session *s = calloc(1, sizeof *s);
	struct stat st;

	*error = "out of memory";
	if (s == NULL || (s->path = strdup(path)) == NULL) {
		session_close(s);
		return NULL;
	}
	s->db = db_open(path, DB_READ, error);
	if (s->db)
		s->recording = recording_open(s->db, RECORDING_TIME, 0, UINT64_MAX);
	if (s->recording)
		s->profile = profile_open(s->recording, PROFILE_CPU, PROFILE_FUNCTION,
		    SESSION_WINDOW);
	if (s->profile == NULL || profile_collapse(s->profile, 1) < 0 || read_memory(s) < 0) {
		if (s->db)
			snprintf(why, sizeof why, "%s", db_error(s->db));
		*error = s->db ? why : *error;
		session_close(s);
		return NULL;
	}
	if (stat(path, &st) == 0) {
		s->dev = st.st_dev;
		s->ino = st.st_ino;
	}
	s->changed = session_clock();
	read_all_meta(s);
	s->state = find_state(s);
	return s;
}

void
session_close(struct session *s)
{
	if (s == NULL)
		return;
	profile_close(s->profile);
	for (size_t i = 0; i < PROFILE_NGROUPS; i++)
		inuse_close(s->memory[i].inuse);
	recording_close(s->recording);
	if (s->db)
		db_close(s->db);
	free(s->name);
	free(s->pid);
	free(s->focus.function);
	free(s->focus.module);
	free(s->usage);
	free(s->path);
	free(s);
}

static int
is_removed(const struct session *s)
{
	struct stat st;

	return stat(s->path, &st) < 0 || st.st_dev != s->dev ||
	    st.st_ino != s->ino;
}

static int
is_newer(const struct profile_summary *a, const struct profile_summary *b)
{
	return a->samples != b->samples || a->last != b->last ||
	    a->off_records != b->off_records ||
	    a->lost != b->lost || a->cost_ns != b->cost_ns;
}

int
session_update(struct session *s)
{
	struct profile_summary before = *session_summary(s);
	enum session_state state = s->state;
	int trouble = s->failed + 2 * s->removed, news;

	s->removed = is_removed(s);
	s->failed = recording_update(s->recording) < 0 || profile_update(s->profile) < 0 ||
	    read_memory(s) < 0;
	if (s->failed) {
		if (state == SESSION_LIVE && session_silence(s) >= SESSION_TIMEOUT)
			s->state = SESSION_STALLED;
		return -1;
	}
	news = is_newer(session_summary(s), &before);
	if (news) {
		s->version++;
		s->changed = session_clock();
		read_all_meta(s);
	}
	s->state = find_state(s);
	return news || s->state != state ||
	    trouble != s->failed + 2 * s->removed;
}

/* ---- accessors --------------------------------------------------------- */

enum session_state
session_state(const struct session *s)
{
	return s->state;
}

unsigned
session_version(const struct session *s)
{
	return s->version;
}

unsigned
session_silence(const struct session *s)
{
	return (unsigned)(session_clock() - s->changed);
}

const char *
session_trouble(const struct session *s)
{
	if (s->failed)
		return db_error(s->db);
	return s->removed ? "the file was deleted or replaced; "
	    "this is the old one" : NULL;
}

const char *
session_path(const struct session *s)
{
	return s->path;
}

struct db *
session_db(const struct session *s)
{
	return s->db;
}

struct recording *
session_recording(const struct session *s)
{
	return s->recording;
}

struct profile *
session_profile(const struct session *s)
{
	return s->profile;
}

const struct profile_summary *
session_summary(const struct session *s)
{
	return profile_summary(s->profile);
}

double
session_cores(const struct session *s)
{
	const struct profile_summary *all = session_summary(s);
	uint64_t window = all->last - all->first;

	window = window > SESSION_WINDOW ? SESSION_WINDOW : window;
	return window ? (double)all->now_on / (double)window : 0;
}

int
session_collapses(const struct session *s)
{
	return profile_is_collapsed(s->profile) && recording_has_own(s->recording);
}

unsigned
session_counted(const struct session *s)
{
	return (unsigned)profile_is_collapsed(s->profile) +
	    2 * (profile_selected(s->profile)->thread + 1);
}

struct inuse_options
session_inuse_options(const struct session *s, enum profile_group group,
    const struct profile_select *of)
{
	return (struct inuse_options){ .group = group, .select = *of,
		.collapse = profile_is_collapsed(s->profile) };
}

/* Open the reader on demand, and again when the selection has changed. */
struct inuse *
session_inuse(struct session *s, enum profile_group group)
{
	struct inuse_options o = session_inuse_options(s, group, profile_selected(s->profile));
	struct memory *m = &s->memory[group];

	if (m->inuse && !inuse_is_same(&m->of, &o)) {
		inuse_close(m->inuse);
		m->inuse = NULL;
	}
	if (m->inuse && m->version == s->version)
		return m->inuse;
	m->version = s->version;
	m->of = o;
	if (m->inuse)
		inuse_update(m->inuse); /* keeps its old state on failure */
	else
		m->inuse = inuse_open(s->recording, &o);
	return m->inuse;
}

const struct session_memory *
session_memory(const struct session *s, size_t *n)
{
	*n = s->nusage;
	return s->usage;
}

double
session_covered(const struct session *s)
{
	uint64_t last = s->nusage ? s->usage[s->nusage - 1].time : 0;
	uint64_t began = s->recording->nstream ? s->recording->stream[0].began : 0;

	if (!s->hits || last <= began)
		return -1;
	return s->covered >= last - began ? 100 : 100 * (double)s->covered / (double)(last - began);
}

int
session_is_inside(const struct session *s)
{
	const char *note;
	int inside = 0;

	for (size_t i = 0; (note = profile_note(s->profile, i)); i++)
		if (strstr(note, "sampled inside the process,"))
			inside = 1;
		else if (strstr(note, "allocations are probed from now on") ||
		    strstr(note, "allocations are not recorded from now on"))
			inside = 0;
	return inside;
}

int
session_wants_inside(const struct session *s)
{
	double covered = session_covered(s);

	return covered >= 0 && covered < COVERED && s->state == SESSION_LIVE &&
	    !session_is_inside(s);
}

const struct session_focus *
session_focus(const struct session *s)
{
	return &s->focus;
}

int
session_set_focus(struct session *s, const char *function, const char *module, int memory)
{
	char *f = strdup(function), *m = module ? strdup(module) : NULL;

	if (f == NULL || (module && m == NULL)) {
		free(f);
		free(m);
		return -1;
	}
	free(s->focus.function);
	free(s->focus.module);
	s->focus = (struct session_focus){ f, m, memory, s->focus.number + 1 };
	return 0;
}

struct session *
session_other(const struct session *s)
{
	return s->other;
}

void
session_set_other(struct session *s, struct session *old)
{
	s->other = old;
}

const struct profile_select *
session_baseline(const struct session *s)
{
	return s->baseline.to ? &s->baseline : NULL;
}

void
session_set_baseline(struct session *s, uint64_t from, uint64_t to)
{
	s->baseline = (struct profile_select){ from, to, PROFILE_ALL };
}

int
session_count_thread(struct session *s, uint32_t thread)
{
	struct profile_select select = *profile_selected(s->profile);

	if (select.thread == PROFILE_ALL && thread == PROFILE_ALL)
		return 0;
	select.thread = select.thread == PROFILE_ALL ? thread : PROFILE_ALL;
	return profile_select(s->profile, &select) < 0 ? -1 : 1;
}

struct session_span *
session_span(struct session *s)
{
	return &s->span;
}

void
session_shown(const struct session *s, uint64_t *from, uint64_t *to)
{
	const struct profile_summary *all = session_summary(s);
	const struct session_span *span = &s->span;

	*from = all->first;
	*to = all->measured > all->first ? all->measured : all->first;
	if (!span->length)
		return;
	*to = span->end ? span->end : *to;
	*from = *to > *from + span->length ? *to - span->length : *from;
}

const char *
session_name(const struct session *s)
{
	return s->name;
}

const char *
session_pid(const struct session *s)
{
	return s->pid;
}

uint64_t
session_period(const struct session *s)
{
	return s->period;
}
