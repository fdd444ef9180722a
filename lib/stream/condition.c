#include "stream/condition.h"

#include <string.h>

#include "base/arg.h"
#include "stream/rec.h"

#define SECOND 1000000000

static const struct {
	const char *name;
	enum condition_kind kind;
} kinds[] = {
	{ "cpu=", CONDITION_CPU },
	{ "rss=", CONDITION_RSS },
	{ "live=", CONDITION_LIVE },
};
#define NKINDS (sizeof kinds / sizeof *kinds)

/* Parse a share, "300%", of at least 1. */
static int
percent(const char *s, uint64_t *out)
{
	size_t len = strlen(s);
	char digits[16];

	if (len < 2 || len > sizeof digits || s[len - 1] != '%')
		return -1;
	memcpy(digits, s, len - 1);
	digits[len - 1] = '\0';
	return arg_number(digits, 1, 1000000, out);
}

int
condition_parse(struct condition *c, const char *text)
{
	*c = (struct condition){ .text = text, .kind = CONDITION_END };
	if (strcmp(text, "end") == 0)
		return 0;
	for (size_t i = 0; i < NKINDS; i++) {
		size_t len = strlen(kinds[i].name);

		if (strncmp(text, kinds[i].name, len) != 0)
			continue;
		c->kind = kinds[i].kind;
		return c->kind == CONDITION_CPU ? percent(text + len, &c->limit) :
		                                  arg_size(text + len, &c->limit);
	}
	return -1;
}

#define BUCKETS (CONDITION_SECONDS + CONDITION_LATE)

/* Go on to a second, and let go of those that are too old. */
static void
go_on(struct condition *c, uint64_t second)
{
	uint64_t n = second - c->now;

	if (n > BUCKETS)
		n = BUCKETS;
	for (uint64_t i = 0; i < n; i++)
		c->ns[(second - i) % BUCKETS] = 0;
	c->now = second;
}

/* Count CPU time; when a second begins, compare the mean of those that are complete. */
static void
on_cpu(struct condition *c, uint64_t time, uint64_t ns)
{
	uint64_t second = time / SECOND, sum = 0;

	if (second > c->now) {
		go_on(c, second);
		for (uint64_t i = CONDITION_LATE; i < BUCKETS; i++)
			sum += c->ns[(second + BUCKETS - i) % BUCKETS];
		c->holds = sum / (SECOND / 100) > c->limit * CONDITION_SECONDS;
	}
	if (c->now - second < BUCKETS)
		c->ns[second % BUCKETS] += ns < SECOND ? ns : SECOND;
}

/* Look at the unit of a stream's samples, NULL where it says nothing. */
static void
on_unit(struct condition *c, const char *unit)
{
	if (unit && strcmp(unit, "ns") != 0)
		c->blind = 1;
}

/* Note whether a process is over the limit. */
static int
on_process(struct condition *c, uint64_t pid, int over)
{
	if (over && idmap_put(&c->over, pid, 1) < 0)
		return -1;
	if (!over)
		idmap_delete(&c->over, pid);
	c->holds = c->over.used > 0;
	return 0;
}

int
condition_record(struct condition *c, const struct rec *r)
{
	if (c->kind == CONDITION_CPU && r->type == REC_RSPROF)
		on_unit(c, rec_attr(&r->rsprof, "unit"));
	else if (c->kind == CONDITION_CPU && r->type == REC_CPU && !c->blind)
		on_cpu(c, r->cpu.time, r->cpu.ns);
	else if (c->kind == CONDITION_CPU && r->type == REC_COST)
		on_cpu(c, r->cost.time, 0); /* time goes on where nothing runs */
	else if (c->kind == CONDITION_RSS && r->type == REC_MEMORY)
		return on_process(c, r->memory.pid, r->memory.rss > c->limit);
	else if (c->kind == CONDITION_LIVE && r->type == REC_MEMORY)
		return on_process(c, r->memory.pid, r->memory.live > c->limit);
	else if ((c->kind == CONDITION_RSS || c->kind == CONDITION_LIVE) && r->type == REC_EXIT &&
	    r->exit.tid == 0)
		return on_process(c, r->exit.pid, 0);
	return 0;
}

void
condition_clear(struct condition *c)
{
	idmap_clear(&c->over);
}
