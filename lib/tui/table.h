/*
 * A scrollable table: order, selection and visible part.  Rows are only numbers to it;
 * a struct table_source provides the rest.
 *
 * Until the user selects a row, the first one is selected, whichever that is.  From
 * then on the selection follows the row, by its id, through any sorting.
 */
#ifndef TABLE_H
#define TABLE_H

#include <stddef.h>

struct grid;
struct grid_area;

struct table_column {
	const char *title; /* NULL: hidden */
	int width;         /* 0: a share of the rest */
	int right;         /* title right-aligned, leaving the last column for the sort mark */
	int from;          /* shown only in tables at least this wide */
};

/* How a row is listed: among the others, below them, or only with a filter. */
enum table_rank { TABLE_AMONG, TABLE_BELOW, TABLE_HIDDEN };

/* The rows 0..n-1 and how to compare and draw them. compare() gives the default order
 * of a column. */
struct table_source {
	const void *rows;
	size_t n;
	unsigned (*id)(const void *rows, size_t row);
	int (*compare)(const void *rows, size_t a, size_t b, int column);
	void (*draw)(const void *rows, size_t row, int column, struct grid *g,
	    const struct grid_area *cell);
	const struct table_column *column;
	int columns;
	/* Returns the text that a row is searched by.  NULL: not searchable. */
	const char *(*text)(const void *rows, size_t row);
	/* Returns the number of a row's line in the chart, from 1 to GRID_LINES, or 0.
	 * NULL: rows have none. */
	int (*mark)(const void *rows, size_t row);
	/* Returns how a row is listed in the order of a column.  NULL: among the others. */
	enum table_rank (*rank)(const void *rows, size_t row, int column);
};

#define TABLE_COLUMNS_MAX 16

struct pattern;

struct table {
	size_t *order, n, size; /* row numbers, from the top */
	size_t of;   /* number of rows, hidden ones included */
	struct pattern *filter; /* NULL: no filter */
	size_t at;   /* position of the selected row in `order` */
	size_t top;  /* first visible position */
	size_t page; /* number of visible positions */
	unsigned id; /* of the selected row */
	int held;    /* whether the user has selected it */
	int sort;    /* column to sort by */
	int reverse;
	int y, seen;              /* row of the header when last drawn; rows below it */
	int x[TABLE_COLUMNS_MAX]; /* where columns begin; -1: hidden */
};

/* Sort new or changed rows and find the selected one again.  Returns 0, or -1 if out of
 * memory. */
int table_update(struct table *t, const struct table_source *s);

/* Returns the number of the selected row, or -1 if the table is empty. */
long table_selected(const struct table *t);

/* Move the selection by a number of positions, or to the first or last row. */
void table_move(struct table *t, const struct table_source *s, long by);
void table_first(struct table *t, const struct table_source *s);
void table_last(struct table *t, const struct table_source *s);

/* Sort by the next visible column; table_update() applies it. */
void table_sort_next(struct table *t, const struct table_source *s);

/* Show only rows that match a pattern (base/pattern), or all for "" or NULL;
 * table_update() applies it.  Returns 0, or -1 if out of memory. */
int table_filter(struct table *t, const char *pattern);

/* Select the next row that matches a pattern, or with a direction of -1 the previous
 * one, wrapping around.  Returns 0, or -1 if none does. */
int table_find(struct table *t, const struct table_source *s, const char *pattern,
    int direction);

/* Handle a click at (y, x): select a row, or sort by a column (again: in reverse),
 * which table_update() applies.  Returns 0 if nothing there reacts to it. */
int table_click(struct table *t, const struct table_source *s, int y, int x);

/* Draw header and rows, scrolled so that the selected row is visible. */
void table_draw(struct table *t, const struct table_source *s, struct grid *g,
    const struct grid_area *area);

void table_free(struct table *t); /* frees what t holds, not t itself */

#endif
