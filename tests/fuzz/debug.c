/* Any bytes as an ELF file with debug information. */
#include <stdint.h>
#include <stdlib.h>

#include "debug.h"
#include "obj.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct debug_frame frame[DEBUG_DEPTH];
	struct debug_memory memory = { .most = 4096 };
	struct debug_options o = { &memory, "", "/nowhere/file" };
	const char *error;
	struct obj *obj = obj_image(data, size, &error);
	struct debug *d = obj ? debug_open(obj, &o) : NULL;

	for (uint64_t at = 0; d && at < 0x4000; at += 16)
		debug_lookup(d, at, frame);
	debug_close(d);
	obj_close(obj);
	return memory.used != 0 ? abort(), 0 : 0;
}
