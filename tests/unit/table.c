/*
 * A table: order, and a selection that stays with its row.
 */
#include <stdlib.h>
#include <string.h>

#include "grid.h"
#include "table.h"
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

static const struct table_column columns[] = {
	{ "id", 4, 0, 0 }, { NULL, 0, 0, 0 }, { "value", 0, 0, 0 },
	{ "wide", 5, 0, 60 },
};

static struct table_source
source(const struct row *row, size_t n)
{
	return (struct table_source){ row, n, id, compare, draw, columns, 4 };
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

	ok(table_update(&t, &none) == 0 && table_selected(&t) == -1, "empty");
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
	ok(table_selected(&t) == -1, "nothing to select");
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
	table_sort_next(&t, &s);
	ok(t.sort == 0 && !t.reverse, "the next column, in its own order");
	table_sort_next(&t, &s);
	ok(t.sort == 2, "one without a title is left out");
	text = drawn(&t, &s, 2, 60);
	ok(strstr(text, "wide") != NULL, "what is for wide screens is there");
	free(text);
	table_free(&t);
}

int
main(void)
{
	check_selection();
	check_view();
	return tap_done();
}
