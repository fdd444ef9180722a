/*
 * rsprof-print prints the stacks of a record stream for people: a thread, and
 * below it one frame a line, the innermost first.
 *
 * In:  state  5123400000600  4242  4243  sleeping  9f86d081
 * Out: thread 4243 worker: sleeping
 *          server::parse_header                          src/parser.rs:142
 */
#include <err.h>
#include <inttypes.h>
#include <locale.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/array.h"
#include "base/strtab.h"
#include "cmd/status.h"
#include "stream/defs.h"
#include "stream/filter.h"
#include "stream/rec.h"
#include "symbol/shorten.h"

/* Columns, whatever the terminal's width, so that a file gets the same output. */
#define FUNCTION_COLUMNS 60
#define FILE_COLUMNS 60
#define TEXT_COLUMNS 160

struct printer {
	int whole; /* -l: nothing is shortened */
	struct defs *defs;
	char **text; /* by node: its line, NULL until it is printed */
	size_t ntext, text_room;
	struct strtab notes, lost; /* texts and reasons, printed at the end */
	uint64_t *count;           /* by reason */
	size_t count_room;
	uint64_t pid; /* of the last thread printed */
	int begun;    /* something has been printed */
	struct filter *filter;
};

static const char synopsis[] =
    "usage: rsprof-print [-hlV] [FILE ...]\n";

static void *
checked(void *p)
{
	if (p == NULL)
		err(STATUS_FAILED, NULL);
	return p;
}

/* ---- notes and losses --------------------------------------------------- */

static uint32_t
add_string(struct strtab *t, const char *s)
{
	uint32_t number;

	if (strtab_add(t, s, &number) < 0)
		err(STATUS_FAILED, NULL);
	return number;
}

static void
on_lost(struct printer *p, const struct rec_lost *r)
{
	size_t n = p->lost.n;
	uint32_t i = add_string(&p->lost, r->reason);

	if (array_room(&p->count, n, &p->count_room, sizeof *p->count) < 0)
		err(STATUS_FAILED, NULL);
	if (i == n)
		p->count[i] = 0;
	p->count[i] += r->count;
}

/* ---- a frame as text --------------------------------------------------- */

/* Shorten a text to `most` columns, or only make it printable for -l.  Returns it, to be freed. */
static char *
fit(const struct printer *p, const char *s, size_t most,
    size_t (*how)(char *, size_t, const char *, size_t))
{
	size_t size = strlen(s) + 16;
	char *out = checked(malloc(size));

	how(out, size, s, p->whole ? SIZE_MAX : most);
	return out;
}

__attribute__((format(printf, 1, 2))) static char *
format(const char *how, ...)
{
	va_list ap;
	char *s;
	int n;

	va_start(ap, how);
	n = vasprintf(&s, how, ap);
	va_end(ap);
	if (n < 0)
		err(STATUS_FAILED, NULL);
	return s;
}

static const char *
base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash && slash[1] ? slash + 1 : path;
}

/* Returns module+offset for a node without a name, to be freed; or its address, if the code is
 * in no file. */
static char *
unnamed_location(const struct defs_node *n, const char *module)
{
	if (module == NULL || strcmp(module, "[anon]") == 0 ||
	    strcmp(module, "[kernel]") == 0)
		return format("0x%" PRIx64, n->offset);
	return format("%s+0x%" PRIx64, base_name(module), n->offset);
}

static char *
function_text(const struct printer *p, const struct defs_node *n, const char *module,
    const struct defs_frame *f)
{
	const char *name = f ? f->function : NULL;
	char *whole, *text;

	/* "[unknown]" is not a name. */
	if (name && name[0] != '[')
		return fit(p, name, FUNCTION_COLUMNS, shorten_function);
	whole = unnamed_location(n, module);
	text = fit(p, whole, FUNCTION_COLUMNS, shorten_path);
	free(whole);
	return text;
}

static char *
location_text(const struct printer *p, const char *module, const struct defs_frame *f)
{
	const char *file = f ? f->file : NULL;
	char *whole, *text;

	if (file && f->line)
		whole = format("%s:%" PRIu64, file, f->line);
	else if (file)
		whole = format("%s", file);
	else if (module == NULL || module[0] == '[')
		whole = format("%s", module ? module : "[unknown]");
	else
		whole = format("[%s]", p->whole ? module : base_name(module));
	text = fit(p, whole, FILE_COLUMNS, shorten_source);
	free(whole);
	return text;
}

