#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/hash.h"
#include "export/export.h"
#include "export/formats.h"
#include "export/sums.h"
#include "export/text.h"

/*
 * The format of callgrind (valgrind.org/docs/manual/cl-format.html): the costs of each function by
 * line, and those of its calls by line and callee.  A function that is on a stack several times has
 * the stack's cost as often in its recursive calls, but its own cost once.
 */

/* A function, told from others by its name and its file. */
struct function {
	const struct export_frame *frame;
	uint32_t name, file; /* numbers */
};

/* The cost of a line of a function, or of the calls from there to another. */
struct cost {
	uint32_t function;
	uint64_t line;
	uint32_t callee; /* STACKS_NONE: its own */
	uint64_t callee_line;
	int64_t calls; /* stacks that have it */
	int64_t value[EXPORT_NVALUES];
	size_t seen; /* the last stack that has been added */
};

struct callgrind {
	struct sums sums;
	struct function *function;
	size_t nfunction, function_room;
	struct cost *cost;
	size_t ncost, cost_room;
	struct idmap functions, costs; /* hashes to indexes */
	struct strtab names, files;
	char *names_written, *files_written; /* by number: whether its text has been written */
};

/* Kinds of costs: those that the stream has are written. */
static const struct event {
	const char *name, *text;
	enum export_value value;
	int kind;
} events[] = {
	{ "cpu", "CPU time in nanoseconds", EXPORT_CPU, EXPORT_ON_CPU },
	{ "off", "Time off the CPU in nanoseconds", EXPORT_OFF, EXPORT_OFF_CPU },
	{ "allocs", "Allocations", EXPORT_ALLOCS, EXPORT_HEAP },
	{ "bytes", "Bytes allocated", EXPORT_BYTES, EXPORT_HEAP },
	{ "live", "Bytes live at the end", EXPORT_LIVE, EXPORT_HEAP },
};
#define NEVENTS (sizeof events / sizeof *events)

static int
callgrind_sample(struct export *e, const struct export_sample *s)
{
	struct callgrind *c = e->state;

	return sums_add(&c->sums, s);
}

/* ---- costs -------------------------------------------------------------- */

/* Set *index to the function of a frame. */
static int
find_function(struct callgrind *c, const struct export_frame *f, uint32_t *index)
{
	uint64_t key = hash_str(hash_str(HASH_INIT, f->name), f->file);
	struct function new = { .frame = f };
	char *name, *file;
	int r;

	*index = idmap_get(&c->functions, key);
	if (*index != IDMAP_NONE)
		return 0;
	*index = (uint32_t)c->nfunction;
	name = text_line(f->name, "", "");
	file = text_line(f->file ? f->file : "???", "", "");
	r = name && file && strtab_add(&c->names, name, &new.name) == 0 &&
	        strtab_add(&c->files, file, &new.file) == 0 ?
	    0 :
	    -1;
	free(name);
	free(file);
	if (r < 0 ||
	    array_room(&c->function, c->nfunction, &c->function_room, sizeof *c->function) < 0 ||
	    idmap_put(&c->functions, key, *index) < 0)
		return -1;
	c->function[c->nfunction++] = new;
	return 0;
}

/* Add the cost of a stack, which has the number `stack`, to what is like *new. */
static int
add_cost(struct callgrind *c, const struct cost *new, const struct sum *s, size_t stack)
{
	uint64_t key = hash_u64(hash_u64(HASH_INIT, new->function), new->callee);
	struct cost *cost;
	uint32_t i;

	key = hash_u64(hash_u64(key, new->line), new->callee_line);
	if ((i = idmap_get(&c->costs, key)) == IDMAP_NONE) {
		i = (uint32_t)c->ncost;
		if (array_room(&c->cost, i, &c->cost_room, sizeof *cost) < 0 ||
		    idmap_put(&c->costs, key, i) < 0)
			return -1;
		c->cost[c->ncost++] = *new;
	}
	cost = &c->cost[i];
	if (cost->seen == stack)
		return 0;
	cost->seen = stack;
	cost->calls++;
	for (int v = 0; v < EXPORT_NVALUES; v++)
		cost->value[v] += s->value[v];
	return 0;
}

/* Add a stack's costs: of its innermost function its own, of the others those of the calls. */
static int
add_stack(struct export *e, const struct sum *s, size_t stack)
{
	struct callgrind *c = e->state;
	struct cost cost = { .callee = STACKS_NONE };

	for (uint32_t node = s->node; node != STACKS_NONE; node = e->stacks.node[node].parent) {
		const struct export_frame *f = export_frame_of(e, node);

		if (find_function(c, f, &cost.function) < 0)
			return -1;
		cost.line = f->line;
		if (add_cost(c, &cost, s, stack) < 0)
			return -1;
		cost.callee = cost.function;
		cost.callee_line = cost.line;
	}
	return 0;
}

static int
compare_costs(const void *x, const void *y)
{
	const struct cost *a = x, *b = y;

	if (a->function != b->function)
		return a->function < b->function ? -1 : 1;
	if (a->line != b->line)
		return a->line < b->line ? -1 : 1;
	/* A line's own cost comes before its calls. */
	if (a->callee != b->callee)
		return a->callee + 1 < b->callee + 1 ? -1 : 1;
	return a->callee_line < b->callee_line ? -1 : a->callee_line > b->callee_line;
}

