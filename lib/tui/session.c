#include "tui/session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/array.h"
#include "profile/inuse.h"
#include "profile/profile.h"
#include "record/db.h"

struct session {
	char *path;
	dev_t dev;
	ino_t ino;
	struct db *db;
	struct profile *profile;
	enum session_state state;
	int64_t changed; /* when something came, of the monotonic clock */
	int failed, removed;
	char *name, *pid;
	uint64_t period;
	struct session_span span;
	struct session_focus focus;
	struct session *other;
	struct profile_select before; /* to 0: none */
	unsigned version; /* of what has been read */
	struct session_memory *told;
	size_t ntold, told_room;
	int64_t told_last; /* row that was read */
	uint64_t told_from, covered, hits;
	struct memory {
		struct inuse *inuse;
		unsigned version;        /* that it is of */
		struct inuse_options of; /* and what it was asked for */
	} memory[PROFILE_NGROUPS];
};

int64_t
session_clock(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec;
}

/* ---- what the recording is of ------------------------------------------ */

static void
discover(struct session *w, const char *key, char **value)
{
	const char *v;

	if (*value)
		return;
	v = db_meta(w->db, key);
	*value = v ? strdup(v) : NULL;
}

static void
learn_all(struct session *w)
{
	const char *hz;

	discover(w, "name", &w->name);
	discover(w, "pid", &w->pid);
	if (w->period)
		return;
	hz = db_meta(w->db, "hz");
	if (hz && atol(hz) > 0)
		w->period = UINT64_C(1000000000) / (uint64_t)atol(hz);
}

/* Streams that have begun, or that have no end. */
static int64_t
count_streams(struct session *w, const char *where)
{
	char sql[80];
	struct db_stmt *s;
	int64_t n = 0;

	snprintf(sql, sizeof sql, "SELECT count(*) FROM stream %s", where);
	s = db_prepare(w->db, sql);
	if (s && db_step(s) == 1)
		n = db_int(s, 0);
	db_finalize(s);
	return n;
}

static enum session_state
find_state(struct session *w)
{
	if (session_summary(w)->live ||
	    (db_live(w->db) && count_streams(w, "") == 0))
		return session_silence(w) >= SESSION_PATIENCE ? SESSION_STALLED :
		    SESSION_LIVE;
	return count_streams(w, "WHERE ended IS NULL") > 0 ? SESSION_CUT_OFF :
	    SESSION_ENDED;
}

/* ---- what is told of memory -------------------------------------------- */

static int
find_heap(struct session *w)
{
	struct db_stmt *s = db_prepare(w->db, "SELECT min(began) FROM stream WHERE producer = "
	    "'heap'");
	int r = s ? db_step(s) : -1;

	if (r == 1)
		w->told_from = (uint64_t)db_int(s, 0);
	db_finalize(s);
	return r < 0 ? -1 : 0;
}

static int
take_memory(struct session *w, struct db_stmt *row)
{
	struct session_memory m = { (uint64_t)db_int(row, 1), (uint64_t)db_int(row, 2),
		(uint64_t)db_int(row, 3) };

	if (array_room(&w->told, w->ntold, &w->told_room, sizeof m) < 0)
		return db_no_memory(w->db);
	if (w->ntold == 0 && find_heap(w) < 0)
		return -1;
	if (m.rss == 0 && w->ntold) /* it has ended */
		m.rss = w->told[w->ntold - 1].rss;
	w->told_last = db_int(row, 0);
	w->covered += (uint64_t)db_int(row, 4);
	w->hits += (uint64_t)db_int(row, 5);
	w->told[w->ntold++] = m;
	return 0;
}

/* What has come since.  Recordings of before know nothing of it. */
static int
read_memory(struct session *w)
{
	struct db_stmt *row;
	int r;

	if (db_schema(w->db) < 3)
		return 0;
	row = db_prepare(w->db, "SELECT rowid, time, rss, live, covered, hits FROM memory "
	    "WHERE rowid > ?1 ORDER BY rowid");
	r = row ? db_start(row, "i", w->told_last) : -1;
	while (r >= 0 && (r = db_step(row)) == 1)
		r = take_memory(w, row);
	db_finalize(row);
	return r;
}

/* ---- open, update, close ----------------------------------------------- */

struct session *
session_open(const char *path, const char **error)
{
	static char why[512];
	struct session *w = calloc(1, sizeof *w);
	struct stat st;

	*error = "out of memory";
	if (!w || !(w->path = strdup(path))) {
		session_close(w);
		return NULL;
	}
	w->db = db_open(path, DB_READ, error);
	if (w->db)
		w->profile = profile_open(w->db, PROFILE_CPU,
		    PROFILE_FUNCTION, 0, UINT64_MAX, SESSION_WINDOW);
	if (!w->profile || read_memory(w) < 0) {
		if (w->db)
			snprintf(why, sizeof why, "%s", db_error(w->db));
		*error = w->db ? why : *error;
		session_close(w);
		return NULL;
	}
	if (stat(path, &st) == 0) {
		w->dev = st.st_dev;
		w->ino = st.st_ino;
	}
	w->changed = session_clock();
	learn_all(w);
	w->state = find_state(w);
	return w;
}

void
session_close(struct session *w)
{
	if (!w)
		return;
	profile_close(w->profile);
	for (size_t i = 0; i < PROFILE_NGROUPS; i++)
		inuse_close(w->memory[i].inuse);
	if (w->db)
		db_close(w->db);
	free(w->name);
	free(w->pid);
	free(w->focus.function);
	free(w->focus.module);
	free(w->told);
	free(w->path);
	free(w);
}

static int
is_removed(const struct session *w)
{
	struct stat st;

	return stat(w->path, &st) < 0 || st.st_dev != w->dev ||
	    st.st_ino != w->ino;
}

