/* Any bytes as the body of a file of names whose checksum is right. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "unwind/cache_file.h"
#include "unwind/cache_names.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Offsets may be any; those of what was read are looked up. */
static void
check(const struct cache_names *n, const uint8_t *body, uint32_t places)
{
	struct cache_frame f[CACHE_NAMES_DEPTH];
	size_t count, length = 0;
	uint64_t offset;

	for (uint32_t i = 0; i < places; i++) {
		memcpy(&offset, body + i * 16, sizeof offset);
		count = cache_names_find(n, offset, f);
		if (count == 0)
			abort();
		for (size_t k = 0; k < count; k++)
			length += (f[k].function ? strlen(f[k].function) : 0) +
			    (f[k].file ? strlen(f[k].file) : 0);
	}
	if (length > UINT64_MAX / 2)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cache_head h = { .stamp = cache_stamp(), .name = "name" };
	size_t len = size > 12 ? (size - 12) / 8 * 8 : 0;
	int fd = memfd_create("fuzz", MFD_CLOEXEC);
	const uint8_t *body = data + 12;
	struct cache_names *n;

	if (fd < 0)
		abort();
	memcpy(h.magic, CACHE_NAMES_MAGIC, sizeof h.magic);
	if (len > 0) {
		memcpy(h.count, data, 12);
		h.sum = cache_sum(&h, body, len);
		if (write(fd, &h, sizeof h) != sizeof h ||
		    write(fd, body, len) != (ssize_t)len || lseek(fd, 0, SEEK_SET) < 0)
			abort();
		n = cache_names_read(fd, "name");
		if (n)
			check(n, body, h.count[CACHE_NAMES_PLACES]);
		cache_names_free(n);
	}
	close(fd);
	return 0;
}
