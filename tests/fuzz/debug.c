/* Any bytes as an ELF file with debug information. */
#include <stdint.h>
#include <stdlib.h>

#include "elf/debug.h"
#include "elf/debugfile.h"
#include "elf/obj.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct debug_frame frame[DEBUG_DEPTH];
	struct debug_memory memory = { .most = 4096 };
	static const struct debugfile_where where = { .root = "", .path = "/nowhere/file" };
	struct debug_options o = { &memory, &where };
	const char *error;
	struct obj *obj = obj_image(data, size, &error);
	struct debug *d = obj ? debug_open(obj, &o) : NULL;
	struct obj_segment s;

	for (size_t i = 0; d && obj_exec_segment(obj, i, &s) == 0; i++)
		for (uint64_t at = 0; at < s.len && at < 4096; at += 5)
			debug_lookup(d, s.addr + at, frame);
	debug_close(d);
	obj_close(obj);
	return memory.used != 0 ? abort(), 0 : 0;
}
