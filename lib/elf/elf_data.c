#include <elf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "elf/elf_file.h"
#include "elf/zstd_frame.h"

#ifndef ELFCOMPRESS_ZSTD
#define ELFCOMPRESS_ZSTD 2
#endif

/* Deflate packs no tighter, and zstd packs no debug information that tightly: a file
 * that claims more is after our memory. */
#define RATIO 1032

static int
inflate_all(unsigned char *out, uint64_t size, const unsigned char *bytes, size_t len)
{
	uLongf got = size;

	return uncompress(out, &got, bytes, len) == Z_OK && got == size ? 0 : -1;
}

/* Decompress bytes that become `size' of them. */
static struct elf_file_data
unpack(uint32_t how, const unsigned char *bytes, size_t len, uint64_t size)
{
	struct elf_file_data out = { NULL, 0, NULL };
	int failed = -1;

	if (size > (uint64_t)len * RATIO + RATIO || (out.own = malloc(size + 1)) == NULL)
		return out;
	if (how == ELFCOMPRESS_ZLIB)
		failed = inflate_all(out.own, size, bytes, len);
	else if (how == ELFCOMPRESS_ZSTD)
		failed = zstd_frame_unpack(out.own, size, bytes, len);
	if (failed) {
		free(out.own);
		out.own = NULL;
		return out;
	}
	out.bytes = out.own;
	out.len = size;
	return out;
}

/* Decompress a section of before there was a flag for that: "ZLIB", and the size,
 * big-endian. */
static struct elf_file_data
unpack_old(const struct elf_file *e, const char *name)
{
	static const struct elf_file_data none;
	struct elf_file_section s;
	uint64_t size = 0;
	char old[64];

	snprintf(old, sizeof old, ".z%s", name + 1);
	s = elf_file_section(e, old);
	if (s.len < 12 || memcmp(s.bytes, "ZLIB", 4) != 0)
		return none;
	for (int i = 4; i < 12; i++)
		size = size << 8 | s.bytes[i];
	return unpack(ELFCOMPRESS_ZLIB, s.bytes + 12, s.len - 12, size);
}

struct elf_file_data
elf_file_data(const struct elf_file *e, const char *name)
{
	static const struct elf_file_data none;
	struct elf_file_section s = elf_file_section(e, name);
	Elf64_Chdr ch;

	if (s.bytes == NULL)
		return unpack_old(e, name);
	if (!s.packed)
		return (struct elf_file_data){ s.bytes, s.len, NULL };
	if (s.len < sizeof ch)
		return none;
	memcpy(&ch, s.bytes, sizeof ch);
	return unpack(ch.ch_type, s.bytes + sizeof ch, s.len - sizeof ch, ch.ch_size);
}
