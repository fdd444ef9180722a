/* Any bytes as an ELF file whose symbols tell of allocators, and as such a
 * symbol. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "allocator.h"
#include "obj.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct allocator_look look = { .file = "x", .rust = 1 };
	const char *error, *remedy;
	struct obj *obj = obj_image(data, size, &error);
	char *symbol = malloc(size + 1), why[64];

	if (symbol) {
		memcpy(symbol, data, size);
		symbol[size] = '\0';
		allocator_shim(symbol);
	}
	free(symbol);
	if (obj) {
		allocator_look(&look, obj);
		allocator_judge(&look, 1, 0, why, sizeof why, &remedy);
	}
	obj_close(obj);
	return 0;
}
