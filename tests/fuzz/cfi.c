/* Any bytes as an ELF file: its segments, build-id, symbols, the unwind table compiled
 * from what it calls its .eh_frame, and parts of it found by the index of that. */
#include <stdint.h>
#include <stdlib.h>

#include "elf/elf_file.h"
#include "unwind/cfi.h"
#include "unwind/early.h"
#include "unwind/unwind.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char id[ELF_FILE_BUILDID_MAX];
	struct unwind_table t;
	struct elf_file_symbol sym;
	const char *error;
	struct elf_file *obj = elf_file_image(data, size, &error);
	struct early *early;

	if (obj == NULL)
		return 0;
	elf_file_buildid(obj, id);
	elf_file_is_rust(obj);
	elf_file_symbol(obj, 0x1000, &sym);
	if (cfi_compile(&t, obj, NULL) == NULL) {
		for (uint32_t i = 1; i < t.nrow; i++)
			if (t.row[i].offset <= t.row[i - 1].offset)
				abort();
		for (uint64_t o = 0; o < 1 << 16; o += 61)
			unwind_rule(&t, o);
		unwind_free(&t);
	}
	early = early_open(obj);
	for (uint64_t o = 0; early && o < 1 << 16; o += 4093)
		early_rule(early, o, NULL);
	early_close(early);
	return 0;
}