static char *
make_text(const struct printer *p, const struct defs_node *n)
{
	const struct defs_frame *f = defs_frame(p->defs, n->frame);
	const char *module = defs_module(p->defs, n->module);
	char *function = function_text(p, n, module, f);
	char *location = location_text(p, module, f);
	size_t columns = shorten_columns(function);
	char *text = format("%s%*s  %s%s", function,
	    columns < FUNCTION_COLUMNS ? (int)(FUNCTION_COLUMNS - columns) : 0, "", location,
	    n->inlined ? "  (inlined)" : "");

	free(function);
	free(location);
	return text;
}

/* Returns the line of a node, made when it is first printed. */
static const char *
node_text(const struct printer *p, const struct defs_node *n)
{
	if (p->text[n->index] == NULL)
		p->text[n->index] = make_text(p, n);
	return p->text[n->index];
}

/* Make room for the line of a new node, or drop the line of a node that is redefined. */
static void
on_stack(struct printer *p, const struct rec_stack *r)
{
	size_t i = defs_node(p->defs, r->id)->index;

	if (i == p->ntext) {
		if (array_room(&p->text, i, &p->text_room, sizeof(char *)) < 0)
			err(STATUS_FAILED, NULL);
		p->text[p->ntext++] = NULL;
	}
	free(p->text[i]);
	p->text[i] = NULL;
}

/* ---- a stack ----------------------------------------------------------- */

/* Returns the words for the reason why a stack is incomplete. */
static const char *
reason_text(const char *cut)
{
	static const char *const text[][2] = {
		{ "copy-end", "the copy of the stack ends here" },
		{ "no-unwind-info", "this code has no unwind information" },
		{ "bad-unwind-info", "its unwind information cannot be followed" },
		{ "no-module", "the next frame is in no known mapping" },
		{ "not-ready", "the unwind table of this code was not ready yet" },
		{ "bad-memory", "the stack pointer leads out of the stack" },
		{ "depth", "the stack is deeper than the walk goes" },
		{ "no-stack", "there is no user stack" },
		{ "no-registers", "the thread could not be stopped, and not all of its "
		                  "registers are known" },
		{ "probes", "in a probe: this is not the program's time" },
		{ "short", "too short a wait for its stack to be walked" },
	};

	for (size_t i = 0; i < sizeof text / sizeof *text; i++)
		if (strcmp(cut, text[i][0]) == 0)
			return text[i][1];
	return cut;
}

static void
print_reason(const struct printer *p, const char *cut)
{
	char *text = fit(p, reason_text(cut), TEXT_COLUMNS, shorten_text);

	printf("    (incomplete: %s)\n", text);
	free(text);
}

/* Print the end of a stack that refers to an undefined one. */
static void
print_missing(struct printer *p)
{
	filter_warn(p->filter, "stack is not defined");
	print_reason(p, "the stream does not define the next frame");
}

/* Print a frame, and for repetitions of it in its callers, up to `most` in all, their number.
 * Sets *n to the last of them.  Returns their number. */
static size_t
print_frame(const struct printer *p, const struct defs_node **n, size_t most)
{
	const char *text = node_text(p, *n);
	size_t times = 1;
	const struct defs_node *next;

	while (!p->whole && times < most && (next = defs_node(p->defs, (*n)->caller)) &&
	    strcmp(node_text(p, next), text) == 0) {
		*n = next;
		times++;
	}
	printf("    %s", text);
	if (times > 1)
		printf("  (%zu times)", times);
	putchar('\n');
	return times;
}

static void
print_stack(struct printer *p, const struct rec_ref *leaf)
{
	const char *cut = leaf->cut;
	uint64_t id = leaf->id;
	size_t left = defs_nodes(p->defs); /* ends a cycle of callers */
	const struct defs_node *n;

	if (id == 0 && cut == NULL)
		cut = "no-stack";
	while (left && (n = defs_node(p->defs, id))) {
		left -= print_frame(p, &n, left);
		id = n->caller;
		cut = n->cut;
	}
	if (id)
		print_missing(p);
	else if (cut)
		print_reason(p, cut);
}

/* ---- blocks ------------------------------------------------------------ */

/* Print an empty line between blocks. */
static void
begin_block(struct printer *p)
{
	if (p->begun)
		putchar('\n');
	p->begun = 1;
}

