#include "profile/profile_runs.h"

#include <stdlib.h>

#include "base/array.h"

/* A run without a cost record for this long has ended.  Nanoseconds. */
#define TIMEOUT 3000000000

struct run {
	int64_t id; /* 0: known only from cost records */
	uint32_t producer;
	uint64_t began, ended;
	uint64_t reported; /* time of its last cost record; 0: none */
	uint64_t ns, bytes;
	int part; /* its next cost record tells what was before */
};

struct profile_runs {
	struct run *run;
	size_t n, room;
	uint64_t ns, bytes;
};

struct profile_runs *
profile_runs_new(void)
{
	return calloc(1, sizeof(struct profile_runs));
}

void
profile_runs_free(struct profile_runs *r)
{
	if (r == NULL)
		return;
	free(r->run);
	free(r);
}

static int
add(struct profile_runs *r, const struct run *run)
{
	if (array_room(&r->run, r->n, &r->room, sizeof *r->run) < 0)
		return -1;
	r->run[r->n++] = *run;
	return 0;
}

int
profile_runs_stream(struct profile_runs *r, int64_t id, uint32_t producer,
    uint64_t began, uint64_t ended, int part)
{
	struct run new = { id, producer, .began = began, .ended = ended, .part = part };
	size_t i;

	for (i = 0; i < r->n; i++)
		if (r->run[i].id == id) {
			r->run[i].ended = ended;
			return 0;
		}
	return add(r, &new);
}

/* ---- cost -------------------------------------------------------------- */

static int
is_reporting(const struct run *run, uint64_t time)
{
	return run->reported == 0 || time <= run->reported + TIMEOUT;
}

/* Returns how likely a run wrote a cost record.  A run that has ended may come last:
 * the record could be another run's of its kind. */
static int
rank(const struct run *run, const struct profile_cost *c)
{
	if (run->ns > c->ns || !is_reporting(run, c->time))
		return 0;
	if (run->part && run->began == c->time)
		return 3; /* what another run had cost where this one goes on */
	return run->ended < c->time ? 1 : 2;
}

static struct run *
reporter(const struct profile_runs *r, const struct profile_cost *c)
{
	struct run *best = NULL, *run;
	size_t i;

	for (i = 0; i < r->n; i++) {
		run = &r->run[i];
		if (run->producer != c->producer || run->began > c->time)
			continue;
		if (best == NULL || rank(run, c) > rank(best, c) ||
		    (rank(run, c) == rank(best, c) &&
		        (rank(run, c) == 0 ? run->began >= best->began : run->ns > best->ns)))
			best = run;
	}
	return best;
}

static uint64_t
bytes_at(const struct profile_runs *r, uint64_t time)
{
	uint64_t sum = 0;
	size_t i;

	for (i = 0; i < r->n; i++)
		if (r->run[i].ended >= time && is_reporting(&r->run[i], time))
			sum += r->run[i].bytes;
	return sum;
}

int
profile_runs_cost(struct profile_runs *r, const struct profile_cost *c,
    int counts)
{
	struct run new = { 0, c->producer, .began = c->time };
	struct run *run = reporter(r, c);
	uint64_t sum;
	int part;

	new.ended = PROFILE_RUNNING;
	if (run == NULL) {
		if (add(r, &new) < 0)
			return -1;
		run = &r->run[r->n - 1];
	}
	/* a lower cost than before: the run was restarted */
	sum = c->ns < run->ns ? c->ns : c->ns - run->ns;
	run->ns = c->ns;
	run->reported = c->time;
	part = run->part;
	run->part = 0;
	if (!counts)
		return 0;
	if (!part)
		r->ns += sum;
	if (c->bytes > run->bytes)
		run->bytes = c->bytes;
	if ((sum = bytes_at(r, c->time)) > r->bytes)
		r->bytes = sum;
	return 0;
}

uint64_t
profile_runs_ns(const struct profile_runs *r)
{
	return r->ns;
}

uint64_t
profile_runs_bytes(const struct profile_runs *r)
{
	return r->bytes;
}

/* ---- times ------------------------------------------------------------- */

uint64_t
profile_runs_first(const struct profile_runs *r)
{
	uint64_t first = UINT64_MAX;
	size_t i;

	for (i = 0; i < r->n; i++)
		if (r->run[i].id && r->run[i].began < first)
			first = r->run[i].began;
	return first == UINT64_MAX ? 0 : first;
}

int
profile_runs_open(const struct profile_runs *r)
{
	size_t i;

	for (i = 0; i < r->n; i++)
		if (r->run[i].id && r->run[i].ended == PROFILE_RUNNING)
			return 1;
	return 0;
}

/* Returns when a run ended: if it was cut off, at its last report. */
static uint64_t
end_of(const struct run *run, uint64_t to)
{
	if (run->ended != PROFILE_RUNNING)
		return run->ended < to ? run->ended : to;
	return is_reporting(run, to) ? to : run->reported;
}

uint64_t
profile_runs_covered(const struct profile_runs *r, uint64_t from, uint64_t to)
{
	uint64_t sum = 0, end, next;
	const struct run *run;
	size_t i;

	for (; from<to; from = end> from ? end : next) {
		end = from;
		next = to;
		for (i = 0; i < r->n; i++) {
			run = &r->run[i];
			if (run->began <= from && end_of(run, to) > end)
				end = end_of(run, to);
			else if (run->began > from && run->began < next)
				next = run->began;
		}
		sum += end - from;
	}
	return sum;
}
