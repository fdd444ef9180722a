/*
 * What the cells of several views' tables have in common: how names, places and
 * shares look.
 */
#ifndef COLUMN_H
#define COLUMN_H

#include <stdint.h>

#include "profile/profile_types.h"
#include "tui/sparkline.h"

struct grid;
struct grid_area;

#define COLUMN_COLUMNS 1024             /* of a name, at most */
#define COLUMN_SIZE (4 * COLUMN_COLUMNS) /* bytes of it on the screen */

/* How much a part of the whole stands out: a style. */
int column_heat(uint64_t part, uint64_t whole);

/* A part in percent, at the right; "-" where there is no whole. */
void column_percent(struct grid *g, const struct grid_area *cell, uint64_t part,
    uint64_t whole);

/* A function's name, or a path, in so many columns. */
void column_shorten(char buf[COLUMN_SIZE], const char *name, int path, int columns);

/* A function, with its last component standing out. */
void column_function(struct grid *g, const struct grid_area *cell, const char *function);

/* The name of a row of a grouping, and whether it is a path. */
void column_name(struct grid *g, const struct grid_area *cell, const char *name,
    enum profile_group group);
int column_is_path(enum profile_group group);

/* Order of texts; NULL comes last. */
int column_by_text(const char *a, const char *b);

/* The columns of each grouping, behind those of its numbers. */
#define COLUMN_TREND { "Trend", SPARKLINE_CELLS, 0, 100 }
#define COLUMN_LAYOUT(numbers) { \
	[PROFILE_FUNCTION] = { numbers, { "Function", 0, 0, 0 }, \
	    { "Location", 0, 0, 56 }, COLUMN_TREND }, \
	[PROFILE_GENERIC] = { numbers, { "Generic function", 0, 0, 0 }, \
	    { "Location", 0, 0, 56 }, COLUMN_TREND }, \
	[PROFILE_LINE] = { numbers, { "Function", 0, 0, 0 }, \
	    { "Line", 0, 0, 0 }, COLUMN_TREND }, \
	[PROFILE_CRATE] = { numbers, { "Crate", 0, 0, 0 }, \
	    { "Version", 0, 0, 56 }, COLUMN_TREND }, \
	[PROFILE_MODULE] = { numbers, { "Module", 0, 0, 0 }, \
	    { NULL, 0, 0, 0 }, COLUMN_TREND }, \
	[PROFILE_THREAD] = { numbers, { "Thread", 0, 0, 0 }, \
	    { "PID/TID", 0, 0, 0 }, COLUMN_TREND }, \
}

/* A line of a file, either of which may not be known; else a module, or nothing. */
void column_location(struct grid *g, const struct grid_area *cell, const char *file,
    uint64_t line, const char *module);

/* A text in place of rows. */
void column_middle(struct grid *g, const struct grid_area *area, const char *text);

/* The last component of a path. */
const char *column_base(const char *path);

#endif
