#include "gate/ring.h"

#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "os/proc.h"

#define PATIENCE_NS 1000000000ULL /* for a record that is not complete */
#define LINE 64

struct ring {
	int mem;
	uint64_t head_at, records_at; /* addresses */
	uint64_t stuck, since;        /* where the reader has stopped, and when */
	uint64_t given_up;
	unsigned char bytes[GATE_RING];
};

struct ring *
ring_open(pid_t pid, uint64_t base)
{
	struct ring *r = calloc(1, sizeof *r);
	char path[64];

	if (r == NULL)
		return NULL;
	snprintf(path, sizeof path, "/proc/%d/mem", (int)pid);
	r->mem = open(path, O_RDWR | O_CLOEXEC);
	if (r->mem < 0) {
		free(r);
		return NULL;
	}
	r->head_at = base + GATE_CODE + GATE_RING_AT;
	r->records_at = base + GATE_CODE + GATE_RECORDS_AT;
	return r;
}

void
ring_close(struct ring *r)
{
	if (r == NULL)
		return;
	close(r->mem);
	free(r);
}

uint64_t
ring_given_up(const struct ring *r)
{
	return r->given_up;
}

/* Returns how many bytes at the beginning of r->bytes are complete records. */
static uint64_t
each_record(struct ring *r, uint64_t len,
    void (*fn)(void *ctx, const struct gate_record *record), void *ctx, int64_t *count)
{
	uint64_t at = 0;

	while (at < len) {
		const struct gate_record *record = (const void *)(r->bytes + at);
		uint64_t room = record->room;

		if (record->kind == GATE_NONE || room < LINE || room % LINE || room > len - at)
			break;
		if (record->kind != GATE_SKIP && record->bytes <= room) {
			fn(ctx, record);
			++*count;
		}
		at += room;
	}
	return at;
}

/* Has the reader waited at this place for too long? */
static int
is_stuck(struct ring *r, uint64_t tail)
{
	uint64_t now = proc_now();

	if (r->stuck != tail || r->since == 0) {
		r->stuck = tail;
		r->since = now;
	}
	return now - r->since > PATIENCE_NS;
}

/* Give room back: it has to be zeros, in which no record looks complete. */
static int
release(struct ring *r, uint64_t tail, uint64_t len)
{
	uint64_t next = tail + len;

	memset(r->bytes, 0, len);
	return pwrite(r->mem, r->bytes, len, (off_t)(r->records_at + tail % GATE_RING)) ==
	            (ssize_t)len &&
	        pwrite(r->mem, &next, sizeof next,
	            (off_t)(r->head_at + offsetof(struct gate_ring, tail))) == sizeof next
	    ? 0
	    : -1;
}

int64_t
ring_read(struct ring *r, void (*fn)(void *ctx, const struct gate_record *record), void *ctx)
{
	struct gate_ring ring;
	int64_t count = 0;

	if (pread(r->mem, &ring, sizeof ring, (off_t)r->head_at) != sizeof ring)
		return -1;
	while (ring.tail < ring.head) {
		uint64_t lap = GATE_RING - ring.tail % GATE_RING;
		uint64_t len = ring.head - ring.tail < lap ? ring.head - ring.tail : lap, done;

		if (pread(r->mem, r->bytes, len, (off_t)(r->records_at + ring.tail % GATE_RING)) !=
		    (ssize_t)len)
			return -1;
		done = each_record(r, len, fn, ctx, &count);
		if (done == 0) {
			if (!is_stuck(r, ring.tail))
				break;
			done = len;
			r->given_up += len;
		}
		if (release(r, ring.tail, done) < 0)
			return -1;
		ring.tail += done;
	}
	return count;
}
