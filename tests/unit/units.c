/*
 * Sizes, changes, shares and times as people read them.
 */
#include <inttypes.h>
#include <string.h>

#include "base/units.h"
#include "tap.h"

#define S UINT64_C(1000000000)

static void
check_time(void)
{
	char buf[UNITS_MAX];

	ok(!strcmp(units_time(buf, 3723 * S, 0), "01:02:03"), "a time");
	ok(!strcmp(units_time(buf, S / 2, 1), "00:00:00.5"), "with tenths");
	ok(!strcmp(units_time(buf, 360000 * S, 0), "100:00:00"), "of several days");
	ok(!strcmp(units_range(buf, 0, 90 * S), "00:00:00-00:01:30"), "a range");
	ok(!strcmp(units_range(buf, S / 2, UINT64_MAX), "00:00:00.5-"), "an open end");
	ok(strlen(units_range(buf, UINT64_MAX - 1, UINT64_MAX - 1)) < UNITS_MAX - 1,
	    "the longest range fits");
}

static void
check_size(void)
{
	static const struct {
		uint64_t bytes;
		const char *want;
	} sizes[] = { { 0, "   0B" }, { 17, "  17B" }, { 999, " 999B" },
		{ 1000, " 1.0K" }, { 4200, " 4.1K" }, { 12 << 20, "  12M" },
		{ UINT64_MAX, "  16E" } };
	char buf[UNITS_MAX];

	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
		ok(!strcmp(units_size(buf, sizes[i].bytes), sizes[i].want),
		    "%" PRIu64 " bytes are '%s', not '%s'", sizes[i].bytes, sizes[i].want, buf);
}

static void
check_change(void)
{
	char buf[UNITS_MAX];

	ok(!strcmp(units_change(buf, 0, 4200), "+4.1K"), "an increase");
	ok(!strcmp(units_change(buf, 12 << 20, 0), "-12M"), "a decrease");
	ok(!strcmp(units_change(buf, 7, 7), "0B"), "no change");
}

static void
check_percent(void)
{
	ok(units_percent(1, 4) == 25, "a quarter");
	ok(units_percent(1, 0) == 0, "of nothing");
}

int
main(void)
{
	check_time();
	check_size();
	check_change();
	check_percent();
	return tap_done();
}
