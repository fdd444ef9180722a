/*
 * What holds in a stream at a moment beside its definitions: mappings, probes, live memory, and
 * what its producers have last said of themselves.
 */
#ifndef RESUME_STATE_H
#define RESUME_STATE_H

#include <stddef.h>
#include <stdint.h>

#include "base/idmap.h"
#include "base/strtab.h"
#include "stream/rec.h"

struct resume_tasks;

#define RESUME_NOTES 256 /* further notes are forgotten */
#define RESUME_SILENCE 3000000000 /* ns without a cost record: the producer has ended */

/* Live memory of a thread and stack: of the record, what is a value and no change. */
struct resume_site {
	uint64_t key, pid, tid;
	struct rec_ref stack;
	uint64_t live, count, peak, live_err, live_min, live_max;
};

/* Zeroed, it is empty; the strings are its own. */
struct resume_state {
	struct rec_map *map;
	struct rec_probe *probe;
	struct rec_memory *memory;
	struct resume_site *site;
	struct rec_cost *cost;
	struct rec_note *note;
	size_t nmap, map_room, nprobe, probe_room, nmemory, memory_room;
	size_t nsite, site_room, ncost, cost_room, nnote, note_room;
	struct idmap sites; /* keys to indexes */
	struct strtab text;
};

/* Remember what a record says, if anything, and count sites in the threads.  Returns -1 when out
 * of memory. */
int resume_state_record(struct resume_state *s, struct resume_tasks *t, const struct rec *r);

/* Forget the mappings and probes of a process whose program is gone. */
void resume_state_gone(struct resume_state *s, uint64_t pid);
/* Forget the live memory of a process; of those that had ended at `time`; of all. */
void resume_state_free(struct resume_state *s, struct resume_tasks *t, uint64_t pid);
void resume_state_forget(struct resume_state *s, struct resume_tasks *t, uint64_t time);
void resume_state_free_all(struct resume_state *s, struct resume_tasks *t);

void resume_state_clear(struct resume_state *s);

#endif
