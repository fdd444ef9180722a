#include "cache_file.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "stamp.h"
#include "unwind.h"

_Static_assert(sizeof(struct cache_head) == 40 + CACHE_NAME_MAX, "head");
_Static_assert(sizeof(struct step_row) == 8, "row");

uint64_t
cache_stamp(void)
{
	return STAMP;
}

/*
 * FNV-1a's step (www.isthe.com/chongo/tech/comp/fnv) for 8 bytes at once,
 * with the upper half folded into the lower: the product moves bits upwards
 * only.  Every part of it can be undone, so that states that differ stay so.
 */
static uint64_t
sum(uint64_t h, const void *bytes, size_t len)
{
	uint64_t word;

	for (size_t i = 0; i + sizeof word <= len; i += sizeof word) {
		memcpy(&word, (const char *)bytes + i, sizeof word);
		h = (h ^ word) * 0x100000001b3;
		h ^= h >> 32;
	}
	return h;
}

uint64_t
cache_sum(const struct cache_head *h, const struct step_row *row)
{
	uint64_t s = 0xcbf29ce484222325;

	s = sum(s, h->name, sizeof *h - offsetof(struct cache_head, name));
	return sum(s, row, h->nrow * sizeof *row);
}

uint64_t
cache_file_size(const struct unwind_table *t)
{
	return sizeof(struct cache_head) + t->nrow * (uint64_t)sizeof *t->row;
}

/* ---- reading ----------------------------------------------------------- */

static int
read_all(int fd, void *out, size_t len)
{
	char *p = out;

	while (len > 0) {
		ssize_t n = read(fd, p, len);

		if (n <= 0)
			return -1;
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

static void
fill_head(struct cache_head *h, const char *name)
{
	memset(h, 0, sizeof *h);
	memcpy(h->magic, CACHE_MAGIC, sizeof h->magic);
	h->stamp = STAMP;
	snprintf(h->name, sizeof h->name, "%s", name);
}

/* Is it what this build writes by that name, and as long as it says? */
static int
expected(const struct cache_head *h, const char *name, int fd)
{
	struct cache_head want;
	struct stat st;

	fill_head(&want, name);
	return memcmp(h->magic, want.magic, sizeof h->magic) == 0 &&
	    h->stamp == want.stamp &&
	    memcmp(h->name, want.name, sizeof h->name) == 0 && h->nrow > 0 &&
	    fstat(fd, &st) == 0 &&
	    (uint64_t)st.st_size == sizeof *h + h->nrow * sizeof(struct step_row);
}

static int
ascends(const struct step_row *row, uint32_t n)
{
	for (uint32_t i = 1; i < n; i++)
		if (row[i].offset <= row[i - 1].offset)
			return 0;
	return 1;
}

int
cache_file_read(int fd, const char *name, struct unwind_table *t, int *rust)
{
	struct cache_head h;

	memset(t, 0, sizeof *t);
	if (read_all(fd, &h, sizeof h) < 0 || !expected(&h, name, fd))
		return -1;
	t->nrow = h.nrow;
	t->skipped = h.skipped;
	*rust = h.rust != 0;
	t->row = reallocarray(NULL, h.nrow, sizeof *t->row);
	if (t->row && read_all(fd, t->row, h.nrow * sizeof *t->row) == 0 &&
	    cache_sum(&h, t->row) == h.sum && ascends(t->row, h.nrow) &&
	    unwind_index(t) == 0)
		return 0;
	unwind_free(t);
	return -1;
}

/* ---- writing ----------------------------------------------------------- */

static int
write_all(int fd, const void *bytes, size_t len)
{
	const char *p = bytes;

	while (len > 0) {
		ssize_t n = write(fd, p, len);

		if (n < 0)
			return -1;
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

int
cache_file_write(int fd, const char *name, const struct unwind_table *t,
    int rust)
{
	struct cache_head h;

	fill_head(&h, name);
	h.nrow = t->nrow;
	h.skipped = t->skipped;
	h.rust = rust != 0;
	h.sum = cache_sum(&h, t->row);
	if (write_all(fd, &h, sizeof h) < 0)
		return -1;
	return write_all(fd, t->row, t->nrow * sizeof *t->row);
}
