/*
 * A recording that somebody looks at: its profile, read on while the file
 * grows, and what state it is in.
 */
#ifndef WATCH_H
#define WATCH_H

#include <stddef.h>
#include <stdint.h>

#include "profile/profile.h"

struct db;
struct inuse;
struct inuse_options;
struct profile;
struct profile_summary;
struct watch;

enum watch_state {
	WATCH_LIVE,    /* it is being written */
	WATCH_STALLED, /* it is, but nothing has come for WATCH_PATIENCE */
	WATCH_CUT_OFF, /* nobody writes it, and a stream has no end */
	WATCH_ENDED
};

#define WATCH_PATIENCE 3 /* seconds; a producer says something each second */
#define WATCH_WINDOW UINT64_C(5000000000) /* nanoseconds that are "now" */

/* NULL: *error says why and needs no free. */
struct watch *watch_open(const char *path, const char **error);
void watch_close(struct watch *w);

/* Read what came since.  1: something did, or the state has changed; 0: no;
 * -1: it could not be read, everything is as before. */
int watch_update(struct watch *w);

enum watch_state watch_state(const struct watch *w);

/* Another number each time that something was read. */
unsigned watch_version(const struct watch *w);

/* Whole seconds that nothing has come for. */
unsigned watch_silence(const struct watch *w);

/* Seconds of the clock that it goes by, for what is not to be done each time. */
int64_t watch_clock(void);

/* What is wrong with the file now, or NULL. */
const char *watch_trouble(const struct watch *w);

struct db *watch_db(const struct watch *w);
struct profile *watch_profile(const struct watch *w);
const struct profile_summary *watch_summary(const struct watch *w);

/* The cores that the program has used in the last seconds. */
double watch_cores(const struct watch *w);

/* Another number for each choice of what is folded, and which thread counts. */
unsigned watch_counted(const struct watch *w);

/* What it says about memory, of the time and thread that are selected in the profile, and
 * folded as that is; valid until the next call with that group.  NULL: db_error() says why. */
struct inuse *watch_inuse(struct watch *w, enum profile_group group);

/* What that asks for, of what is selected, and folded as the profile is. */
struct inuse_options watch_inuse_options(const struct watch *w, enum profile_group group,
    const struct profile_select *of);

/* All of the memory of the processes, as it was told of, about each second: bytes
 * resident (what was known last; 0: nothing) and allocated. */
struct watch_memory {
	uint64_t time, rss, live;
};
const struct watch_memory *watch_memory(const struct watch *w, size_t *n);

/* The percent of the time in which the heap was probed; -1: that is not known. */
double watch_covered(const struct watch *w);

/* The part of the time that charts show, the same in all views. */
struct watch_span {
	uint64_t length; /* nanoseconds; 0: all */
	uint64_t end;    /* of it; 0: the latest, moving on */
	uint64_t cursor; /* 0: none */
	int line, close; /* how it is drawn, as in struct chart */
};
struct watch_span *watch_span(struct watch *w);

/* From when to when that is. */
void watch_shown(const struct watch *w, uint64_t *from, uint64_t *to);

/* The function that somebody has chosen to look at. */
struct watch_focus {
	char *function, *module; /* NULL: not known */
	int memory;              /* chosen where memory was looked at */
	unsigned number;         /* another one each time */
};
const struct watch_focus *watch_focus(const struct watch *w);

/* -1: out of memory. */
int watch_set_focus(struct watch *w, const char *function, const char *module, int memory);

/* An older recording to compare with, or NULL.  It stays the caller's. */
struct watch *watch_other(const struct watch *w);
void watch_set_other(struct watch *w, struct watch *old);

/* Or a part of its own time to compare with what is selected: NULL: none. */
const struct profile_select *watch_before(const struct watch *w);
void watch_set_before(struct watch *w, uint64_t from, uint64_t to);

/* Count only that thread, by its id in the profile, or where one is counted all again.
 * 0: there is no such thread; -1: out of memory. */
int watch_count_thread(struct watch *w, uint32_t thread);

/* The program's name and process id, or NULL. */
const char *watch_name(const struct watch *w);
const char *watch_pid(const struct watch *w);

/* Nanoseconds between two samples of a busy thread; 0: not known. */
uint64_t watch_period(const struct watch *w);

#endif
