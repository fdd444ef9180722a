/*
 * A recording that somebody looks at: its profile, read on while the file
 * grows, and what state it is in.
 */
#ifndef SESSION_H
#define SESSION_H

#include <stddef.h>
#include <stdint.h>

#include "profile/profile.h"

struct db;
struct inuse;
struct inuse_options;
struct profile;
struct profile_summary;
struct session;

enum session_state {
	SESSION_LIVE,    /* it is being written */
	SESSION_STALLED, /* it is, but nothing has come for SESSION_PATIENCE */
	SESSION_CUT_OFF, /* nobody writes it, and a stream has no end */
	SESSION_ENDED
};

#define SESSION_TIMEOUT 3 /* seconds; a producer says something each second */
#define SESSION_WINDOW UINT64_C(5000000000) /* nanoseconds that are "now" */

/* NULL: *error says why and needs no free. */
struct session *session_open(const char *path, const char **error);
void session_close(struct session *s);

/* Read what came since.  1: something did, or the state has changed; 0: no;
 * -1: it could not be read, everything is as before. */
int session_update(struct session *s);

enum session_state session_state(const struct session *s);

/* Another number each time that something was read. */
unsigned session_version(const struct session *s);

/* Whole seconds that nothing has come for. */
unsigned session_silence(const struct session *s);

/* Seconds of the clock that it goes by, for what is not to be done each time. */
int64_t session_clock(void);

/* What is wrong with the file now, or NULL. */
const char *session_trouble(const struct session *s);

struct db *session_db(const struct session *s);
struct profile *session_profile(const struct session *s);
const struct profile_summary *session_summary(const struct session *s);

/* The cores that the program has used in the last seconds. */
double session_cores(const struct session *s);

/* Another number for each choice of what is folded, and which thread counts. */
unsigned session_counted(const struct session *s);

/* What it says about memory, of the time and thread that are selected in the profile, and
 * folded as that is; valid until the next call with that group.  NULL: db_error() says why. */
struct inuse *session_inuse(struct session *s, enum profile_group group);

/* What that asks for, of what is selected, and folded as the profile is. */
struct inuse_options session_inuse_options(const struct session *s, enum profile_group group,
    const struct profile_select *of);

/* All of the memory of the processes, as it was told of, about each second: bytes
 * resident (what was known last; 0: nothing) and allocated. */
struct session_memory {
	uint64_t time, rss, live;
};
const struct session_memory *session_memory(const struct session *s, size_t *n);

/* The percent of the time in which the heap was probed; -1: that is not known. */
double session_covered(const struct session *s);

/* The part of the time that charts show, the same in all views. */
struct session_span {
	uint64_t length; /* nanoseconds; 0: all */
	uint64_t end;    /* of it; 0: the latest, moving on */
	uint64_t cursor; /* 0: none */
	int line, close; /* how it is drawn, as in struct chart */
};
struct session_span *session_span(struct session *s);

/* From when to when that is. */
void session_shown(const struct session *s, uint64_t *from, uint64_t *to);

/* The function that somebody has chosen to look at. */
struct session_focus {
	char *function, *module; /* NULL: not known */
	int memory;              /* chosen where memory was looked at */
	unsigned number;         /* another one each time */
};
const struct session_focus *session_focus(const struct session *s);

/* -1: out of memory. */
int session_set_focus(struct session *s, const char *function, const char *module, int memory);

/* An older recording to compare with, or NULL.  It stays the caller's. */
struct session *session_other(const struct session *s);
void session_set_other(struct session *s, struct session *old);

/* Or a part of its own time to compare with what is selected: NULL: none. */
const struct profile_select *session_baseline(const struct session *s);
void session_set_baseline(struct session *s, uint64_t from, uint64_t to);

/* Count only that thread, by its id in the profile, or where one is counted all again.
 * 0: there is no such thread; -1: out of memory. */
int session_count_thread(struct session *s, uint32_t thread);

/* The program's name and process id, or NULL. */
const char *session_name(const struct session *s);
const char *session_pid(const struct session *s);

/* Nanoseconds between two samples of a busy thread; 0: not known. */
uint64_t session_period(const struct session *s);

#endif
