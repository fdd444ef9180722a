/*
 * Bounds: what expressions mean, what is wrong with bad ones and where, what figures keep
 * them; and the near misses of names.
 */
#include "profile/bound.h"

#include <math.h>
#include <string.h>

#include "profile/near.h"
#include "tap.h"

static void
test_good(void)
{
	static const struct {
		const char *text;
		enum bound_what what;
		int self;
		const char *name;
		enum bound_compare compare;
		enum bound_unit unit;
		double limit;
	} good[] = {
		{ "live<64M", BOUND_LIVE, 0, NULL, BOUND_LESS, BOUND_BYTE, 67108864 },
		{ "allocs:parse_header<=1200", BOUND_ALLOCS, 0, "parse_header", BOUND_AT_MOST,
		    BOUND_NUMBER, 1200 },
		{ "cpu:serde_json<20%", BOUND_CPU, 0, "serde_json", BOUND_LESS, BOUND_SHARE, 0.2 },
		{ "cpu.self:a::b>=0.5%", BOUND_CPU, 1, "a::b", BOUND_AT_LEAST, BOUND_SHARE, 0.005 },
		{ "cpu:Vec<_>::push<1m30s", BOUND_CPU, 0, "Vec<_>::push", BOUND_LESS, BOUND_NS,
		    90e9 },
		{ "off:<A as B>::c>250ms", BOUND_OFF, 0, "<A as B>::c", BOUND_MORE, BOUND_NS, 25e7 },
		{ "total:+5%", BOUND_CPU, 0, NULL, BOUND_AT_MOST, BOUND_CHANGE, 1.05 },
		{ "peak.self:x::y:-10%", BOUND_PEAK, 1, "x::y", BOUND_AT_MOST, BOUND_CHANGE, 0.9 },
		{ "total<30s", BOUND_CPU, 0, NULL, BOUND_LESS, BOUND_NS, 30e9 },
		{ "temps=0", BOUND_TEMPS, 0, NULL, BOUND_EQUAL, BOUND_NUMBER, 0 },
		{ "bytes:syn 2.0.1<1K", BOUND_BYTES, 0, "syn 2.0.1", BOUND_LESS, BOUND_BYTE, 1024 },
	};

	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		const char *name = good[i].name;
		struct bound b;
		size_t at;

		ok(bound_parse(&b, good[i].text, &at) == NULL && b.what == good[i].what &&
		    b.self == good[i].self && b.compare == good[i].compare &&
		    b.unit == good[i].unit && fabs(b.limit - good[i].limit) < 1e-9 &&
		    (name ? b.name && b.name_len == strlen(name) &&
		    memcmp(b.name, name, b.name_len) == 0 : b.name == NULL), "%s", good[i].text);
	}
}

static void
test_bad(void)
{
	static const struct {
		const char *text;
		size_t at;
		const char *why; /* how it begins */
	} bad[] = {
		{ "", 0, "unknown" },
		{ "liv<5", 0, "unknown" },
		{ "<5", 0, "unknown" },
		{ "live", 4, "no limit" },
		{ "live<", 5, "not a size" },
		{ "live<64Q", 5, "not a size" },
		{ "live<-1", 5, "not a size" },
		{ "live<99999999999999999999", 5, "not a size" },
		{ "allocs<1.5", 7, "not a number" },
		{ "cpu:a<20", 6, "it has no unit" },
		{ "cpu:a<20%%", 6, "not a share" },
		{ "cpu:a<1e5%", 6, "not a share" },
		{ "cpu:a<1.2.3%", 6, "not a share" },
		{ "cpu<20%", 4, "all of the time" },
		{ "cpu:<20%", 4, "no name" },
		{ "cpu.sel:a<20%", 3, "only .self" },
		{ "cpu.self<20s", 0, "self is that" },
		{ "total:a<5s", 6, "total is that" },
		{ "cpu:a:+5", 6, "not a change" },
		{ "cpu:a:+x%", 6, "not a change" },
		{ "cpu:a:-101%", 6, "not a change" },
		{ "cpu:a::b", 8, "no limit" },
	};

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct bound b;
		size_t at;
		const char *why = bound_parse(&b, bad[i].text, &at);

		ok(why && at == bad[i].at && strncmp(why, bad[i].why, strlen(bad[i].why)) == 0,
		    "\"%s\": at %zu: %s", bad[i].text, at, why ? why : "nothing wrong");
	}
}

static void
test_decisions(void)
{
	static const struct {
		const char *text;
		double least, most;
		enum bound_basis basis;
		enum bound_state state;
	} cases[] = {
		{ "allocs<=1200", 1200, 1200, BOUND_EXACT, BOUND_KEPT },
		{ "allocs<=1200", 1201, 1201, BOUND_EXACT, BOUND_BROKEN },
		{ "allocs<1200", 1200, 1200, BOUND_EXACT, BOUND_BROKEN },
		{ "allocs=7", 7, 7, BOUND_EXACT, BOUND_KEPT },
		{ "allocs=7", 8, 8, BOUND_EXACT, BOUND_BROKEN },
		{ "allocs=7", 6, 8, BOUND_RANGE, BOUND_UNDECIDED },
		{ "allocs<5", 6, 8, BOUND_UNBOUNDED, BOUND_UNDECIDED },
		{ "cpu:a<20%", 0.18, 0.199, BOUND_SAMPLED, BOUND_KEPT },
		{ "cpu:a<20%", 0.18, 0.22, BOUND_SAMPLED, BOUND_UNDECIDED },
		{ "cpu:a<20%", 0.21, 0.25, BOUND_SAMPLED, BOUND_BROKEN },
		{ "cpu:a>20%", 0.18, 0.199, BOUND_SAMPLED, BOUND_BROKEN },
		{ "cpu:a:+5%", 1.06, 1.2, BOUND_SPREAD, BOUND_BROKEN },
		{ "cpu:a:+5%", 1.04, INFINITY, BOUND_SAMPLED, BOUND_UNDECIDED },
		{ "cpu:a:+5%", 0.9, 1.04, BOUND_SAMPLED, BOUND_KEPT },
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct bound_figure f = { cases[i].least, cases[i].least, cases[i].most,
			cases[i].basis };
		char text[BOUND_TEXT_MAX];
		enum bound_state state;
		struct bound b;
		size_t at;

		bound_parse(&b, cases[i].text, &at);
		state = bound_decide(&b, &f);
		ok(state == cases[i].state, "%s: %s: %s", cases[i].text,
		    bound_figure_text(text, &b, &f), bound_state_name(state));
	}
}

static void
test_near(void)
{
	static const char *const names[] = { "a::parse_header", "a::parse_headers", "main",
		"a::parse_heade", "b::parse_header", "x::unrelated", "y::parser_header",
		"q::parse_header::inner", "parse_header" };
	struct near near = { .wanted = "c::Parse_header" };

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		near_offer(&near, names[i]);
	near_offer(&near, names[0]);
	ok(near.n == NEAR_MOST && strcmp(near.name[0], "a::parse_header") == 0 &&
	    strcmp(near.name[1], "b::parse_header") == 0 &&
	    strcmp(near.name[2], "parse_header") == 0, "the nearest come first, each once");
	ok(strcmp(near.name[3], "a::parse_heade") == 0 &&
	    strcmp(near.name[4], "a::parse_headers") == 0, "then those that differ by a letter");
	near = (struct near){ .wanted = "" };
	near_offer(&near, "main");
	ok(near.n == 0, "nothing is near to nothing");
}

int
main(void)
{
	test_good();
	test_bad();
	test_decisions();
	test_near();
	return tap_done();
}
