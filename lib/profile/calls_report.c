#include "profile/calls_report.h"

#include <inttypes.h>
#include <string.h>

#include "base/members.h"
#include "base/units.h"
#include "profile/calls.h"
#include "symbol/shorten.h"

#define NAME_SIZE 8192
#define INDENT_MAX 40
#define FIGURES 16 /* columns before a name */

static const char *const whats[] = { "tree", "callers", "source" };

/* ---- text -------------------------------------------------------------- */

/* Print a line's total and self, as shares of time or as sizes. */
static void
put_figures(FILE *out, const struct calls_report *r, const struct calls_line *l)
{
	uint64_t whole = calls_whole(r->calls);
	char a[UNITS_MAX], b[UNITS_MAX];

	if (r->options->what == CALLS_SOURCE && l->total == 0)
		fprintf(out, "%*s", FIGURES, "");
	else if (r->options->what == CALLS_CALLERS && r->options->memory)
		fprintf(out, "%6s  ", units_size(a, l->total));
	else if (r->options->what == CALLS_CALLERS)
		fprintf(out, "%6.2f  ", units_percent(l->total, whole));
	else if (r->options->memory)
		fprintf(out, "%6s  %6s  ", units_size(a, l->total), units_size(b, l->self));
	else
		fprintf(out, "%6.2f  %6.2f  ", units_percent(l->total, whole),
		    units_percent(l->self, whole));
}

static void
put_titles(FILE *out, const struct calls_report *r)
{
	const char *file = calls_file(r->calls);
	char buf[NAME_SIZE];

	if (file) {
		shorten_text(buf, sizeof buf, file, r->columns);
		fprintf(out, "%s\n", buf);
	}
	fputs(r->options->memory ? "  Live  " : "Total%  ", out);
	if (r->options->what != CALLS_CALLERS)
		fputs(r->options->memory ? "  Self  " : " Self%  ", out);
	fputs(r->options->what == CALLS_SOURCE ? " Line  Source\n" :
	    r->options->what == CALLS_TREE     ? "Function, below its caller\n" :
	                                         "Function, its callers below it\n",
	    out);
}

static void
put_call(FILE *out, const struct calls_report *r, const struct calls_line *l)
{
	size_t indent = 2 * (size_t)l->depth, left;
	char buf[NAME_SIZE];

	if (indent > INDENT_MAX)
		indent = INDENT_MAX + (l->depth - INDENT_MAX / 2) % 2;
	left = r->columns > FIGURES + indent + 12 ? r->columns - FIGURES - indent : 12;
	shorten_function(buf, sizeof buf, l->function ? l->function : "?", left);
	fprintf(out, "%*s%s\n", (int)indent, "", buf);
}

static void
put_source(FILE *out, const struct calls_report *r, const struct calls_line *l, uint64_t before)
{
	char buf[NAME_SIZE];

	if (before && l->line != before + 1)
		fprintf(out, "%*s   ...\n", FIGURES, "");
	put_figures(out, r, l);
	shorten_text(buf, sizeof buf, l->text ? l->text : "(cannot be read here)",
	    r->columns - FIGURES - 7);
	fprintf(out, "%5" PRIu64 "  %s\n", l->line, buf);
}

void
calls_text(FILE *out, const struct calls_report *r)
{
	size_t n, hidden = calls_hidden(r->calls);
	const struct calls_line *line = calls_lines(r->calls, &n);

	put_titles(out, r);
	if (n == 0)
		fprintf(out, "Nothing%s.\n", hidden ? " that is so much" : " was recorded");
	for (size_t i = 0; i < n && i < r->lines; i++)
		if (r->options->what == CALLS_SOURCE) {
			put_source(out, r, &line[i], i ? line[i - 1].line : 0);
		} else {
			put_figures(out, r, &line[i]);
			put_call(out, r, &line[i]);
		}
	if (n > r->lines)
		hidden += n - r->lines;
	if (hidden)
		fprintf(out, "%zu more, and what is below (-n 0 -t 0 shows all)\n", hidden);
}

/* ---- JSON -------------------------------------------------------------- */

static void
put_line(FILE *out, const struct calls_report *r, const struct calls_line *l)
{
	if (r->options->what == CALLS_SOURCE) {
		member_number(out, "{line", l->line);
		member_text(out, "text", l->text);
	} else {
		member_text(out, "{function", l->function);
		member_text(out, "module", l->module);
		member_number(out, "depth", l->depth);
		if (l->parent == UINT32_MAX)
			member_text(out, "parent", NULL);
		else
			member_number(out, "parent", l->parent);
	}
	member_number(out, r->options->memory ? "self" : "self_ns", l->self);
	member_number(out, r->options->memory ? "total" : "total_ns", l->total);
	putc('}', out);
}

void
calls_json(FILE *out, const struct calls_report *r)
{
	size_t n, hidden = calls_hidden(r->calls);
	const struct calls_line *line = calls_lines(r->calls, &n);
	size_t shown = n < r->lines ? n : r->lines;

	member_text(out, "{metric",
	    r->options->memory ? "heap" : profile_metric_name(r->options->metric));
	member_text(out, "group", whats[r->options->what]);
	member_text(out, "file", r->path);
	if (r->options->what == CALLS_SOURCE) {
		member_text(out, "function", calls_function(r->calls));
		member_text(out, "source", calls_file(r->calls));
	}
	member_number(out, r->options->memory ? "whole" : "whole_ns", calls_whole(r->calls));
	member_number(out, "hidden", hidden + n - shown);
	member_key(out, "rows");
	putc('[', out);
	for (size_t i = 0; i < shown; i++) {
		members_element(out, i);
		put_line(out, r, &line[i]);
	}
	fputs("]}\n", out);
}
