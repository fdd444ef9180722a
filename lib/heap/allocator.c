#include "heap/allocator.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(a) (sizeof a / sizeof *a)

static const char *const shims[] = {
	"__rust_alloc", "__rust_dealloc", "__rust_realloc", "__rust_alloc_zeroed"
};

/* Returns whether name is the last part of a v0 symbol: its length in decimal,
 * an underscore because name begins with one, name itself.  LLVM may append a
 * suffix after a period. */
static int
ends_v0(const char *symbol, const char *name)
{
	char part[64];
	size_t n = (size_t)snprintf(part, sizeof part, "%zu_%s", strlen(name), name);
	size_t len = strcspn(symbol, ".");

	return len > n && memcmp(symbol + len - n, part, n) == 0 &&
	    !isdigit((unsigned char)symbol[len - n - 1]);
}

/* Returns whether name is the last part but one of a legacy symbol: _ZN, parts
 * with their lengths, the last of them a hash, E. */
static int
ends_legacy(const char *symbol, const char *name)
{
	const char *s = symbol + 3, *before = NULL, *last = NULL;
	size_t len = 0, before_len = 0;

	while (isdigit((unsigned char)*s)) {
		char *end;

		before = last;
		before_len = len;
		len = strtoul(s, &end, 10);
		last = end;
		if (len > strlen(end))
			return 0;
		s = end + len;
	}
	if (*s != 'E' || before == NULL || len != 17 || *last != 'h')
		return 0;
	/* rustc may add an underscore before a name that begins with one. */
	if (before_len == strlen(name) + 1 && *before == '_') {
		before++;
		before_len--;
	}
	return before_len == strlen(name) && memcmp(before, name, before_len) == 0;
}

int
allocator_shim(const char *symbol)
{
	for (int i = 0; i < (int)COUNT(shims); i++)
		if (strcmp(symbol, shims[i]) == 0 ||
		    (strncmp(symbol, "_R", 2) == 0 && ends_v0(symbol, shims[i])) ||
		    (strncmp(symbol, "_ZN", 3) == 0 && ends_legacy(symbol, shims[i])))
			return i;
	return -1;
}
