/*
 * A table: order, and a selection that stays with its row.
 */
#include <stdlib.h>
#include <string.h>

#include "tui/grid.h"
#include "tui/table.h"
#include "tap.h"

struct row {
	unsigned id;
	int value;
};

static unsigned
id(const void *rows, size_t i)
{
	return ((const struct row *)rows)[i].id;
}

static int
compare(const void *rows, size_t a, size_t b, int column)
{
	const struct row *row = rows;

	(void)column;
	return row[b].value - row[a].value;
}

static void
draw(const void *rows, size_t i, int column, struct grid *g,
    const struct grid_area *cell)
{
	const struct row *row = rows;

	grid_printf(g, cell->y, cell->x, cell->columns, GRID_PLAIN, "%d",
	    column ? row[i].value : (int)row[i].id);
}

/* "1" and so on. */
static const char *
text(const void *rows, size_t i)
{
	static char buf[16];

	snprintf(buf, sizeof buf, "Row %u", id(rows, i));
	return buf;
}

static const struct table_column columns[] = {
	{ "id", 4, 0, 0 }, { NULL, 0, 0, 0 }, { "value", 0, 0, 0 },
	{ "wide", 5, 0, 60 },
};

static struct table_source
source(const struct row *row, size_t n)
{
	return (struct table_source){ row, n, id, compare, draw, columns, 4, text,
		NULL, NULL };
}

static unsigned
selected(const struct table *t, const struct row *row)
{
	return table_selected(t) < 0 ? 0 : row[table_selected(t)].id;
}

static void
check_selection(void)
{
	struct row a[] = { { 1, 30 }, { 2, 20 }, { 3, 10 } };
	struct row b[] = { { 3, 99 }, { 4, 50 }, { 1, 30 }, { 2, 20 } };
	struct row c[] = { { 4, 50 }, { 1, 30 } };
	struct table_source s = source(a, 3), more = source(b, 4),
	    less = source(c, 2), none = source(c, 0);
	struct table t = { 0 };

	ok(table_update(&t, &none) == 0 && table_selected(&t) < 0, "empty");
	table_update(&t, &s);
	ok(selected(&t, a) == 1, "the first row is selected at first");
	table_update(&t, &more);
	ok(selected(&t, b) == 3, "whichever it is");
	table_update(&t, &s);
	table_move(&t, &s, 1);
	ok(selected(&t, a) == 2, "the next one by the user");
	table_update(&t, &more);
	ok(selected(&t, b) == 2 && t.at == 3, "who keeps it when it moves");
	t.reverse = 1;
	table_update(&t, &more);
	ok(selected(&t, b) == 2 && t.at == 0, "and in the other order");
	t.reverse = 0;
	table_update(&t, &less);
	ok(selected(&t, c) == 4, "a row that is gone leaves its place");
	table_last(&t, &less);
	ok(selected(&t, c) == 1, "last");
	table_move(&t, &less, -5);
	ok(selected(&t, c) == 4, "not beyond the first");
	table_update(&t, &none);
	table_move(&t, &none, 1);
	ok(table_selected(&t) < 0, "nothing to select");
	table_free(&t);
}

static char *
drawn(struct table *t, const struct table_source *s, int rows, int width)
{
	struct grid *g = grid_open(rows, width, 0);
	struct grid_area all = grid_all(g);
	char *text;

	table_draw(t, s, g, &all);
	text = grid_text(g);
	grid_close(g);
	return text;
}

static void
shows(struct table *t, const struct table_source *s, const char *what,
    const char *want)
{
	char *got = drawn(t, s, 4, 20);

	if (!ok(strcmp(got, want) == 0, "%s", what))
		printf("# got:\n%s", got);
	free(got);
}

