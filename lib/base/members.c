#include "base/members.h"

#include <inttypes.h>

#include "base/quote.h"

void
member_key(FILE *out, const char *key)
{
	int first = *key == '{';

	fprintf(out, "%c\"%s\":", first ? '{' : ',', key + first);
}

void
member_number(FILE *out, const char *key, uint64_t n)
{
	member_key(out, key);
	fprintf(out, "%" PRIu64, n);
}

void
member_some(FILE *out, const char *key, uint64_t n)
{
	if (n)
		member_number(out, key, n);
	else
		member_text(out, key, NULL);
}

void
member_text(FILE *out, const char *key, const char *s)
{
	member_key(out, key);
	quote_json(out, s);
}

void
member_bool(FILE *out, const char *key, int is)
{
	member_key(out, key);
	fputs(is ? "true" : "false", out);
}

void
member_signed(FILE *out, const char *key, int64_t n)
{
	member_key(out, key);
	fprintf(out, "%" PRId64, n);
}

void
members_element(FILE *out, size_t i)
{
	fputs(i ? ",\n" : "\n", out);
}
