#include "tui/forest.h"

#include <stdlib.h>
#include <string.h>

#include "base/units.h"
#include "profile/inuse.h"
#include "profile/recording.h"
#include "tui/column.h"
#include "tui/grid.h"
#include "tui/session.h"

int
forest_update(struct forest *f)
{
	calltree_stacks_free(&f->stacks);
	if (!f->memory)
		return profile_stacks(session_profile(f->session), f->group, &f->stacks);
	f->inuse = session_inuse(f->session, PROFILE_FUNCTION);
	return f->inuse == NULL ? -1 : inuse_stacks(f->inuse, f->group, &f->stacks);
}

void
forest_free(struct forest *f)
{
	calltree_stacks_free(&f->stacks);
}

const char *
forest_name(const struct forest *f, uint32_t row, const char **module)
{
	return recording_function(session_recording(f->session), f->group, row, module);
}

uint64_t
forest_whole(const struct forest *f, uint64_t total)
{
	return f->memory && f->inuse ? total : session_summary(f->session)->ns;
}

void
forest_figure(const struct forest *f, struct grid *g, const struct grid_area *cell,
    uint64_t part, uint64_t whole)
{
	char buf[UNITS_MAX];

	if (f->memory)
		grid_put_right(g, cell->y, cell->x, cell->columns - 1,
		    column_heat(part, whole), units_size(buf, part));
	else
		column_percent(g, cell, part, whole);
}

const char *
forest_what(const struct forest *f)
{
	static const char *const of[PROFILE_NMETRICS] = {
		"CPU time", "off-CPU time", "wall time"
	};

	if (f->memory && f->inuse && inuse_summary(f->inuse)->windows)
		return "memory that is known to be live";
	return f->memory ? "live memory" : of[profile_measured(session_profile(f->session))];
}
