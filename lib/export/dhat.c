#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/quote.h"
#include "export/export.h"
#include "export/formats.h"

/*
 * The JSON of DHAT (valgrind's dh_view.html): a program point for each stack, with what it has
 * allocated, what was live when most was, and at the end.  When that was is known only at the end:
 * the changes of each stack are kept, and applied again.  There is no place for remarks: how far
 * sums may be off stands behind the command, and stacks of which live memory is not known have a
 * frame that says so, outside of all others.
 */

struct change {
	int64_t time, live, count;
	uint32_t node;
};

/* The memory that was allocated in a stack, by all threads. */
struct site {
	int64_t bytes, blocks, lived;
	int64_t live, count;        /* now */
	int64_t most, most_blocks;  /* when most was live here */
	int64_t at_max, max_blocks; /* when most was live anywhere */
	struct bounds bounds;       /* of live */
};

struct dhat {
	struct change *change;
	size_t nchange, change_room;
	struct site *site; /* by node */
	size_t nsite;
	int64_t live, max, max_time;
	size_t at_max; /* changes until then */
};

/* Make room for the sites of all nodes. */
static int
cover_nodes(struct dhat *d, size_t n)
{
	size_t room = 2 * n + 64;
	struct site *site;

	if (n <= d->nsite)
		return 0;
	if ((site = realloc(d->site, room * sizeof *site)) == NULL)
		return -1;
	memset(site + d->nsite, 0, (room - d->nsite) * sizeof *site);
	d->site = site;
	d->nsite = room;
	return 0;
}

static void
add_to_site(struct site *t, const struct export_sample *s)
{
	t->bytes += s->value[EXPORT_BYTES];
	t->blocks += s->value[EXPORT_ALLOCS];
	t->lived += s->value[EXPORT_LIVED];
	t->live += s->value[EXPORT_LIVE];
	t->count += s->value[EXPORT_COUNT];
	bounds_add(&t->bounds, &s->live);
	if (t->live > t->most) {
		t->most = t->live;
		t->most_blocks = t->count;
	}
	/* Between two records it may have been more. */
	if (s->peak > t->most)
		t->most = s->peak;
}

static int
dhat_sample(struct export *e, const struct export_sample *s)
{
	const struct change c = { s->time, s->value[EXPORT_LIVE], s->value[EXPORT_COUNT], s->node };
	struct dhat *d = e->state;

	if (s->kind != EXPORT_HEAP)
		return 0;
	if (cover_nodes(d, e->stacks.nnode) < 0 ||
	    array_room(&d->change, d->nchange, &d->change_room, sizeof c) < 0)
		return -1;
	/* Records of one time are one state. */
	if (d->nchange && d->change[d->nchange - 1].time != s->time && d->live > d->max) {
		d->max = d->live;
		d->max_time = d->change[d->nchange - 1].time;
		d->at_max = d->nchange;
	}
	d->change[d->nchange++] = c;
	d->live += s->value[EXPORT_LIVE];
	add_to_site(&d->site[s->node], s);
	return 0;
}

/* ---- writing ------------------------------------------------------------ */

/* Find out what each site had when most was live. */
static void
replay(struct dhat *d)
{
	if (d->live > d->max && d->nchange) {
		d->max = d->live;
		d->max_time = d->change[d->nchange - 1].time;
		d->at_max = d->nchange;
	}
	for (size_t i = 0; i < d->at_max; i++) {
		struct site *s = &d->site[d->change[i].node];

		s->at_max += d->change[i].live;
		s->max_blocks += d->change[i].count;
	}
}

static void
write_site(const struct export *e, uint32_t node, const struct site *s, FILE *out)
{
	int known = e->unknown == 0 || bounds_range(&s->bounds, s->live).known;

	fprintf(out,
	    "{\"tb\":%" PRId64 ",\"tbk\":%" PRId64 ",\"tl\":%" PRId64 ",\"mb\":%" PRId64
	    ",\"mbk\":%" PRId64 ",\"gb\":%" PRId64 ",\"gbk\":%" PRId64 ",\"eb\":%" PRId64
	    ",\"ebk\":%" PRId64 ",\"fs\":[",
	    s->bytes, s->blocks, s->lived, s->most, s->most_blocks, s->at_max, s->max_blocks,
	    s->live, s->count);
	for (uint32_t up; node != STACKS_NONE; node = up) {
		up = e->stacks.node[node].parent;
		fprintf(out, "%" PRIu32 "%s", node + 1, up != STACKS_NONE ? "," : "");
	}
	if (!known)
		fprintf(out, ",%zu", e->stacks.nnode + 1);
	fputs("]}", out);
}

