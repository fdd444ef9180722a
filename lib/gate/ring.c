/*
 * The process may be anybody's, and writes what it likes while we read: a record is
 * checked and used as a copy, and where the reader has got to is kept here.
 */
#include "gate/ring.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "gate/ticks.h"
#include "os/proc.h"

#define PATIENCE_NS 1000000000ULL /* for a record that is not complete */
#define LINE 64
#define RECORD_MOST (sizeof(struct gate_record) + 65536)

struct ring {
	struct gate_ring *head;  /* mapped */
	unsigned char *records;
	uint64_t tail;
	uint64_t since;          /* when the reader has stopped there; 0: it has not */
	uint64_t lost_before, given_up;
	uint64_t ticks[2], ns[2]; /* at the same moments: opened, and last read */
	_Alignas(struct gate_record) unsigned char record[RECORD_MOST];
};

struct ring *
ring_open(int fd)
{
	struct ring *r;
	struct stat st;
	void *m;

	/* A file that is shorter would kill us. */
	if (fstat(fd, &st) < 0)
		return NULL;
	if (st.st_size < GATE_RING_FILE) {
		errno = EINVAL;
		return NULL;
	}
	r = calloc(1, sizeof *r);
	if (r == NULL)
		return NULL;
	m = mmap(NULL, GATE_RING_FILE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (m == MAP_FAILED) {
		free(r);
		return NULL;
	}
	r->head = m;
	r->records = (unsigned char *)m + (GATE_RECORDS_AT - GATE_RING_AT);
	r->tail = r->head->tail;
	r->lost_before = r->head->lost;
	r->ticks[0] = r->ticks[1] = ticks_now();
	r->ns[0] = r->ns[1] = proc_now();
	return r;
}

void
ring_close(struct ring *r)
{
	if (r == NULL)
		return;
	munmap(r->head, GATE_RING_FILE);
	free(r);
}

uint64_t
ring_lost(const struct ring *r)
{
	return __atomic_load_n(&r->head->lost, __ATOMIC_RELAXED) - r->lost_before;
}

uint64_t
ring_given_up(const struct ring *r)
{
	return r->given_up;
}

uint64_t
ring_time(const struct ring *r, uint64_t ticks)
{
	double share = r->ticks[1] > r->ticks[0]
	    ? ((double)ticks - (double)r->ticks[0]) / (double)(r->ticks[1] - r->ticks[0])
	    : 1;

	share = share < 0 ? 0 : share > 1 ? 1 : share;
	return r->ns[0] + (uint64_t)(share * (double)(r->ns[1] - r->ns[0]));
}

double
ring_use(const struct ring *r)
{
	uint64_t used = __atomic_load_n(&r->head->head, __ATOMIC_RELAXED) - r->tail;

	return used < GATE_RING ? (double)used / GATE_RING : 1;
}

/* Give room back: it has to be zeros, in which no record looks complete. */
static void
release(struct ring *r, uint64_t len)
{
	memset(r->records + r->tail % GATE_RING, 0, len);
	r->tail += len;
	r->since = 0;
	__atomic_store_n(&r->head->tail, r->tail, __ATOMIC_RELEASE);
}

/* Has the reader waited at this place for too long? */
static int
is_stuck(struct ring *r)
{
	if (r->since == 0)
		r->since = proc_now();
	return proc_now() - r->since > PATIENCE_NS;
}

/* Copy the record at the tail, of which there are at most len bytes.  Returns its room;
 * 0: it is not complete, and *skip is its room if that is known. */
static uint64_t
take(struct ring *r, uint64_t len, uint64_t *skip)
{
	const unsigned char *at = r->records + r->tail % GATE_RING;
	struct gate_record *record = (void *)r->record;
	uint32_t kind = __atomic_load_n((const uint32_t *)(const void *)at, __ATOMIC_ACQUIRE);
	size_t least = LINE;

	memcpy(record, at, least);
	record->kind = kind;
	*skip = 0;
	if (record->room < LINE || record->room % LINE || record->room > len)
		return 0;
	*skip = record->room;
	if (kind == GATE_SAMPLED)
		least = sizeof *record;
	if (kind != GATE_SAMPLED && kind != GATE_FREED)
		return kind == GATE_SKIP ? record->room : 0;
	if (record->bytes > record->room || record->bytes > sizeof r->record ||
	    record->bytes < offsetof(struct gate_record, size) || record->room < least)
		return 0;
	memcpy(r->record + LINE, at + LINE, record->bytes > LINE ? record->bytes - LINE : 0);
	return record->room;
}

/* Read what is there up to the ring's end.  Returns 0 if that cannot be gone on with. */
static int
read_lap(struct ring *r, uint64_t end, int last, uint64_t *count,
    void (*fn)(void *ctx, const struct gate_record *record), void *ctx)
{
	const struct gate_record *record = (const void *)r->record;

	while (r->tail < end) {
		uint64_t skip, room = take(r, end - r->tail, &skip);

		if (room == 0 && !last && !is_stuck(r))
			return 0;
		if (room == 0) {
			room = skip && last ? skip : end - r->tail;
			r->given_up += room;
		} else if (record->kind != GATE_SKIP) {
			fn(ctx, record);
			++*count;
		}
		release(r, room);
	}
	return 1;
}

uint64_t
ring_read(struct ring *r, int last, void (*fn)(void *ctx, const struct gate_record *record),
    void *ctx)
{
	uint64_t head = __atomic_load_n(&r->head->head, __ATOMIC_ACQUIRE), count = 0;

	r->ticks[1] = ticks_now();
	r->ns[1] = proc_now();
	if (head - r->tail > GATE_RING) { /* not of our blob */
		r->tail = head;
		return 0;
	}
	while (r->tail < head) {
		uint64_t lap = r->tail - r->tail % GATE_RING + GATE_RING;

		if (!read_lap(r, head < lap ? head : lap, last, &count, fn, ctx))
			break;
	}
	return count;
}
