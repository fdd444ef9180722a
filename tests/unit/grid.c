/*
 * A grid: what text becomes in it, that nothing leaves its place, and that
 * nothing harmful comes out of it.
 */
#include <locale.h>
#include <stdlib.h>
#include <string.h>

#include "tui/grid.h"
#include "tap.h"

/* What a grid of so many columns shows of a text. */
static void
shows(int utf8, int columns, const char *text, const char *want)
{
	struct grid *g = grid_open(1, columns, utf8);
	char *got;

	grid_put(g, 0, 0, columns, GRID_PLAIN, text);
	got = grid_text(g);
	if (!ok(strncmp(got, want, strlen(want)) == 0 &&
	    got[strlen(want)] == '\n', "%s in %d columns", want, columns))
		printf("# got %s", got);
	free(got);
	grid_close(g);
}

static void
check_text(void)
{
	shows(1, 10, "plain", "plain");
	shows(1, 5, "plain", "plain");
	shows(1, 4, "plain", "pla…");
	shows(1, 1, "plain", "…");
	shows(0, 4, "plain", "pla~");
	shows(1, 10, "a\tb\x1b[31mc\x7f", "a\uFFFDb\uFFFD[31mc\uFFFD");
	shows(0, 12, "a\tb\x1b[31mc", "a?b?[31mc");
	shows(1, 10, "\xc2\x9b" "31m", "\uFFFD31m");
	shows(1, 10, "a\xff\xc3", "a\uFFFD\uFFFD");
	shows(1, 10, "a\u202eb\u200bc", "a\uFFFDb\uFFFDc");
	shows(0, 10, "na\u00efve", "na?ve");
	shows(1, 10, "日本語", "日本語");
	shows(1, 5, "日本語", "日本…");
	shows(1, 4, "日本語", "日…");
	shows(1, 10, "e\u0301\u0301\u0301x", "e\u0301\u0301x");
	shows(1, 10, "\u0301x", "x");
}

static void
check_overwriting(void)
{
	struct grid *g = grid_open(2, 6, 1);
	char *got;

	grid_put(g, 0, 0, 6, GRID_PLAIN, "日本語");
	grid_put(g, 0, 1, 1, GRID_PLAIN, "x");
	grid_put(g, 0, 4, 1, GRID_PLAIN, "y");
	got = grid_text(g);
	ok(strcmp(got, " x本y\n\n") == 0, "no half of a wide character stays");
	free(got);
	ok(grid_cell(g, 0, 3)->columns == 0, "its right half is empty");
	ok(grid_put(g, 0, 5, 9, GRID_PLAIN, "日") == 6,
	    "none is put into half a place");
	ok(grid_cell(g, 0, 5)->text[0] == L'\u2026', "which says so");
	grid_close(g);
}

static void
check_edges(void)
{
	struct grid *g = grid_open(2, 4, 1);
	char *got;

	grid_put(g, -1, 0, 4, GRID_PLAIN, "a");
	grid_put(g, 2, 0, 4, GRID_PLAIN, "b");
	grid_put(g, 0, -1, 4, GRID_PLAIN, "c");
	grid_put(g, 0, 4, 4, GRID_PLAIN, "d");
	grid_put(g, 0, 0, 0, GRID_PLAIN, "e");
	grid_fill(g, (struct grid_area){ 1, 3, 5, 5 }, GRID_PLAIN, L'f');
	grid_fill(g, (struct grid_area){ -3, -3, 4, 4 }, GRID_PLAIN, L'g');
	got = grid_text(g);
	ok(strcmp(got, "g\n   f\n") == 0, "nothing outside of the grid");
	free(got);
	ok(!grid_cell(g, 2, 0) && !grid_cell(g, 0, 4) && !grid_cell(g, -1, 0),
	    "no cells there either");
	ok(grid_resize(g, 0, -5) == 0 && grid_rows(g) == 1 &&
	    grid_columns(g) == 1, "there is always one cell");
	grid_close(g);
	grid_close(NULL);
}

static void
check_style(void)
{
	struct grid *g = grid_open(1, 4, 1);

	grid_put(g, 0, 0, 4, GRID_HOT, "ab");
	grid_add_style(g, (struct grid_area){ 0, 1, 1, 9 }, GRID_SELECTED);
	ok(grid_cell(g, 0, 0)->style == GRID_HOT &&
	    grid_cell(g, 0, 1)->style == (GRID_HOT | GRID_SELECTED) &&
	    grid_cell(g, 0, 3)->style == (GRID_PLAIN | GRID_SELECTED),
	    "a selection adds to styles");
	ok(grid_put_right(g, 0, 0, 4, GRID_PLAIN, "x") == 3 &&
	    grid_cell(g, 0, 3)->text[0] == L'x', "right end");
	ok(grid_put_right(g, 0, 0, 4, GRID_PLAIN, "abcdef") == 0 &&
	    grid_cell(g, 0, 3)->text[0] == L'\u2026', "right end, too long");
	grid_close(g);
}

static void
check_fit(void)
{
	struct grid *g = grid_open(1, 1, 1);

	ok(grid_fit(g, "one two three", 8) == 8, "lines break at a blank");
	ok(grid_fit(g, "one two", 7) == 7, "all that fits");
	ok(grid_fit(g, "onetwothree", 4) == 4, "a long word breaks anywhere");
	ok(grid_fit(g, "日本", 1) == 3, "one character at least");
	ok(grid_fit(g, "", 4) == 0, "nothing of nothing");
	ok(grid_width(g, "日本e\u0301\x1b") == 6, "width");
	grid_close(g);
}

int
main(void)
{
	if (setlocale(LC_ALL, "C.UTF-8") == NULL) {
		printf("1..0 # SKIP no C.UTF-8 locale\n");
		return 0;
	}
	check_text();
	check_overwriting();
	check_edges();
	check_style();
	check_fit();
	return tap_done();
}