/* Write a node as one of DHAT's frames: address, function, file and line, or else its module. */
static int
write_frame(const struct export *e, uint32_t node, FILE *out)
{
	const struct export_frame *f = export_frame_of(e, node);
	const struct export_node *n = &e->stacks.node[node];
	char *text;
	int r;

	if (f->file)
		r = asprintf(&text, "0x%" PRIX64 ": %s (%s:%" PRIu64 ")", n->offset, f->name,
		    f->file, f->line);
	else if (f->module != STACKS_NONE && e->stacks.module[f->module].path)
		r = asprintf(&text, "0x%" PRIX64 ": %s (in %s)", n->offset, f->name,
		    e->stacks.module[f->module].path);
	else
		r = asprintf(&text, "0x%" PRIX64 ": %s", n->offset, f->name);
	if (r < 0)
		return -1;
	fputs(",\n", out);
	quote_json(out, text);
	free(text);
	return 0;
}

/* Write a command, and how far the sums may be off. */
static void
put_command(const struct export *e, const char *command, FILE *out)
{
	static const enum export_value values[] = { EXPORT_BYTES, EXPORT_LIVE };
	char text[EXPORT_DOUBT_MAX], *whole = NULL;
	size_t len = 0;
	FILE *memory = open_memstream(&whole, &len);

	if (memory == NULL)
		return;
	fputs(command, memory);
	for (size_t i = 0; i < sizeof values / sizeof *values; i++)
		if (export_doubt(e, values[i], text))
			fprintf(memory, " [%s]", text);
	fclose(memory);
	quote_json(out, whole);
	free(whole);
}

static void
write_head(const struct export *e, const struct dhat *d, FILE *out)
{
	const struct export_process *p = e->tasks.nprocess ? &e->tasks.process[0] : NULL;
	const char *command = p == NULL ? NULL : p->command ? p->command : p->exe;

	fputs("{\"dhatFileVersion\":2,\"mode\":\"heap\",\"verb\":\"Allocated\",\"bklt\":true,"
	      "\"bkacc\":false,\n\"tu\":\"ns\",\"Mtu\":\"s\",\"tuth\":100,\"cmd\":",
	    out);
	put_command(e, command ? command : "-", out);
	fprintf(out, ",\"pid\":%" PRIu64 ",\"te\":%" PRId64 ",\"tg\":%" PRId64 ",\n\"pps\":[",
	    p ? p->pid : e->pid, e->last - e->first, d->max_time - e->first);
}

static int
dhat_write(struct export *e, FILE *out)
{
	struct dhat *d = e->state;
	const char *comma = "\n";
	int r = 0;

	if (cover_nodes(d, e->stacks.nnode + 1) < 0)
		return -1;
	replay(d);
	write_head(e, d, out);
	for (uint32_t i = 0; i < e->stacks.nnode && !ferror(out); i++)
		if (d->site[i].blocks || d->site[i].live) {
			fputs(comma, out);
			write_site(e, i, &d->site[i], out);
			comma = ",\n";
		}
	fputs("],\n\"ftbl\":[\"[root]\"", out);
	for (uint32_t i = 0; i < e->stacks.nnode && r == 0; i++)
		r = write_frame(e, i, out);
	if (e->unknown)
		fputs(",\n\"0x0: (live memory is not known: at least)\"", out);
	fputs("]}\n", out);
	return r;
}

static void
dhat_end(struct export *e)
{
	struct dhat *d = e->state;

	free(d->change);
	free(d->site);
}

const struct export_format *
export_dhat(void)
{
	static const struct export_format format = {
		.name = "dhat",
		.state = sizeof(struct dhat),
		.sample = dhat_sample,
		.write = dhat_write,
		.end = dhat_end,
	};

	return &format;
}
