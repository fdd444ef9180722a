/* Without libiberty names stay as they are in the file. */
#include "symbol/demangle.h"

#include <string.h>

void
demangle(char *out, size_t size, const char *symbol)
{
	size_t len = strlen(symbol);

	if (len < size) {
		memcpy(out, symbol, len + 1);
		return;
	}
	memcpy(out, symbol, size - 1);
	out[size - 1] = '\0';
	if (size > 3)
		memcpy(out + size - 4, "...", 3);
}

void
demangle_whole(char *out, size_t size, const char *symbol)
{
	demangle(out, size, symbol);
}
