/* Any string as a symbol: the readable name ends within its room. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "symbol/demangle.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *symbol = malloc(size + 1), *out = malloc(DEMANGLE_MAX);

	if (symbol && out) {
		memcpy(symbol, data, size);
		symbol[size] = '\0';
		memset(out, 'x', DEMANGLE_MAX);
		demangle(out, DEMANGLE_MAX, symbol);
		if (memchr(out, '\0', DEMANGLE_MAX) == NULL)
			abort();
	}
	free(symbol);
	free(out);
	return 0;
}
