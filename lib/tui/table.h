/*
 * A table of rows in a grid: order, selection and what part of it is seen.
 * It knows rows by number only; a struct table_source tells the rest.
 *
 * Until the user selects a row the first one is selected, whichever it is;
 * from then on the row is, by its id, wherever sorting takes it.
 */
#ifndef TABLE_H
#define TABLE_H

#include <stddef.h>

struct grid;
struct grid_area;

struct table_column {
	const char *title; /* NULL: this column is not shown */
	int width;         /* in columns of the screen; 0: shares the rest */
	int right;         /* the title stands at the right, but for the last
	                    * column, which is the sorting mark's */
	int from;          /* is shown where the table is so wide */
};

/* The rows 0..n-1, and how they are compared and drawn.  compare() is for
 * the order that comes first when sorting by that column. */
struct table_source {
	const void *rows;
	size_t n;
	unsigned (*id)(const void *rows, size_t row);
	int (*compare)(const void *rows, size_t a, size_t b, int column);
	void (*draw)(const void *rows, size_t row, int column, struct grid *g,
	    const struct grid_area *cell);
	const struct table_column *column;
	int columns;
	/* What a row is searched by; NULL: it cannot be. */
	const char *(*text)(const void *rows, size_t row);
	/* A number from 1 to GRID_LINES that a row is marked with in the color of that
	 * line, or 0; NULL: none is. */
	int (*mark)(const void *rows, size_t row);
};

#define TABLE_COLUMNS_MAX 16

struct pattern;

struct table {
	size_t *order, n, size; /* row numbers from the top */
	size_t of;   /* so many rows there are, with those that are not shown */
	struct pattern *filter; /* NULL: all are shown */
	size_t at;   /* the selected one's place in the order */
	size_t top;  /* the first place that is seen */
	size_t page; /* places that are seen */
	unsigned id; /* the selected row's */
	int held;    /* the user has selected it */
	int sort;    /* column */
	int reverse;
	int y, seen;              /* where the header was drawn last, and rows below */
	int x[TABLE_COLUMNS_MAX]; /* where columns begin; -1: it is not seen */
};

/* Take over rows that have changed: sort them, find the selected one again.
 * 0, or -1: out of memory. */
int table_update(struct table *t, const struct table_source *s);

/* The number of the selected row, or -1 where there are none. */
long table_selected(const struct table *t);

/* Select another row: so many places further, or the first or last. */
void table_move(struct table *t, const struct table_source *s, long by);
void table_first(struct table *t, const struct table_source *s);
void table_last(struct table *t, const struct table_source *s);

/* Sort by the next column that has a title and is seen; table_update() applies it. */
void table_sort_next(struct table *t, const struct table_source *s);

/* Show only rows whose text has a match of a pattern (base/pattern); "" or NULL: all
 * rows.
 * table_update() applies it.  -1: out of memory. */
int table_filter(struct table *t, const char *pattern);

/* Select the next row, or with -1 the one before, that a pattern matches, around
 * the ends.  0, or -1: there is none. */
int table_find(struct table *t, const struct table_source *s, const char *pattern,
    int direction);

/* Somebody has clicked there: a row is selected, or a column of the header, by
 * which table_update() sorts then (again: in reverse).  0: it is neither. */
int table_click(struct table *t, const struct table_source *s, int y, int x);

/* Header and rows; what is seen follows the selected row. */
void table_draw(struct table *t, const struct table_source *s, struct grid *g,
    const struct grid_area *area);

void table_free(struct table *t); /* what it holds, not t itself */

#endif