static void
print_process(struct printer *p, uint64_t pid)
{
	const char *name = defs_process(p->defs, pid);
	const char *command = defs_command(p->defs, pid);
	char *text = fit(p, name ? name : "-", TEXT_COLUMNS, shorten_text);

	begin_block(p);
	printf("process %" PRIu64 " %s", pid, text);
	free(text);
	if (command) {
		text = fit(p, command, TEXT_COLUMNS, shorten_text);
		printf(": %s", text);
		free(text);
	}
	putchar('\n');
	p->pid = pid;
}

static void
print_thread(struct printer *p, uint64_t pid, uint64_t tid)
{
	const char *name = defs_thread(p->defs, tid);
	char *text = fit(p, name ? name : "-", TEXT_COLUMNS, shorten_text);

	if (pid != p->pid)
		print_process(p, pid);
	begin_block(p);
	printf("thread %" PRIu64 " %s: ", tid, text);
	free(text);
}

static void
print_state(struct printer *p, const char *state)
{
	char *text = fit(p, state, TEXT_COLUMNS, shorten_text);

	fputs(text, stdout);
	free(text);
}

static void
print_time(uint64_t time)
{
	printf("%" PRIu64 ".%09" PRIu64 "\n", time / 1000000000, time % 1000000000);
}

static void
on_state(struct printer *p, const struct rec_state *r)
{
	print_thread(p, r->pid, r->tid);
	print_state(p, r->state);
	putchar('\n');
	print_stack(p, &r->stack);
}

static void
on_cpu(struct printer *p, const struct rec_cpu *r)
{
	print_thread(p, r->pid, r->tid);
	printf("%" PRIu64 " ns at ", r->ns);
	print_time(r->time);
	print_stack(p, &r->stack);
}

static void
on_off(struct printer *p, const struct rec_off *r)
{
	print_thread(p, r->pid, r->tid);
	print_state(p, r->state);
	printf(" %" PRIu64 " ns in %" PRIu64 " waits until ", r->ns, r->count);
	print_time(r->time);
	print_stack(p, &r->stack);
}

/* Print losses and notes, which concern the whole stream. */
static void
print_notes(struct printer *p)
{
	if (p->notes.n || p->lost.n)
		begin_block(p);
	for (size_t i = 0; i < p->lost.n; i++) {
		char *text = fit(p, p->lost.text[i], TEXT_COLUMNS, shorten_text);

		printf("lost: %" PRIu64 " %s\n", p->count[i], text);
		free(text);
	}
	for (size_t i = 0; i < p->notes.n; i++) {
		char *text = fit(p, p->notes.text[i], SIZE_MAX, shorten_text);

		printf("note: %s\n", text);
		free(text);
	}
}

/* ---- records ----------------------------------------------------------- */

static int
on_record(void *ctx, const struct rec *r)
{
	struct printer *p = ctx;

	if (defs_record(p->defs, r) < 0)
		err(STATUS_FAILED, NULL);
	switch (r->type) {
	case REC_STACK: on_stack(p, &r->stack); break;
	case REC_CPU: on_cpu(p, &r->cpu); break;
	case REC_OFF: on_off(p, &r->off); break;
	case REC_STATE: on_state(p, &r->state); break;
	case REC_LOST: on_lost(p, &r->lost); break;
	case REC_NOTE:
		if (r->note.text)
			add_string(&p->notes, r->note.text);
		break;
	default: break;
	}
	return ferror(stdout);
}

/* Show the records so far before waiting for more. */
static int
flush(void *ctx)
{
	(void)ctx;
	return fflush(stdout);
}

/* ---- the program ------------------------------------------------------- */

static void
free_all(struct printer *p)
{
	for (size_t i = 0; i < p->ntext; i++)
		free(p->text[i]);
	free(p->text);
	free(p->count);
	strtab_clear(&p->notes);
	strtab_clear(&p->lost);
	defs_free(p->defs);
	filter_free(p->filter);
}

static void
parse_options(struct printer *p, int argc, char *argv[])
{
	int c;

	while ((c = next_option(argc, argv, "lhV", synopsis)) != -1)
		switch (c) {
		case 'l': p->whole = 1; break;
		}
}

int
main(int argc, char *argv[])
{
	static struct printer p;
	const struct filter_sink sink = { .record = on_record, .report = report_input,
		.flush = flush, .needs_end = 1, .ctx = &p };
	int failed;

	setlocale(LC_CTYPE, "");
	parse_options(&p, argc, argv);
	p.defs = checked(defs_new());
	p.filter = checked(filter_new(&sink));
	filter_run(p.filter, argv + optind);
	failed = filter_failed(p.filter);
	print_notes(&p);
	free_all(&p);
	close_output();
	return failed ? STATUS_FAILED : STATUS_OK;
}