static int
is_newer(const struct profile_summary *a, const struct profile_summary *b)
{
	return a->samples != b->samples || a->last != b->last ||
	    a->off_records != b->off_records ||
	    a->lost != b->lost || a->cost_ns != b->cost_ns;
}

int
session_update(struct session *w)
{
	struct profile_summary before = *session_summary(w);
	enum session_state state = w->state;
	int trouble = w->failed + 2 * w->removed, news;

	w->removed = is_removed(w);
	w->failed = profile_update(w->profile) < 0 || read_memory(w) < 0;
	if (w->failed) {
		if (state == SESSION_LIVE && session_silence(w) >= SESSION_PATIENCE)
			w->state = SESSION_STALLED;
		return -1;
	}
	news = is_newer(session_summary(w), &before);
	if (news) {
		w->version++;
		w->changed = session_clock();
		learn_all(w);
	}
	w->state = find_state(w);
	return news || w->state != state ||
	    trouble != w->failed + 2 * w->removed;
}

/* ---- what is known ----------------------------------------------------- */

enum session_state
session_state(const struct session *w)
{
	return w->state;
}

unsigned
session_version(const struct session *w)
{
	return w->version;
}

unsigned
session_silence(const struct session *w)
{
	return (unsigned)(session_clock() - w->changed);
}

const char *
session_trouble(const struct session *w)
{
	if (w->failed)
		return db_error(w->db);
	return w->removed ? "the file was deleted or replaced; "
	    "what is shown here was read from the old one" : NULL;
}

struct db *
session_db(const struct session *w)
{
	return w->db;
}

struct profile *
session_profile(const struct session *w)
{
	return w->profile;
}

const struct profile_summary *
session_summary(const struct session *w)
{
	return profile_summary(w->profile);
}

double
session_cores(const struct session *w)
{
	const struct profile_summary *all = session_summary(w);
	uint64_t window = all->last - all->first;

	window = window > SESSION_WINDOW ? SESSION_WINDOW : window;
	return window ? (double)all->now_on / (double)window : 0;
}

unsigned
session_counted(const struct session *w)
{
	return (unsigned)profile_is_folded(w->profile) +
	    2 * (profile_selected(w->profile)->thread + 1);
}

struct inuse_options
session_inuse_options(const struct session *w, enum profile_group group,
    const struct profile_select *of)
{
	struct inuse_options o = { .group = group, .since = of->from, .until = of->to,
		.fold = profile_is_folded(w->profile) };

	profile_thread(w->profile, of->thread, &o.pid, &o.tid);
	return o;
}

/* Memory is read when somebody asks for it, of the time that is selected. */
struct inuse *
session_inuse(struct session *w, enum profile_group group)
{
	struct inuse_options o = session_inuse_options(w, group, profile_selected(w->profile));
	struct memory *m = &w->memory[group];

	if (m->inuse && !inuse_is_same(&m->of, &o)) {
		inuse_close(m->inuse);
		m->inuse = NULL;
	}
	if (m->inuse && m->version == w->version)
		return m->inuse;
	m->version = w->version;
	m->of = o;
	if (m->inuse)
		inuse_update(m->inuse); /* else it is as it was */
	else
		m->inuse = inuse_open(w->db, &o);
	return m->inuse;
}

const struct session_memory *
session_memory(const struct session *w, size_t *n)
{
	*n = w->ntold;
	return w->told;
}

double
session_covered(const struct session *w)
{
	uint64_t last = w->ntold ? w->told[w->ntold - 1].time : 0;

	if (!w->hits || last <= w->told_from)
		return -1;
	return w->covered >= last - w->told_from ? 100 :
	    100 * (double)w->covered / (double)(last - w->told_from);
}

const struct session_focus *
session_focus(const struct session *w)
{
	return &w->focus;
}

int
session_set_focus(struct session *w, const char *function, const char *module, int memory)
{
	char *f = strdup(function), *m = module ? strdup(module) : NULL;

	if (!f || (module && !m)) {
		free(f);
		free(m);
		return -1;
	}
	free(w->focus.function);
	free(w->focus.module);
	w->focus = (struct session_focus){ f, m, memory, w->focus.number + 1 };
	return 0;
}

struct session *
session_other(const struct session *w)
{
	return w->other;
}

void
session_set_other(struct session *w, struct session *old)
{
	w->other = old;
}

const struct profile_select *
session_before(const struct session *w)
{
	return w->before.to ? &w->before : NULL;
}

void
session_set_before(struct session *w, uint64_t from, uint64_t to)
{
	w->before = (struct profile_select){ from, to, PROFILE_ALL };
}

int
session_count_thread(struct session *w, uint32_t thread)
{
	struct profile_select s = *profile_selected(w->profile);

	if (s.thread == PROFILE_ALL && thread == PROFILE_ALL)
		return 0;
	s.thread = s.thread == PROFILE_ALL ? thread : PROFILE_ALL;
	return profile_select(w->profile, &s) < 0 ? -1 : 1;
}

struct session_span *
session_span(struct session *w)
{
	return &w->span;
}

void
session_shown(const struct session *w, uint64_t *from, uint64_t *to)
{
	const struct profile_summary *all = session_summary(w);
	const struct session_span *span = &w->span;

	*from = all->first;
	*to = all->measured > all->first ? all->measured : all->first;
	if (!span->length)
		return;
	*to = span->end ? span->end : *to;
	*from = *to > *from + span->length ? *to - span->length : *from;
}

const char *
session_name(const struct session *w)
{
	return w->name;
}

const char *
session_pid(const struct session *w)
{
	return w->pid;
}

uint64_t
session_period(const struct session *w)
{
	return w->period;
}
