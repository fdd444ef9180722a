#include "elf/minidebug.h"

#include <lzma.h>
#include <stdlib.h>

#include "elf/elf_file.h"

#define MEMORY (128 << 20) /* bytes for unpacking, at most */
#define MOST (256 << 20)   /* bytes unpacked, at most */

/* Unpack bytes.  Nothing says how many they become: more room until they fit. */
static void *
unpack(const unsigned char *bytes, size_t len, size_t *size)
{
	lzma_ret got = LZMA_BUF_ERROR;
	unsigned char *out = NULL;

	for (size_t room = 64 << 10; got == LZMA_BUF_ERROR && room <= MOST; room *= 4) {
		uint64_t memory = MEMORY;
		size_t in = 0;

		free(out);
		out = malloc(room);
		if (out == NULL)
			return NULL;
		*size = 0;
		got = lzma_stream_buffer_decode(&memory, 0, NULL, bytes, &in, len, out, size,
		    room);
	}
	if (got == LZMA_OK)
		return out;
	free(out);
	return NULL;
}

struct elf_file *
minidebug_open(const struct elf_file *elf)
{
	struct elf_file_section s = elf_file_section(elf, ".gnu_debugdata");
	const char *error;
	struct elf_file *inside;
	size_t size;
	void *bytes;

	if (s.bytes == NULL || (bytes = unpack(s.bytes, s.len, &size)) == NULL)
		return NULL;
	inside = elf_file_image(bytes, size, &error);
	if (inside)
		elf_file_own(inside, bytes);
	else
		free(bytes);
	return inside;
}
