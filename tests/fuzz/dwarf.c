/* Any bytes as an ELF file with debug information. */
#include <stdint.h>
#include <stdlib.h>

#include "elf/debugfile.h"
#include "elf/dwarf.h"
#include "elf/elf_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct dwarf_frame frame[DWARF_DEPTH];
	struct dwarf_memory memory = { .most = 4096 };
	static const struct debugfile_where where = { .root = "", .path = "/nowhere/file" };
	struct dwarf_options o = { .memory = &memory, .where = &where };
	const char *error;
	struct elf_file *obj = elf_file_image(data, size, &error);
	struct dwarf *d = obj ? dwarf_open(obj, &o) : NULL;
	struct elf_file_segment s;

	for (size_t i = 0; d && elf_file_exec_segment(obj, i, &s) == 0; i++)
		for (uint64_t at = 0; at < s.len && at < 4096; at += 5)
			dwarf_lookup(d, s.addr + at, frame);
	dwarf_close(d);
	elf_file_close(obj);
	return memory.used != 0 ? abort(), 0 : 0;
}
