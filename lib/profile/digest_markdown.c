#include <inttypes.h>
#include <string.h>

#include "base/quote.h"
#include "base/units.h"
#include "profile/digest.h"
#include "profile/digest_report.h"
#include "profile/digest_words.h"
#include "profile/profile.h"
#include "symbol/shorten.h"

#define LINE_SIZE 8192
#define ROWS (3 * DIGEST_ROWS)

/* A function that is in any of the lists. */
struct row {
	const char *name, *file, *module;
	uint64_t line;
	const struct digest_time *time;     /* or NULL */
	const struct digest_memory *memory; /* or NULL */
};

/* ---- one table of three lists ------------------------------------------ */

static int
is_equal(const char *a, const char *b)
{
	return strcmp(a ? a : "", b ? b : "") == 0;
}

/* Returns the row of a function, which may be new. */
static struct row *
find(struct row *row, size_t *n, const char *name, const char *file, uint64_t line,
    const char *module)
{
	for (size_t i = 0; i < *n; i++)
		if (is_equal(row[i].name, name) && is_equal(row[i].module, module))
			return &row[i];
	row[*n] = (struct row){ .name = name, .file = file, .module = module, .line = line };
	return &row[(*n)++];
}

/* Collect the functions of all lists, in the order of the lists.  Returns their number. */
static size_t
collect(const struct digest *d, struct row *row)
{
	size_t n = 0;

	for (size_t i = 0; i < d->nhot; i++) {
		const struct digest_time *t = &d->hot[i];

		find(row, &n, t->name, t->file, t->line, t->module)->time = t;
	}
	for (size_t i = 0; i < d->nholds; i++) {
		const struct digest_memory *m = &d->holds[i];

		find(row, &n, m->name, m->file, m->line, m->module)->memory = m;
	}
	for (size_t i = 0; i < d->nallocates; i++) {
		const struct digest_memory *m = &d->allocates[i];

		find(row, &n, m->name, m->file, m->line, m->module)->memory = m;
	}
	return n;
}

/* ---- cells ------------------------------------------------------------- */

static void
put_size(FILE *out, uint64_t bytes, const struct inuse_range *range)
{
	char a[UNITS_MAX];
	const char *s = units_size(a, bytes);

	fprintf(out, "%s |", range->known ? s + strspn(s, " ") : "?");
}

static void
put_memory(FILE *out, const struct digest_memory *m)
{
	struct inuse_range live, bytes;

	if (m == NULL) {
		fputs(" | | |", out);
		return;
	}
	live = inuse_live_range(&m->self);
	bytes = inuse_bytes_range(&m->self);
	put_size(out, m->self.live, &live);
	put_size(out, m->self.bytes, &bytes);
	fprintf(out, "%" PRIu64 " |", m->self.allocs);
}

static void
put_row(FILE *out, const struct digest *d, const struct row *row)
{
	uint64_t all = d->time ? profile_summary(d->time)->ns : 0;
	char place[LINE_SIZE], buf[LINE_SIZE];

	putc('|', out);
	if (d->time && row->time)
		fprintf(out, "%.1f |%.1f |", units_percent(row->time->self, all),
		    units_percent(row->time->total, all));
	else if (d->time)
		fputs(" | |", out);
	if (d->memory)
		put_memory(out, row->memory);
	quote_markdown(out, row->name ? row->name : "?");
	fputs(" |", out);
	if (row->file && row->line)
		snprintf(place, sizeof place, "%s:%" PRIu64, row->file, row->line);
	else
		snprintf(place, sizeof place, "%s", row->file ? row->file : row->module ? row->module : "");
	shorten_source(buf, sizeof buf, place, 200);
	if (*buf)
		quote_markdown(out, buf);
	fputs(" |\n", out);
}

static void
put_table(FILE *out, const struct digest *d)
{
	struct row row[ROWS];
	size_t n = collect(d, row);

	if (n == 0)
		return;
	fprintf(out, "\n|%s%sFunction |Location |\n", d->time ? "Self % |Total % |" : "",
	    d->memory ? "Live |Allocated |Allocations |" : "");
	fprintf(out, "|%s%s--- |--- |\n", d->time ? "---: |---: |" : "",
	    d->memory ? "---: |---: |---: |" : "");
	for (size_t i = 0; i < n; i++)
		put_row(out, d, &row[i]);
}

/* ---- the whole --------------------------------------------------------- */

static void
put_item(FILE *out, const char *bullet, const char *text)
{
	fputs(bullet, out);
	quote_markdown_text(out, text);
	putc('\n', out);
}

void
digest_markdown(FILE *out, const struct digest *d, size_t columns)
{
	char line[LINE_SIZE];

	(void)columns;
	digest_process_words(line, sizeof line, d);
	put_item(out, "### ", line);
	putc('\n', out);
	digest_recorded_words(line, sizeof line, d);
	put_item(out, "- ", line);
	if (d->time) {
		digest_time_words(line, sizeof line, d);
		put_item(out, "- ", line);
	}
	if (d->memory) {
		digest_memory_words(line, sizeof line, d);
		put_item(out, "- ", line);
	}
	for (size_t i = 0; i < d->nwarnings; i++) {
		snprintf(line, sizeof line, "%s: %s", d->warning[i].what, d->warning[i].how);
		put_item(out, "- **Warning** ", line);
	}
	put_table(out, d);
}