static void
check_view(void)
{
	struct row row[6];
	struct table_source s = source(row, 6);
	struct table t = { 0 };
	char *text;

	for (int i = 0; i < 6; i++)
		row[i] = (struct row){ (unsigned)i + 1, 60 - 10 * i };
	t.sort = 2;
	table_update(&t, &s);
	shows(&t, &s, "from the top",
	    "id   valuev\n1    60\n2    50\n3    40\n");
	table_move(&t, &s, 3);
	shows(&t, &s, "it follows down",
	    "id   valuev\n2    50\n3    40\n4    30\n");
	table_move(&t, &s, -1);
	shows(&t, &s, "and stays while it can",
	    "id   valuev\n2    50\n3    40\n4    30\n");
	row[2].value = 5;
	table_update(&t, &s);
	shows(&t, &s, "it follows the selected row",
	    "id   valuev\n5    20\n6    10\n3    5\n");
	t.reverse = 1;
	table_update(&t, &s);
	shows(&t, &s, "also up", "id   value^\n3    5\n6    10\n5    20\n");
	table_sort_next(&t, &s);
	ok(t.sort == 0 && !t.reverse, "the next column, in its own order");
	table_sort_next(&t, &s);
	ok(t.sort == 2, "one without a title is left out");
	text = drawn(&t, &s, 2, 60);
	ok(strstr(text, "wide") != NULL, "what is for wide screens is there");
	table_sort_next(&t, &s);
	ok(t.sort == 3, "and can be sorted by, where it is seen");
	free(text);
	table_free(&t);
}

static void
check_patterns(void)
{
	const struct row a[] = { { 10, 5 }, { 11, 4 }, { 2, 3 }, { 21, 2 }, { 3, 1 } };
	struct table_source s = source(a, 5);
	struct table t = { 0 };

	table_update(&t, &s);
	ok(table_find(&t, &s, "row 2", 1) == 0 && selected(&t, a) == 2,
	    "a row is found, in any case");
	ok(table_find(&t, &s, "row 2", 1) == 0 && selected(&t, a) == 21, "the next one");
	ok(table_find(&t, &s, "row 2", 1) == 0 && selected(&t, a) == 2, "around the end");
	ok(table_find(&t, &s, "1$", -1) == 0 && selected(&t, a) == 11, "backwards");
	ok(table_find(&t, &s, "nothing", 1) < 0 && selected(&t, a) == 11, "or not at all");
	ok(table_filter(&t, "^row 1|3$") == 0 && table_update(&t, &s) == 0 && t.n == 3 &&
	    selected(&t, a) == 11, "a filter leaves what matches");
	ok(table_filter(&t, "2") == 0 && table_update(&t, &s) == 0 && t.n == 2, "another one");
	ok(table_filter(&t, "(") == 0 && table_update(&t, &s) == 0 && t.n == 0 &&
	    table_selected(&t) < 0, "what is no expression is a text");
	ok(table_find(&t, &s, "2", 1) < 0, "nothing is found where nothing is");
	ok(table_filter(&t, "") == 0 && table_update(&t, &s) == 0 && t.n == 5, "and none");
	t.reverse = 1;
	ok(table_update(&t, &s) == 0 && a[t.order[0]].id == 3, "in order");
	table_free(&t);
}

static void
check_clicks(void)
{
	const struct row a[] = { { 1, 30 }, { 2, 20 }, { 3, 10 } };
	struct table_source s = source(a, 3);
	struct table t = { 0 };

	table_update(&t, &s);
	free(drawn(&t, &s, 4, 20));
	ok(table_click(&t, &s, 2, 7) && selected(&t, a) == 2, "a click selects a row");
	ok(!table_click(&t, &s, 4, 7) && !table_click(&t, &s, -1, 0) && selected(&t, a) == 2,
	    "or none");
	ok(table_click(&t, &s, 0, 6) && t.sort == 2 && !t.reverse, "or sorts by a column");
	ok(table_click(&t, &s, 0, 6) && t.sort == 2 && t.reverse, "and then in reverse");
	table_free(&t);
}

int
main(void)
{
	check_selection();
	check_view();
	check_patterns();
	check_clicks();
	return tap_done();
}
