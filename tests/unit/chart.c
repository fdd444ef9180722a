/*
 * A chart: how its axes are chosen and what is drawn.
 */
#include <inttypes.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>

#include "tui/chart.h"
#include "tui/grid.h"
#include "tap.h"

#define S UINT64_C(1000000000)

static void
check_axes(void)
{
	static const double values[][2] = { { 0, 10 }, { 3, 10 }, { 10, 10 },
		{ 10.1, 12 }, { 99, 100 }, { 100, 100 }, { 101, 120 },
		{ 205, 250 }, { 801, 1000 }, { 1001, 1200 } };
	static const struct {
		uint64_t duration, least;
		size_t buckets;
		uint64_t want;
	} buckets[] = {
		{ 0, 0, 100, S / 100 }, { 0, S / 5, 100, S / 4 },
		{ 10 * S, 0, 100, S / 4 }, { 100 * S, 0, 100, 2 * S },
		{ 99 * S, 0, 100, S }, { 3600 * S, 0, 144, 30 * S },
		{ 86400 * S, 0, 100, 900 * S },
		{ 100 * 86400 * S, 0, 100, 115200 * S }, { S, 0, 0, S },
	};

	for (size_t i = 0; i < sizeof values / sizeof values[0]; i++)
		ok(chart_round(values[i][0]) == values[i][1],
		    "%g is below %g", values[i][0], values[i][1]);
	for (size_t i = 0; i < sizeof buckets / sizeof buckets[0]; i++)
		ok(chart_bucket(buckets[i].duration, buckets[i].buckets,
		    buckets[i].least) == buckets[i].want, "%" PRIu64
		    " s in %zu buckets of %g s", buckets[i].duration / S,
		    buckets[i].buckets, (double)buckets[i].want / 1e9);
	ok(chart_bucket(UINT64_MAX, 1, 0) > 0, "all the time there is");
}

static void
draws(int utf8, const double *over, const char *what, const char *want)
{
	static const double value[] = { 0, 25, 50, 100, 0.1 };
	struct grid *g = grid_open(5, 30, utf8);
	struct grid_area all = grid_all(g);
	struct chart c = { .value = value, .over = over, .n = 5, .buckets = 6,
		.to = 60 * S, .mark_to = UINT64_MAX };
	char *got;

	chart_draw(g, &all, &c);
	got = grid_text(g);
	if (!ok(strcmp(got, want) == 0, "%s", what))
		printf("# got:\n%s# wanted:\n%s", got, want);
	free(got);
	grid_close(g);
}

static void
check_drawing(void)
{
	static const double over[] = { 100, 75, 0, 100, 0 };

	draws(0, NULL, "ASCII",
	    "  100% +           ###\n"
	    "       |           ###\n"
	    "   50% +       #######\n"
	    "       |    ##########....\n"
	    "    0% + 00:00:00 - 00:01:00\n");
	draws(0, over, "ASCII, two series",
	    "  200% +           ooo\n"
	    "       |           ooo\n"
	    "  100% +ooooooo    ###\n"
	    "       |oooo:::#######....\n"
	    "    0% + 00:00:00 - 00:01:00\n");
	if (setlocale(LC_ALL, "C.UTF-8") == NULL) {
		printf("ok %d # SKIP no C.UTF-8 locale\n", ++tap_count);
		return;
	}
	draws(1, NULL, "Braille",
	    "  100% ┤          ⢸⣿⣿⣿\n"
	    "       │          ⢸⣿⣿⣿\n"
	    "   50% ┤       ⣿⣿⣿⣿⣿⣿⣿\n"
	    "       │   ⢸⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣀⣀⣀⡀\n"
	    "    0% └ 00:00:00 ─ 00:01:00\n");
	draws(1, over, "Braille, two series",
	    "  200% ┤          ⢘⢝⢝⢝\n"
	    "       │          ⢐⢕⢕⢕\n"
	    "  100% ┤⢝⢝⢝⢝⢝⢝⢝   ⢸⣿⣿⣿\n"
	    "       │⢕⢕⢕⢵⣵⣵⣵⣿⣿⣿⣿⣿⣿⣿⣀⣀⣀⡀\n"
	    "    0% └ 00:00:00 ─ 00:01:00\n");
}

/* The colors that a row of a chart has. */
static void
styles(const struct grid *g, int y, char *out, size_t n)
{
	for (size_t x = 0; x < n; x++) {
		int style = grid_cell(g, y, (int)x)->style;

		out[x] = style >= GRID_LINE && style <= GRID_LINE_LAST ?
		    (char)('1' + style - GRID_LINE) : '.';
	}
	out[n] = '\0';
}

static void
draws_lines(int utf8, const char *what, const char *want, const char *want_styles)
{
	static const double value[] = { 100, 100, 0, 0 }, up[] = { 0, 40, 80, 200 },
	                    flat[] = { 100, 100, 100, 100 };
	static const struct chart_line lines[] = { { up, 2 }, { flat, 5 } };
	struct grid *g = grid_open(6, 30, utf8);
	struct grid_area all = grid_all(g);
	struct chart c = { .value = value, .n = 4, .buckets = 5, .to = 60 * S,
		.mark_to = UINT64_MAX, .lines = lines, .nlines = 2 };
	char *got, of[31];

	chart_draw(g, &all, &c);
	got = grid_text(g);
	styles(g, 2, of, 30);
	if (!ok(strcmp(got, want) == 0 && strcmp(of, want_styles) == 0, "%s", what))
		printf("# got:\n%s%s\n# wanted:\n%s%s\n", got, of, want, want_styles);
	free(got);
	grid_close(g);
}

static void
check_lines(void)
{
	static const char of[] = "........55555555555555555.....";

	draws_lines(0, "lines, ASCII",
	    "  200% +             2222\n"
	    "       |             2\n"
	    "  100% +55555555555555555\n"
	    "       |#########22222\n"
	    "       |#####22222\n"
	    "    0% + 00:00:00 - 00:01:00\n", of);
	if (setlocale(LC_ALL, "C.UTF-8") == NULL)
		return;
	draws_lines(1, "lines, Braille",
	    "  200% ┤             ⡏⠉⠉2\n"
	    "       │             ⡇\n"
	    "  100% ┤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⡧⠤⠤5\n"
	    "       │⣿⣿⣿⣿⣿⣿⣿⣿⢸⠉⠉⠉⠉⠁\n"
	    "       │⣿⣿⣿⣿⢸⠉⠉⠉⠉\n"
	    "    0% └ 00:00:00 ─ 00:01:00\n", of);
}

static void
check_bounds(void)
{
	double value[2] = { 1e300, -5 }, over[2] = { -1e300, 1e300 };
	struct chart_line lines[] = { { over, 1 }, { value, GRID_LINES } };
	struct chart c = { .value = value, .over = over, .n = 2, .buckets = 2, .to = S,
		.cursor = S / 2, .mark_from = S / 2, .mark_to = UINT64_MAX,
		.lines = lines, .nlines = 2 };
	int drawn = 0;

	for (int rows = 1; rows < 9; rows++)
		for (int columns = 1; columns < 40; columns++) {
			struct grid *g = grid_open(rows, columns, rows & 1);
			struct grid_area all = grid_all(g);

			chart_draw(g, &all, &c);
			c.n = chart_buckets(g, &all) > 1 ? 2 : 0;
			drawn++;
			grid_close(g);
		}
	ok(drawn == 8 * 39, "any size, any value");
}

int
main(void)
{
	check_axes();
	check_drawing();
	check_lines();
	check_bounds();
	return tap_done();
}
