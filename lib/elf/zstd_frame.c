#include "elf/zstd_frame.h"

#include <zstd.h>

int
zstd_frame_unpack(unsigned char *out, uint64_t size, const unsigned char *bytes, size_t len)
{
	return ZSTD_decompress(out, size, bytes, len) == size ? 0 : -1;
}
