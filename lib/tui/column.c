#include "tui/column.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/units.h"
#include "symbol/shorten.h"
#include "tui/grid.h"

#define NAME_TAIL 4096 /* bytes of a long name that are considered: its end */

static int
heat(double percent)
{
	return percent >= 20 ? GRID_HOT : percent >= 10 ? GRID_WARM :
	    percent >= 5 ? GRID_MILD : percent < 0.05 ? GRID_FAINT :
	    GRID_PLAIN;
}

int
column_heat(uint64_t part, uint64_t whole)
{
	return heat(whole ? 100.0 * (double)part / (double)whole : 0);
}

void
column_percent(struct grid *g, const struct grid_area *cell, uint64_t part,
    uint64_t whole)
{
	double percent = units_percent(part, whole);
	char buf[32];

	snprintf(buf, sizeof buf, whole ? "%.1f" : "-", percent);
	grid_put_right(g, cell->y, cell->x, cell->columns - 1, heat(percent),
	    buf);
}

void
column_shorten(char buf[COLUMN_SIZE], const char *name, int path, int columns)
{
	size_t len = strlen(name);

	if (columns > COLUMN_COLUMNS)
		columns = COLUMN_COLUMNS;
	if (path) {
		shorten_path(buf, COLUMN_SIZE, name, (size_t)columns);
		return;
	}
	if (len > NAME_TAIL)
		name += len - NAME_TAIL;
	while ((*name & 0xc0) == 0x80)
		name++;
	shorten_function(buf, COLUMN_SIZE, name, (size_t)columns);
}

/* Returns the bytes of a Rust path before its last component. */
static size_t
leading(const char *name)
{
	size_t last = 0;
	int depth = 0;

	for (size_t i = 0; name[i]; i++) {
		if (strchr("<([{", name[i]))
			depth++;
		else if (strchr(">)]}", name[i]))
			depth -= !(name[i] == '>' && i && name[i - 1] == '-');
		else if (depth == 0 && name[i] == ':' && name[i + 1] == ':' &&
		    name[i + 2] != '{')
			last = i + 2;
	}
	return last;
}

void
column_function(struct grid *g, const struct grid_area *cell, const char *function)
{
	int end = cell->x + cell->columns, x;
	char name[COLUMN_SIZE], *last, c;

	column_shorten(name, function, 0, cell->columns);
	last = name + leading(name);
	c = *last;
	*last = '\0';
	x = grid_put(g, cell->y, cell->x, cell->columns, GRID_FAINT, name);
	*last = c;
	grid_put(g, cell->y, x, end - x, GRID_PLAIN, last);
}

int
column_is_path(enum profile_group group)
{
	return group == PROFILE_MODULE || group == PROFILE_CRATE;
}

void
column_name(struct grid *g, const struct grid_area *cell, const char *name,
    enum profile_group group)
{
	char buf[COLUMN_SIZE];

	if (group <= PROFILE_LINE) {
		column_function(g, cell, name);
		return;
	}
	column_shorten(buf, name, column_is_path(group), cell->columns);
	grid_put(g, cell->y, cell->x, cell->columns, GRID_PLAIN, buf);
}

void
column_callee(struct grid *g, const struct grid_area *cell, const char *callee,
    const char *figure)
{
	struct grid_area name = *cell, rest = *cell;
	char buf[COLUMN_SIZE];

	name.columns -= grid_width(g, figure) + 2;
	if (callee == NULL || name.columns < 4)
		return;
	column_shorten(buf, callee, 0, name.columns);
	rest.x = grid_put(g, name.y, name.x, name.columns, GRID_FAINT, buf) + 1;
	grid_put(g, rest.y, rest.x, cell->x + cell->columns - rest.x, GRID_FAINT, figure);
}

int
column_by_text(const char *a, const char *b)
{
	if (a == NULL || b == NULL)
		return (a == NULL) - (b == NULL);
	return strcmp(a, b);
}

const char *
column_base(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash && slash[1] ? slash + 1 : path;
}

static void
put_file(struct grid *g, const struct grid_area *cell, const char *file, uint64_t number)
{
	char buf[COLUMN_SIZE], line[32] = "";
	int room = cell->columns, x;

	if (number)
		snprintf(line, sizeof line, ":%" PRIu64, number);
	room -= (int)strlen(line);
	if (room < 1)
		return;
	if (room > COLUMN_COLUMNS)
		room = COLUMN_COLUMNS;
	shorten_source(buf, sizeof buf, file, (size_t)room);
	x = grid_put(g, cell->y, cell->x, room, GRID_FAINT, buf);
	grid_put(g, cell->y, x, cell->x + cell->columns - x, GRID_FAINT, line);
}

void
column_location(struct grid *g, const struct grid_area *cell, const char *file,
    uint64_t line, const char *module)
{
	if (file)
		put_file(g, cell, file, line);
	else if (module)
		grid_printf(g, cell->y, cell->x, cell->columns, GRID_FAINT,
		    *module == '[' ? "%.*s" : "[%.*s]", COLUMN_COLUMNS / 4,
		    column_base(module));
}

void
column_middle(struct grid *g, const struct grid_area *area, const char *text)
{
	int width = grid_width(g, text);
	int x = area->columns > width ? (area->columns - width) / 2 : 0;

	grid_put(g, area->y + area->rows / 2, area->x + x, area->columns - x, GRID_FAINT,
	    text);
}
