#include "base/units.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define SECOND UINT64_C(1000000000)
#define TIME_MAX (UNITS_MAX / 2 - 1)

const char *
units_size(char buf[UNITS_MAX], uint64_t bytes)
{
	static const char unit[] = "BKMGTPE";
	double n = (double)bytes;
	int u = 0;

	while (n >= 999.5 && unit[u + 1]) {
		n /= 1024;
		u++;
	}
	if (u && n < 9.95)
		snprintf(buf, UNITS_MAX, "%4.1f%c", n, unit[u]);
	else
		snprintf(buf, UNITS_MAX, "%4.0f%c", n, unit[u]);
	return buf;
}

const char *
units_change(char buf[UNITS_MAX], uint64_t before, uint64_t after)
{
	uint64_t by = after > before ? after - before : before - after;
	char size[UNITS_MAX];
	const char *s = units_size(size, by);

	snprintf(buf, UNITS_MAX, "%s%s", by == 0 ? "" : after > before ? "+" : "-",
	    s + strspn(s, " "));
	return buf;
}

static void
put_time(char *buf, size_t size, uint64_t ns, int tenths)
{
	uint64_t s = ns / SECOND;
	int n = snprintf(buf, size, "%02" PRIu64 ":%02u:%02u", s / 3600,
	    (unsigned)(s / 60 % 60), (unsigned)(s % 60));

	if (tenths && n > 0 && (size_t)n < size)
		snprintf(buf + n, size - (size_t)n, ".%u",
		    (unsigned)(ns % SECOND / (SECOND / 10)));
}

const char *
units_time(char buf[UNITS_MAX], uint64_t ns, int tenths)
{
	put_time(buf, UNITS_MAX, ns, tenths);
	return buf;
}

static int
has_tenths(uint64_t ns)
{
	return ns % SECOND >= SECOND / 10;
}

const char *
units_range(char buf[UNITS_MAX], uint64_t from, uint64_t to)
{
	char begin[TIME_MAX], end[TIME_MAX] = "";

	put_time(begin, sizeof begin, from, has_tenths(from));
	if (to != UINT64_MAX)
		put_time(end, sizeof end, to, has_tenths(to));
	snprintf(buf, UNITS_MAX, "%s-%s", begin, end);
	return buf;
}

double
units_percent(uint64_t part, uint64_t whole)
{
	return whole ? 100.0 * (double)part / (double)whole : 0;
}
