/*
 * Durations and numbers as they are typed, and what is none.
 */
#include "base/arg.h"
#include "tap.h"

static const struct {
	const char *text;
	uint64_t ns;
} good[] = {
	{ "0", 0 },
	{ "90", 90000000000 },
	{ "1.5", 1500000000 },
	{ "0.5s", 500000000 },
	{ "30s", 30000000000 },
	{ "5m", 300000000000 },
	{ "1h30m", 5400000000000 },
	{ "1.5h", 5400000000000 },
	{ "1h1m1s1ms", 3661001000000 },
	{ "250ms", 250000000 },
	{ "0.0000000019", 1 },
	{ "0.001ms", 1000 },
	{ "18446744073.709551615", UINT64_MAX },
};

static const char *const bad[] = {
	"", " 5", "5 ", "-1", "+1", "1.", ".5", "1..5", "s", "1x", "1h30", "30m1h",
	"5m5m", "1hm", "5S", "1e3", "18446744073.709551616", "99999999h",
	"18446744073709551616", "5124096h", "1h18446744073s",
};

static const struct {
	const char *text;
	uint64_t from, to;
} ranges[] = {
	{ "10s-1m30s", 10000000000, 90000000000 },
	{ "0-5", 0, 5000000000 },
	{ "-2s", 0, 2000000000 },
	{ "1.5s-", 1500000000, UINT64_MAX },
	{ "-", 0, UINT64_MAX },
};

static const char *const no_range[] = {
	"", "5", "5-5", "6s-5s", "a-b", "1-2-3", "1s- 2s", "--", "1-x",
};

static void
check_ranges(void)
{
	uint64_t from = 7, to = 7;

	for (size_t i = 0; i < sizeof no_range / sizeof no_range[0]; i++)
		ok(arg_range(no_range[i], &from, &to) < 0 && from == 7 && to == 7,
		    "no range: \"%s\"", no_range[i]);
	for (size_t i = 0; i < sizeof ranges / sizeof ranges[0]; i++)
		ok(arg_range(ranges[i].text, &from, &to) == 0 && from == ranges[i].from &&
		    to == ranges[i].to, "range %s", ranges[i].text);
}

int
main(void)
{
	uint64_t n;
	size_t i;

	check_ranges();

	for (i = 0; i < sizeof good / sizeof good[0]; i++)
		ok(arg_duration(good[i].text, &n) == 0 && n == good[i].ns,
		    "duration %s", good[i].text);
	for (i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		n = 7;
		ok(arg_duration(bad[i], &n) < 0 && n == 7,
		    "no duration: \"%s\"", bad[i]);
	}
	ok(arg_size("17", &n) == 0 && n == 17 && arg_size("4G", &n) == 0 && n == (uint64_t)4 << 30 &&
	        arg_size("1K", &n) == 0 && n == 1024,
	    "size");
	n = 7;
	ok(arg_size("", &n) < 0 && arg_size("G", &n) < 0 && arg_size("4g", &n) < 0 &&
	        arg_size("4GB", &n) < 0 && arg_size("-1", &n) < 0 && arg_size("99999999T", &n) < 0 &&
	        n == 7,
	    "no size");
	ok(arg_memory("8", 0, UINT64_MAX, &n) == 0 && n == 8 << 20 &&
	        arg_memory("8M", 0, UINT64_MAX, &n) == 0 && n == 8 << 20 &&
	        arg_memory("2G", 0, UINT64_MAX, &n) == 0 && n == 2ULL << 30,
	    "memory");
	n = 7;
	ok(arg_memory("8", 9 << 20, UINT64_MAX, &n) < 0 && arg_memory("8", 0, 7 << 20, &n) < 0 &&
	        arg_memory("", 0, UINT64_MAX, &n) < 0 && arg_memory("x", 0, UINT64_MAX, &n) < 0 &&
	        arg_memory("99999999999999", 0, UINT64_MAX, &n) < 0 && n == 7,
	    "no memory");
	ok(arg_number("99", 1, 10000, &n) == 0 && n == 99, "number");
	ok(arg_number("18446744073709551615", 0, UINT64_MAX, &n) == 0 &&
	    n == UINT64_MAX, "largest number");
	n = 7;
	ok(arg_number("0", 1, 9, &n) < 0 && arg_number("10", 1, 9, &n) < 0,
	    "out of range");
	ok(arg_number("", 0, 9, &n) < 0 && arg_number("-1", 0, 9, &n) < 0 &&
	    arg_number("1x", 0, 9, &n) < 0 && arg_number(" 1", 0, 9, &n) < 0
	    && arg_number("18446744073709551616", 0, UINT64_MAX, &n) < 0,
	    "no number");
	ok(n == 7, "and nothing is set");
	return tap_done();
}
