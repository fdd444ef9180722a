/*
 * A grid of character cells with styles: everything is drawn into one. tui/screen
 * copies it to a terminal, grid_text() prints it.
 *
 * Nothing in a grid can harm a terminal: control and format characters, invalid UTF-8
 * and characters of unknown width are replaced, and drawing is clipped.  Text is UTF-8
 * in any locale; columns are those of wcwidth(3).
 */
#ifndef GRID_H
#define GRID_H

#include <stddef.h>
#include <wchar.h>

/* The role of a text; the terminal decides how it looks. */
enum grid_style {
	GRID_PLAIN,
	GRID_FAINT,   /* secondary */
	GRID_STRONG,
	GRID_HOT,     /* a large part of the whole */
	GRID_WARM,
	GRID_MILD,
	GRID_WARN,    /* loss or failure */
	GRID_HEADER,  /* titles of columns */
	GRID_SORTED,  /* title of the column sorted by */
	GRID_KEY,     /* a key to press */
	GRID_CHART,   /* a chart's first series */
	GRID_CHART_OVER, /* its second series */
	GRID_LINE,       /* the first of GRID_LINES line colors */
	GRID_LINE_LAST = GRID_LINE + 5,
	GRID_FLAME_HOT,  /* boxes of a flame graph, in three colors */
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
#define GRID_SELECTED 0x100 /* can be added to any style */

#define GRID_MARKS 2 /* combining characters per cell */

struct grid_cell {
	wchar_t text[1 + GRID_MARKS + 1]; /* a character, combining ones, NUL */
	int columns; /* 1, 2, or 0 for the right half of a wide character */
	int style;
};

/* Rows and columns count from 0 at the top left. */
struct grid_area {
	int y, x, rows, columns;
};

struct grid;

/* Create a blank grid.  Unless `utf8`, characters beyond ASCII become question marks.
 * Returns NULL if out of memory. */
struct grid *grid_open(int rows, int columns, int utf8);
void grid_close(struct grid *g);
int grid_resize(struct grid *g, int rows, int columns); /* clears it; -1: out of memory */
void grid_clear(struct grid *g);

int grid_rows(const struct grid *g);
int grid_columns(const struct grid *g);
int grid_utf8(const struct grid *g);
struct grid_area grid_all(const struct grid *g);

/*
 * Put text at row y and column x, cut to `columns` columns with an ellipsis.  Returns
 * the column after it.
 */
int grid_put(struct grid *g, int y, int x, int columns, int style,
    const char *text);
int grid_printf(struct grid *g, int y, int x, int columns, int style,
    const char *format, ...) __attribute__((format(printf, 6, 7)));

/* Put text at the right end of those columns.  Returns the column where it starts. */
int grid_put_right(struct grid *g, int y, int x, int columns, int style,
    const char *text);

/* Fill an area with a character of width 1. */
void grid_fill(struct grid *g, struct grid_area area, int style, wchar_t c);

/* Add a style, such as GRID_SELECTED, to all cells of an area. */
void grid_add_style(struct grid *g, struct grid_area area, int style);

/* Returns the columns that a text needs. */
int grid_width(const struct grid *g, const char *text);

/* Returns how many bytes of a text fit into a line before it is continued on the next:
 * up to the last blank, or else as many as fit, at least one character. */
size_t grid_fit(const struct grid *g, const char *text, int columns);

/* Returns a cell, or NULL outside of the grid. */
const struct grid_cell *grid_cell(const struct grid *g, int y, int x);

/* Returns the grid as UTF-8 lines without trailing blanks, for the caller to free, or
 * NULL if out of memory. */
char *grid_text(const struct grid *g);

#endif
