#include "profile/bound.h"

#include <inttypes.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arg.h"
#include "base/units.h"

#define LIMIT_MAX 32 /* characters */

static const struct what {
	const char *name;
	enum bound_what what;
	enum bound_unit unit;
} whats[] = {
	{ "cpu", BOUND_CPU, BOUND_NS },
	{ "off", BOUND_OFF, BOUND_NS },
	{ "live", BOUND_LIVE, BOUND_BYTE },
	{ "peak", BOUND_PEAK, BOUND_BYTE },
	{ "bytes", BOUND_BYTES, BOUND_BYTE },
	{ "allocs", BOUND_ALLOCS, BOUND_NUMBER },
	{ "temps", BOUND_TEMPS, BOUND_NUMBER },
	{ "total", BOUND_CPU, BOUND_NS },
};
#define NWHATS (sizeof whats / sizeof whats[0])

static const struct {
	const char *text;
	enum bound_compare compare;
} compares[] = {
	{ "<=", BOUND_AT_MOST },
	{ ">=", BOUND_AT_LEAST },
	{ "<", BOUND_LESS },
	{ ">", BOUND_MORE },
	{ "=", BOUND_EQUAL },
};
#define NCOMPARES (sizeof compares / sizeof compares[0])

/* ---- parsing ----------------------------------------------------------- */

/* Returns where a change such as ":+5%" begins in s, or NULL. */
static const char *
find_change(const char *s)
{
	const char *colon = strrchr(s, ':');

	return colon && (colon[1] == '+' || colon[1] == '-') ? colon : NULL;
}

/* Returns where the comparison begins, the last in s, since a name may have others in it; or
 * NULL. */
static const char *
find_compare(const char *s)
{
	const char *p = s + strlen(s);

	while (p > s && strchr("<>=", p[-1]) == NULL)
		p--;
	if (p == s)
		return NULL;
	p--;
	return p > s && *p == '=' && strchr("<>", p[-1]) ? p - 1 : p;
}

/* Parse a number without a sign, and the unit % where it is wanted. */
static int
parse_number(const char *s, int percent, double *out)
{
	size_t digits = strspn(s, "0123456789.");
	char *end;

	if (digits == 0 || digits > LIMIT_MAX || strcmp(s + digits, percent ? "%" : "") != 0)
		return -1;
	*out = strtod(s, &end);
	return end == s + digits ? 0 : -1;
}

static const char *
parse_time(struct bound *b, const char *s)
{
	uint64_t ns;

	if (parse_number(s, 1, &b->limit) == 0) {
		b->unit = BOUND_SHARE;
		b->limit /= 100;
		return b->name ? NULL : "all of the time is 100 %: a share needs a name";
	}
	if (s[strspn(s, "0123456789.")] == '\0')
		return "it has no unit (such as 20%, 1.5s or 250ms)";
	if (arg_duration(s, &ns) < 0)
		return "not a share or a time (such as 20%, 1.5s or 250ms)";
	b->limit = (double)ns;
	return NULL;
}

static const char *
parse_limit(struct bound *b, const char *s)
{
	uint64_t n;

	if (b->unit == BOUND_NS)
		return parse_time(b, s);
	if (b->unit == BOUND_BYTE && arg_size(s, &n) < 0)
		return "not a size (such as 1200, 64K or 2G)";
	if (b->unit == BOUND_NUMBER && arg_number(s, 0, UINT64_MAX, &n) < 0)
		return "not a number (such as 1200)";
	b->limit = (double)n;
	return NULL;
}

static const char *
parse_change(struct bound *b, const char *s)
{
	double percent;

	if (parse_number(s + 1, 1, &percent) < 0 || (*s == '-' && percent > 100))
		return "not a change (such as +5% or -10%)";
	b->unit = BOUND_CHANGE;
	b->compare = BOUND_AT_MOST;
	b->limit = 1 + (*s == '-' ? -percent : percent) / 100;
	return NULL;
}

/* Parse what is before the limit, from b->text up to `end`. */
static const char *
parse_subject(struct bound *b, const char *end, size_t *at)
{
	const char *colon = memchr(b->text, ':', (size_t)(end - b->text));
	const char *word = colon ? colon : end, *dot;
	size_t len = (size_t)(word - b->text), i = 0;

	if ((dot = memchr(b->text, '.', len))) {
		if (word - dot != 5 || strncmp(dot, ".self", 5) != 0) {
			*at = (size_t)(dot - b->text);
			return "only .self can follow";
		}
		b->self = 1;
		len = (size_t)(dot - b->text);
	}
	while (i < NWHATS && (strlen(whats[i].name) != len ||
	    memcmp(whats[i].name, b->text, len) != 0))
		i++;
	if (i == NWHATS)
		return "unknown (cpu, off, live, peak, bytes, allocs, temps or total)";
	b->what = whats[i].what;
	b->unit = whats[i].unit;
	if (colon) {
		b->name = colon + 1;
		b->name_len = (size_t)(end - b->name);
		*at = (size_t)(b->name - b->text);
	}
	if (colon && b->name_len == 0)
		return "no name";
	if (b->name && i == NWHATS - 1)
		return "total is that of the whole process (try cpu)";
	if (b->self && b->name == NULL)
		return "self is that of a function or crate: name one";
	return NULL;
}

