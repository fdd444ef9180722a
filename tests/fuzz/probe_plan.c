/* Any bytes as an ELF file that wants functions, as code that is probed, and as
 * a symbol. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "elf/elf_file.h"
#include "elf/got.h"
#include "elf/insn.h"
#include "elf/usdt.h"
#include "heap/allocator.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
see_slot(void *ctx, const char *name, uint64_t slot)
{
	*(size_t *)ctx += strlen(name) + (slot & 1);
}

static void
see_note(void *ctx, const struct usdt_note *note)
{
	struct usdt_arg arg[3];

	*(size_t *)ctx += strlen(note->provider) + strlen(note->name) + strlen(note->args);
	usdt_args(note->args, arg, 3);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *error;
	struct elf_file *obj = elf_file_image(data, size, &error);
	char *symbol = malloc(size + 1);
	struct insn_probe place;
	struct usdt_arg arg[3];
	long long target;
	size_t sum = 0;

	if (symbol) {
		memcpy(symbol, data, size);
		symbol[size] = '\0';
		allocator_shim(symbol);
		usdt_args(symbol, arg, 3);
	}
	free(symbol);
	insn_stub(data, size, &target);
	if (insn_probe(data, size, INSN_ARG1 | INSN_STACK, &place) == 0 &&
	    place.offset >= size)
		abort();
	if (obj) {
		got_slots(obj, see_slot, &sum);
		usdt_notes(obj, see_note, &sum);
	}
	elf_file_close(obj);
	return 0;
}
