#include "unwind/cache_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LEN_MAX (UINT64_C(1) << 30) /* no file of the cache is that long */

_Static_assert(sizeof(struct cache_head) == 24 + 4 * CACHE_COUNTS + CACHE_NAME_MAX, "head");

/*
 * Hash bytes by FNV-1a's step (www.isthe.com/chongo/tech/comp/fnv) for 8 bytes at
 * once, with the upper half added into the lower: the product moves bits upwards
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
cache_sum(const struct cache_head *h, const void *body, size_t len)
{
	uint64_t s = 0xcbf29ce484222325;

	s = sum(s, h->name, sizeof *h - offsetof(struct cache_head, name));
	return sum(s, body, len);
}

static void
fill_head(struct cache_head *h, const struct cache_kind *kind, const char *name)
{
	memset(h, 0, sizeof *h);
	memcpy(h->magic, kind->magic, sizeof h->magic);
	h->stamp = kind->stamp;
	snprintf(h->name, sizeof h->name, "%s", name);
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

/* Returns the length of the body of a file that this build writes by that name; else
 * 0. */
static size_t
body_length(int fd, const struct cache_kind *kind, const char *name,
    const struct cache_head *h)
{
	struct cache_head want;
	struct stat st;

	fill_head(&want, kind, name);
	if (memcmp(h->magic, want.magic, sizeof h->magic) != 0 || h->stamp != want.stamp ||
	    memcmp(h->name, want.name, sizeof h->name) != 0 || fstat(fd, &st) < 0 ||
	    st.st_size <= (off_t)sizeof *h || (uint64_t)st.st_size > LEN_MAX)
		return 0;
	return (size_t)st.st_size - sizeof *h;
}

void *
cache_file_read(int fd, const struct cache_kind *kind, const char *name,
    struct cache_head *h, size_t *len)
{
	void *body = NULL;

	if (read_all(fd, h, sizeof *h) < 0)
		return NULL;
	*len = body_length(fd, kind, name, h);
	if (*len > 0 && *len % 8 == 0)
		body = malloc(*len);
	if (body && read_all(fd, body, *len) == 0 && cache_sum(h, body, *len) == h->sum)
		return body;
	free(body);
	return NULL;
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
cache_file_write(int fd, const struct cache_kind *kind, const char *name,
    const uint32_t count[CACHE_COUNTS], const void *body, size_t len)
{
	struct cache_head h;

	fill_head(&h, kind, name);
	memcpy(h.count, count, sizeof h.count);
	h.sum = cache_sum(&h, body, len);
	if (write_all(fd, &h, sizeof h) < 0)
		return -1;
	return write_all(fd, body, len);
}