const char *
bound_parse(struct bound *b, const char *text, size_t *at)
{
	const char *change = find_change(text), *compare = find_compare(text), *why;
	size_t i = 0;

	*b = (struct bound){ .text = text };
	*at = 0;
	if ((why = parse_subject(b, change ? change : compare ? compare : text + strlen(text), at)))
		return why;
	if (change) {
		*at = (size_t)(change + 1 - text);
		return parse_change(b, change + 1);
	}
	*at = strlen(text);
	if (compare == NULL)
		return "no limit (such as <64M, <=1200, <20% or :+5%)";
	while (i < NCOMPARES - 1 && strncmp(compare, compares[i].text, strlen(compares[i].text)))
		i++;
	b->compare = compares[i].compare;
	*at = (size_t)(compare - text) + strlen(compares[i].text);
	return parse_limit(b, text + *at);
}

/* ---- deciding ---------------------------------------------------------- */

static int
keeps(enum bound_compare compare, double figure, double limit)
{
	switch (compare) {
	case BOUND_LESS: return figure < limit;
	case BOUND_AT_MOST: return figure <= limit;
	case BOUND_AT_LEAST: return figure >= limit;
	case BOUND_MORE: return figure > limit;
	default: return figure == limit;
	}
}

enum bound_state
bound_decide(const struct bound *b, const struct bound_figure *f)
{
	int low, high;

	if (f->basis == BOUND_UNBOUNDED)
		return BOUND_UNDECIDED;
	low = keeps(b->compare, f->least, b->limit);
	high = keeps(b->compare, f->most, b->limit);
	if (low && high)
		return BOUND_KEPT;
	if (low || high)
		return BOUND_UNDECIDED;
	if (b->compare == BOUND_EQUAL && f->least < b->limit && f->most > b->limit)
		return BOUND_UNDECIDED;
	return BOUND_BROKEN;
}

/* ---- for people -------------------------------------------------------- */

/* Format a figure with its unit, which is left out if `bare`. */
static void
put_value(char *buf, size_t size, enum bound_unit unit, double v, int bare)
{
	char text[UNITS_MAX];
	const char *s;

	switch (unit) {
	case BOUND_SHARE: snprintf(buf, size, bare ? "%.1f" : "%.1f %%", 100 * v); return;
	case BOUND_NS: snprintf(buf, size, bare ? "%.3f" : "%.3f s", v / 1e9); return;
	case BOUND_NUMBER: snprintf(buf, size, "%.0f", v); return;
	case BOUND_CHANGE:
		v = 100 * (v - 1);
		if (isinf(v))
			snprintf(buf, size, "no end");
		else
			snprintf(buf, size, bare ? "%+.1f" : "%+.1f %%", fabs(v) < 0.05 ? 0 : v);
		return;
	case BOUND_BYTE: break;
	}
	s = units_size(text, v < 1.8e19 ? (uint64_t)v : UINT64_MAX);
	s += strspn(s, " ");
	if (v < 1024 || bare)
		snprintf(buf, size, "%s", s);
	else
		snprintf(buf, size, "%s (%.0f bytes)", s, v);
}

const char *
bound_figure_text(char buf[BOUND_TEXT_MAX], const struct bound *b, const struct bound_figure *f)
{
	static const char *const words[] = { [BOUND_SAMPLED] = ", by sampling alone",
		[BOUND_SPREAD] = ", by the spread between recordings", [BOUND_RANGE] = "" };
	char value[64], least[64], most[64];

	put_value(value, sizeof value, b->unit, f->value, 0);
	put_value(least, sizeof least, b->unit, f->least, 1);
	put_value(most, sizeof most, b->unit, f->most, b->unit == BOUND_BYTE);
	if (isinf(f->value))
		snprintf(buf, BOUND_TEXT_MAX, "from nothing to more");
	else if (f->basis == BOUND_UNBOUNDED)
		snprintf(buf, BOUND_TEXT_MAX, "%s, an estimate whose error is not known", value);
	else if (f->basis == BOUND_EXACT)
		snprintf(buf, BOUND_TEXT_MAX, "%s", value);
	else
		snprintf(buf, BOUND_TEXT_MAX, "%s (95 %%: %s to %s%s)", value, least, most,
		    words[f->basis]);
	return buf;
}

const char *
bound_state_name(enum bound_state state)
{
	static const char *const names[] = { "kept", "broken", "undecided" };

	return names[state];
}

const char *
bound_what_name(enum bound_what what)
{
	return whats[what].name;
}

int
bound_is_memory(enum bound_what what)
{
	return what >= BOUND_LIVE;
}
