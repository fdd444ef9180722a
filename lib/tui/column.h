/*
 * Cells that the tables of several views share: names, locations, shares.
 */
#ifndef COLUMN_H
#define COLUMN_H

#include <stdint.h>

#include "profile/profile_types.h"
#include "tui/sparkline.h"

struct grid;
struct grid_area;

#define COLUMN_COLUMNS 1024             /* longest name, in columns */
#define COLUMN_SIZE (4 * COLUMN_COLUMNS) /* bytes of such a name on the screen */

/* Returns the style that shows how large a part of the whole is. */
int column_heat(uint64_t part, uint64_t whole);

/* Draw a part as a percentage, right-aligned, or "-" if the whole is 0. */
void column_percent(struct grid *g, const struct grid_area *cell, uint64_t part,
    uint64_t whole);

/* Shorten a function's name or a path to a number of columns. */
void column_shorten(char buf[COLUMN_SIZE], const char *name, int path, int columns);

/* Draw a function with its last component in plain style. */
void column_function(struct grid *g, const struct grid_area *cell, const char *function);

/* Draw the name of a row.  column_is_path() returns whether a grouping has paths as
 * names. */
void column_name(struct grid *g, const struct grid_area *cell, const char *name,
    enum profile_group group);
int column_is_path(enum profile_group group);

/* Compare two texts; NULL comes last. */
int column_by_text(const char *a, const char *b);

/* The columns after the numbers, for each grouping. */
#define COLUMN_TREND { "Trend", SPARKLINE_CELLS, 0, 100 }
#define COLUMN_CALLEE { "Mostly in", 26, 0, 120 }
#define COLUMN_NONE { NULL, 0, 0, 0 }
#define COLUMN_LAYOUT(numbers, callee) { \
	[PROFILE_FUNCTION] = { numbers, { "Function", 0, 0, 0 }, \
	    { "Location", 0, 0, 56 }, callee, COLUMN_TREND }, \
	[PROFILE_GENERIC] = { numbers, { "Generic function", 0, 0, 0 }, \
	    { "Location", 0, 0, 56 }, callee, COLUMN_TREND }, \
	[PROFILE_LINE] = { numbers, { "Function", 0, 0, 0 }, \
	    { "Line", 0, 0, 0 }, callee, COLUMN_TREND }, \
	[PROFILE_CRATE] = { numbers, { "Crate", 0, 0, 0 }, \
	    { "Version", 0, 0, 56 }, callee, COLUMN_TREND }, \
	[PROFILE_MODULE] = { numbers, { "Module", 0, 0, 0 }, \
	    COLUMN_NONE, callee, COLUMN_TREND }, \
	[PROFILE_THREAD] = { numbers, { "Thread", 0, 0, 0 }, \
	    { "PID/TID", 0, 0, 0 }, COLUMN_NONE, COLUMN_TREND }, \
}

/* Draw what most of a row went to below, and how much; callee NULL: nothing. */
void column_callee(struct grid *g, const struct grid_area *cell, const char *callee,
    const char *figure);

/* Draw file:line, or else the module.  Each may be unknown (NULL or 0). */
void column_location(struct grid *g, const struct grid_area *cell, const char *file,
    uint64_t line, const char *module);

/* Draw a text in the middle of an area, in place of rows. */
void column_middle(struct grid *g, const struct grid_area *area, const char *text);

/* Returns the last component of a path. */
const char *column_base(const char *path);

#endif
