/*
 * A grid of cells, each a character with a style: the one place that drawing
 * goes to.  tui/screen copies it to a terminal, grid_text() prints it.
 *
 * Nothing that is put into a grid can do harm on a terminal: control and
 * format characters, bytes that are not UTF-8 and characters of no known
 * width become a replacement character, and nothing is drawn outside of the
 * grid.  Text is UTF-8 whatever the locale is; columns are those of wcwidth(3).
 */
#ifndef GRID_H
#define GRID_H

#include <stddef.h>
#include <wchar.h>

/* What a text is; the terminal's abilities decide how that looks. */
enum grid_style {
	GRID_PLAIN,
	GRID_FAINT,   /* secondary */
	GRID_STRONG,
	GRID_HOT,     /* much of the whole */
	GRID_WARM,
	GRID_MILD,
	GRID_WARN,    /* something was lost or failed */
	GRID_HEADER,  /* titles of columns */
	GRID_SORTED,  /* and of the one that the rows are sorted by */
	GRID_KEY,     /* a key to press */
	GRID_CHART,   /* what a chart shows */
	GRID_CHART_OVER, /* and on top of that */
	GRID_LINE,       /* a line in it, of GRID_LINES kinds that follow each other */
	GRID_LINE_LAST = GRID_LINE + 5,
	GRID_FLAME_HOT,  /* boxes of a flame graph, of three kinds */
	GRID_FLAME_WARM,
	GRID_FLAME_MILD,
	GRID_FRAME,   /* lines, axes */
	GRID_LIVE,    /* badges */
	GRID_PAUSED,
	GRID_ENDED,
	GRID_STALLED,
	GRID_NSTYLES
};
#define GRID_LINES (GRID_LINE_LAST - GRID_LINE + 1)
#define GRID_SELECTED 0x100 /* may be added to each of them */

#define GRID_MARKS 2 /* combining characters of a cell */

struct grid_cell {
	wchar_t text[1 + GRID_MARKS + 1]; /* a character, what combines, NUL */
	int columns; /* 1, 2, or 0 for the right half of a wide character */
	int style;
};

/* Rows and columns are counted from 0, from the top left. */
struct grid_area {
	int y, x, rows, columns;
};

struct grid;

/* A blank grid.  utf8: whether other than ASCII may be in it; where not, each
 * other character becomes a question mark.  NULL: out of memory. */
struct grid *grid_open(int rows, int columns, int utf8);
void grid_close(struct grid *g);
int grid_resize(struct grid *g, int rows, int columns); /* and clear; or -1 */
void grid_clear(struct grid *g);

int grid_rows(const struct grid *g);
int grid_columns(const struct grid *g);
int grid_utf8(const struct grid *g);
struct grid_area grid_all(const struct grid *g);

/*
 * Put text at row y and column x, in at most `columns` columns: text that is
 * cut ends in an ellipsis.  Returns the column after it.
 */
int grid_put(struct grid *g, int y, int x, int columns, int style,
    const char *text);
int grid_printf(struct grid *g, int y, int x, int columns, int style,
    const char *format, ...) __attribute__((format(printf, 6, 7)));

/* The same at the right end of those columns; returns where it begins. */
int grid_put_right(struct grid *g, int y, int x, int columns, int style,
    const char *text);

/* Repeat a character of one column. */
void grid_fill(struct grid *g, struct grid_area area, int style, wchar_t c);

/* Add to the styles of what is there. */
void grid_add_style(struct grid *g, struct grid_area area, int style);

/* The columns that grid_put() needs for a text. */
int grid_width(const struct grid *g, const char *text);

/* The bytes of a text that go into so many columns when it is continued on a
 * further line: to its last blank, or as many as fit, at least one character.
 */
size_t grid_fit(const struct grid *g, const char *text, int columns);

/* A cell; NULL outside of the grid. */
const struct grid_cell *grid_cell(const struct grid *g, int y, int x);

/* All of it as UTF-8 lines without trailing blanks, for the caller to free.
 * NULL: out of memory. */
char *grid_text(const struct grid *g);

#endif
