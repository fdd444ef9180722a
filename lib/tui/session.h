/*
 * An open recording: its profile and memory, kept up to date while the file grows, its
 * state, and what the user has selected in it across views.
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
struct recording;
struct session;

enum session_state {
	SESSION_LIVE,    /* being written */
	SESSION_STALLED, /* being written, but silent for SESSION_TIMEOUT */
	SESSION_CUT_OFF, /* not being written, and a stream has no end */
	SESSION_ENDED
};

#define SESSION_TIMEOUT 3 /* seconds; producers report every second */
#define SESSION_WINDOW UINT64_C(5000000000) /* ns that count as "now" */

/* Open a recording.  On failure returns NULL and sets *error, which needs no free. */
struct session *session_open(const char *path, const char **error);
void session_close(struct session *s);

/* Read new rows.  Returns 1 if there were any or the state changed, else 0, or -1 if
 * they could not be read; everything is as before then. */
int session_update(struct session *s);

enum session_state session_state(const struct session *s);

/* Returns a number that changes whenever rows were read. */
unsigned session_version(const struct session *s);

/* Returns for how many seconds no row has come. */
unsigned session_silence(const struct session *s);

/* Returns the monotonic clock in seconds, to limit how often something is done. */
int64_t session_clock(void);

/* Returns what is wrong with the file, or NULL. */
const char *session_trouble(const struct session *s);

const char *session_path(const struct session *s);
struct db *session_db(const struct session *s);
struct recording *session_recording(const struct session *s);
struct profile *session_profile(const struct session *s);
const struct profile_summary *session_summary(const struct session *s);

/* Returns the cores used within the last SESSION_WINDOW. */
double session_cores(const struct session *s);

/* Returns whether frames are collapsed: the profile's are, and there is own code. */
int session_collapses(const struct session *s);

/* Returns a number that identifies what counts: collapsed or not, and which thread. */
unsigned session_counted(const struct session *s);

/* Returns memory in use, within the profile's selection and collapsed as it is.  Valid
 * until the next call with that group.  Returns NULL on failure, see db_error(). */
struct inuse *session_inuse(struct session *s, enum profile_group group);

/* Returns the options by which session_inuse() would read a selection. */
struct inuse_options session_inuse_options(const struct session *s, enum profile_group group,
    const struct profile_select *of);

/* Memory of all processes over time, about once a second: resident bytes (0: unknown so
 * far) and live bytes. */
struct session_memory {
	uint64_t time, rss, live;
	int ranged, known; /* live is a range; it is no wider than a factor of two */
};
const struct session_memory *session_memory(const struct session *s, size_t *n);

/* Returns the percentage of time with heap probes in place, or -1 if unknown. */
double session_covered(const struct session *s);

/* Returns whether allocations are sampled inside the process, as the last note about that
 * says; and whether that would tell more of what is live. */
int session_is_inside(const struct session *s);
int session_wants_inside(const struct session *s);

/* The time that charts show, common to all views. */
struct session_span {
	uint64_t length; /* nanoseconds; 0: all */
	uint64_t end;    /* 0: follow the latest */
	uint64_t cursor; /* 0: none */
	int line, close; /* as in struct chart */
};
struct session_span *session_span(struct session *s);

/* Get the bounds of that time. */
void session_shown(const struct session *s, uint64_t *from, uint64_t *to);

/* The function to show callers or source of. */
struct session_focus {
	char *function, *module; /* or NULL */
	int memory;              /* chosen in a view of memory */
	unsigned number;         /* changes with each choice */
};
const struct session_focus *session_focus(const struct session *s);

/* Set the focus, copying the strings.  Returns 0, or -1 if out of memory. */
int session_set_focus(struct session *s, const char *function, const char *module, int memory);

/* Get or set the older recording to compare with, or NULL.  The caller keeps it. */
struct session *session_other(const struct session *s);
void session_set_other(struct session *s, struct session *old);

/* Get or set the range of the same recording to compare with, or NULL. */
const struct profile_select *session_baseline(const struct session *s);
void session_set_baseline(struct session *s, uint64_t from, uint64_t to);

/* Count only one thread, by its id in the profile, or all again if one is counted
 * already.  Returns 1, 0 if there is no such thread, or -1 if out of memory. */
int session_count_thread(struct session *s, uint32_t thread);

/* Returns the program's name or process id, or NULL. */
const char *session_name(const struct session *s);
const char *session_pid(const struct session *s);

/* Returns the ns between two samples of a busy thread, or 0 if unknown. */
uint64_t session_period(const struct session *s);

#endif
