#include "tui/stackline.h"

#include "profile/inuse.h"
#include "profile/profile.h"
#include "profile/recording.h"
#include "tui/column.h"
#include "tui/session.h"

#define LEAST_ROWS 6 /* of the table, with its header */
#define CALLER 36    /* columns of a caller's name */
#define MORE 4       /* columns that say that there are more callers */

struct grid_area
stackline_split(enum profile_group group, const struct grid_area *chart,
    struct grid_area *table)
{
	struct grid_area line = { table->y + table->rows - 1, table->x, 0, table->columns };

	if (chart->rows == 0 || table->rows <= LEAST_ROWS || group == PROFILE_CRATE ||
	    group == PROFILE_MODULE || group == PROFILE_THREAD)
		return line;
	line.rows = 1;
	table->rows--;
	return line;
}

void
stackline_change(struct stackline *l)
{
	l->fresh = 0;
}

void
stackline_free(struct stackline *l)
{
	calltree_stacks_free(&l->stacks);
	l->fresh = 0;
}

static int
read_stacks(struct stackline *l, struct session *session, const struct inuse *memory,
    enum profile_group group)
{
	if (l->fresh)
		return 0;
	calltree_stacks_free(&l->stacks);
	if ((memory ? inuse_stacks(memory, group, &l->stacks) :
	              profile_stacks(session_profile(session), group, &l->stacks)) < 0)
		return -1;
	l->fresh = 1;
	return 0;
}

/* Draw the callers of a frame, as many as there is room for. */
static void
draw_callers(const struct calltree_stacks *s, const struct recording *of,
    enum profile_group group, uint32_t frame, struct grid *g, const struct grid_area *area)
{
	int x = area->x + 1, end = area->x + area->columns - 1;
	const char *sign = "by ";

	while ((frame = calltree_caller(s, frame)) != CALLTREE_NONE) {
		const char *module, *name = recording_function(of, group, s->row[frame], &module);
		int last = calltree_caller(s, frame) == CALLTREE_NONE;
		int room = end - x - grid_width(g, sign) - (last ? 0 : MORE);
		char buf[COLUMN_SIZE];

		column_shorten(buf, name ? name : "?", 0, CALLER);
		x = grid_put(g, area->y, x, end - x, GRID_FAINT, sign);
		if (grid_width(g, buf) > room) {
			grid_put(g, area->y, x, end - x, GRID_FAINT, grid_utf8(g) ? "…" : "..");
			return;
		}
		x = grid_put(g, area->y, x, end - x, GRID_PLAIN, buf);
		sign = " < ";
	}
}

void
stackline_draw(struct stackline *l, struct session *session, const struct inuse *memory,
    enum profile_group group, uint32_t row, struct grid *g, const struct grid_area *area)
{
	uint32_t frame;
	uint64_t value;

	if (area->rows == 0 || read_stacks(l, session, memory, group) < 0 ||
	    calltree_heaviest(&l->stacks, row, &frame, &value) < 0 || frame == CALLTREE_NONE)
		return;
	draw_callers(&l->stacks, session_recording(session), group, frame, g, area);
}
