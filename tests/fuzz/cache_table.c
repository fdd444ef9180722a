/* Any bytes as a file of the cache; and as the rows of one whose head is
 * right, for what the checksum would keep out. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bpf/step.h"
#include "unwind/cache_file.h"
#include "unwind/cache_table.h"
#include "unwind/unwind.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What walks rely on. */
static void
check(const struct unwind_table *t)
{
	if (t->nrow == 0 || t->npage == 0 || t->base % 256 ||
	    t->page[t->npage] > t->nrow)
		abort();
	for (uint32_t i = 1; i < t->nrow; i++)
		if (t->row[i].offset <= t->row[i - 1].offset)
			abort();
	for (uint32_t i = 0; i < t->nrow; i++)
		if (unwind_rule(t, t->row[i].offset) != t->row[i].rule ||
		    (i && unwind_rule(t, t->row[i].offset - 1) != t->row[i - 1].rule))
			abort();
	for (uint32_t p = 1; p <= t->npage; p++)
		if (t->page[p] < t->page[p - 1])
			abort();
}

static void
try(const void *bytes, size_t size)
{
	int fd = memfd_create("fuzz", MFD_CLOEXEC);
	struct unwind_table t;
	struct cache_head h;
	size_t len;
	void *body;
	int rust;

	if (fd < 0 || write(fd, bytes, size) != (ssize_t)size ||
	    lseek(fd, 0, SEEK_SET) < 0)
		abort();
	body = cache_file_read(fd, cache_table_kind(), "name", &h, &len);
	if (body && cache_table_decode(&t, &rust, h.count, body, len) == 0) {
		check(&t);
		unwind_free(&t);
	}
	close(fd);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cache_head h;
	struct step_row *row;
	char *bytes = malloc(sizeof h + size);

	if (bytes == NULL || size == 0) {
		free(bytes);
		return 0;
	}
	try(data, size);
	memset(&h, 0, sizeof h);
	memcpy(h.magic, cache_table_kind()->magic, sizeof h.magic);
	h.stamp = cache_table_kind()->stamp;
	memcpy(h.name, "name", 4);
	h.count[CACHE_TABLE_ROWS] = (uint32_t)(size / sizeof *row);
	row = (struct step_row *)(bytes + sizeof h);
	memcpy(row, data, size);
	/* An index of gigabytes takes its time: not each time. */
	for (uint32_t i = 0; data[0] != 'B' && i < h.count[CACHE_TABLE_ROWS]; i++)
		row[i].offset &= 0xfffff;
	h.sum = cache_sum(&h, row, h.count[CACHE_TABLE_ROWS] * sizeof *row);
	memcpy(bytes, &h, sizeof h);
	try(bytes, sizeof h + h.count[CACHE_TABLE_ROWS] * sizeof *row);
	free(bytes);
	return 0;
}