/* ---- writing ------------------------------------------------------------ */

/* Write a name by its number, with its text when it first comes. */
static void
write_name(const char *key, const struct strtab *names, uint32_t number, char *written, FILE *out)
{
	fprintf(out, "%s=(%" PRIu32 ")", key, number + 1);
	if (!written[number])
		fprintf(out, " %s", strtab_text(names, number));
	written[number] = 1;
	putc('\n', out);
}

static void
write_values(const struct export *e, uint64_t line, const int64_t *value, FILE *out)
{
	fprintf(out, "%" PRIu64, line);
	for (size_t i = 0; i < NEVENTS; i++)
		if (e->has[events[i].kind])
			fprintf(out, " %" PRId64, value[events[i].value]);
	putc('\n', out);
}

static void
write_cost(struct export *e, const struct cost *cost, FILE *out)
{
	struct callgrind *c = e->state;

	if (cost->callee != STACKS_NONE) {
		const struct function *f = &c->function[cost->callee];

		write_name("cfi", &c->files, f->file, c->files_written, out);
		write_name("cfn", &c->names, f->name, c->names_written, out);
		fprintf(out, "calls=%" PRId64 " %" PRIu64 "\n", cost->calls, cost->callee_line);
	}
	write_values(e, cost->line, cost->value, out);
}

/* Write an event type, and whether it may be off. */
static void
write_event(const struct export *e, const struct event *event, FILE *out)
{
	char text[EXPORT_DOUBT_MAX];
	int unsure = export_doubt(e, event->value, text) != NULL;

	fprintf(out, "event: %s : %s%s\n", event->name, event->text,
	    !unsure                            ? "" :
	        event->value == EXPORT_LIVE && e->unknown ? ", or the least that can be" :
	                                         ", an estimate");
}

static void
write_head(const struct export *e, FILE *out)
{
	const struct export_process *p = e->tasks.nprocess ? &e->tasks.process[0] : NULL;
	char *command = p && p->command ? text_line(p->command, "", "") : NULL;

	fprintf(out, "# callgrind format\nversion: 1\ncreator: rsprof " VERSION "\n");
	if (p)
		fprintf(out, "pid: %" PRIu64 "\n", p->pid);
	fprintf(out, "cmd: %s\n", command ? command : "-");
	free(command);
	for (uint32_t i = 0; i < e->remarks.n; i++) {
		char *text = text_line(strtab_text(&e->remarks, i), "", "");

		fprintf(out, "desc: Note: %s\n", text ? text : "");
		free(text);
	}
	for (uint32_t i = 0; i < e->lost.n; i++)
		fprintf(out, "desc: Lost: %" PRIu64 " %s\n", e->nlost[i], strtab_text(&e->lost, i));
	fputs("positions: line\n", out);
	for (size_t i = 0; i < NEVENTS; i++)
		if (e->has[events[i].kind])
			write_event(e, &events[i], out);
	fputs("events:", out);
	for (size_t i = 0; i < NEVENTS; i++)
		if (e->has[events[i].kind])
			fprintf(out, " %s", events[i].name);
	fputs("\nsummary:", out);
	for (size_t i = 0; i < NEVENTS; i++)
		if (e->has[events[i].kind])
			fprintf(out, " %" PRId64, e->total[events[i].value]);
	putc('\n', out);
}

static void
write_functions(struct export *e, FILE *out)
{
	struct callgrind *c = e->state;
	uint32_t last = STACKS_NONE;

	for (size_t i = 0; i < c->ncost && !ferror(out); i++) {
		const struct cost *cost = &c->cost[i];
		const struct function *f = &c->function[cost->function];

		if (cost->function != last) {
			putc('\n', out);
			write_name("fl", &c->files, f->file, c->files_written, out);
			write_name("fn", &c->names, f->name, c->names_written, out);
			last = cost->function;
		}
		write_cost(e, cost, out);
	}
}

static int
callgrind_write(struct export *e, FILE *out)
{
	struct callgrind *c = e->state;

	for (size_t i = 0; i < c->sums.n; i++)
		if (add_stack(e, &c->sums.sum[i], i + 1) < 0)
			return -1;
	c->names_written = calloc(c->names.n + 1, 1);
	c->files_written = calloc(c->files.n + 1, 1);
	if (c->names_written == NULL || c->files_written == NULL)
		return -1;
	if (c->ncost)
		qsort(c->cost, c->ncost, sizeof *c->cost, compare_costs);
	write_head(e, out);
	write_functions(e, out);
	return 0;
}

static void
callgrind_end(struct export *e)
{
	struct callgrind *c = e->state;

	sums_clear(&c->sums);
	free(c->function);
	free(c->cost);
	idmap_clear(&c->functions);
	idmap_clear(&c->costs);
	strtab_clear(&c->names);
	strtab_clear(&c->files);
	free(c->names_written);
	free(c->files_written);
}

const struct export_format *
export_callgrind(void)
{
	static const struct export_format format = {
		.name = "callgrind",
		.state = sizeof(struct callgrind),
		.sample = callgrind_sample,
		.write = callgrind_write,
		.end = callgrind_end,
	};

	return &format;
}
