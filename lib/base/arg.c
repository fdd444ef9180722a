#include "base/arg.h"

#include <string.h>

static const struct unit {
	const char *name;
	uint64_t ns;
} units[] = {
	{ "h", 3600000000000 },
	{ "m", 60000000000 },
	{ "s", 1000000000 },
	{ "ms", 1000000 },
};
#define NUNITS (sizeof units / sizeof units[0])
#define SECOND 2

static int
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Parse the digits at *s into *out and move *s past them.  Returns -1 if there are none
 * or the number overflows. */
static int
digits(const char **s, uint64_t *out)
{
	if (!is_digit(**s))
		return -1;
	for (*out = 0; is_digit(**s); (*s)++)
		if (__builtin_mul_overflow(*out, 10, out) ||
		    __builtin_add_overflow(*out, (uint64_t)(**s - '0'), out))
			return -1;
	return 0;
}

/* Parse the unit at *s, which must be smaller than `after`; a string that ends without
 * any unit is in seconds.  Returns its index, or -1. */
static int
unit(const char **s, int after)
{
	size_t len = strcspn(*s, "0123456789."), i;

	if (len == 0 && **s == '\0' && after < 0)
		return SECOND;
	for (i = (size_t)(after + 1); i < NUNITS; i++)
		if (len == strlen(units[i].name) &&
		    memcmp(*s, units[i].name, len) == 0) {
			*s += len;
			return (int)i;
		}
	return -1;
}

/* Parse a number and its unit into *ns.  Returns the unit's index, or -1. */
static int
term(const char **s, int after, uint64_t *ns)
{
	const char *fraction = NULL;
	uint64_t scale;
	int u;

	if (digits(s, ns) < 0)
		return -1;
	if (**s == '.') {
		fraction = ++*s;
		*s += strspn(*s, "0123456789");
		if (*s == fraction)
			return -1;
	}
	if ((u = unit(s, after)) < 0 ||
	    __builtin_mul_overflow(*ns, units[u].ns, ns))
		return -1;
	scale = units[u].ns / 10;
	for (; fraction && is_digit(*fraction); fraction++, scale /= 10)
		if (__builtin_add_overflow(*ns,
		    (uint64_t)(*fraction - '0') * scale, ns))
			return -1;
	return u;
}

int
arg_duration(const char *s, uint64_t *ns)
{
	uint64_t sum = 0, part;
	int u = -1;

	do {
		if ((u = term(&s, u, &part)) < 0 ||
		    __builtin_add_overflow(sum, part, &sum))
			return -1;
	} while (*s);
	*ns = sum;
	return 0;
}

int
arg_range(const char *s, uint64_t *from, uint64_t *to)
{
	const char *dash = strchr(s, '-');
	uint64_t begin = 0, end = UINT64_MAX;
	char first[64];

	if (dash == NULL || (size_t)(dash - s) >= sizeof first)
		return -1;
	memcpy(first, s, (size_t)(dash - s));
	first[dash - s] = '\0';
	if (*first && arg_duration(first, &begin) < 0)
		return -1;
	if (dash[1] && arg_duration(dash + 1, &end) < 0)
		return -1;
	if (end <= begin)
		return -1;
	*from = begin;
	*to = end;
	return 0;
}

int
arg_size(const char *s, uint64_t *out)
{
	static const char letters[] = "KMGT";
	const char *letter;
	uint64_t n;

	if (digits(&s, &n) < 0)
		return -1;
	if (*s && (letter = strchr(letters, *s))) {
		if (__builtin_mul_overflow(n, (uint64_t)1024 << 10 * (letter - letters), &n))
			return -1;
		s++;
	}
	if (*s)
		return -1;
	*out = n;
	return 0;
}

int
arg_memory(const char *s, uint64_t min, uint64_t max, uint64_t *out)
{
	uint64_t n;

	if (arg_size(s, &n) < 0)
		return -1;
	if (s[strspn(s, "0123456789")] == '\0' && __builtin_mul_overflow(n, 1ULL << 20, &n))
		return -1;
	if (n < min || n > max)
		return -1;
	*out = n;
	return 0;
}

int
arg_number(const char *s, uint64_t min, uint64_t max, uint64_t *out)
{
	uint64_t n;

	if (digits(&s, &n) < 0 || *s || n < min || n > max)
		return -1;
	*out = n;
	return 0;
}
