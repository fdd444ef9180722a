#include "tui/sparkline.h"

#include <stdlib.h>

#include "tui/chart.h"
#include "tui/grid.h"
#include "tui/session.h"

int
sparkline_begin(struct sparkline *t, struct session *session, unsigned of, size_t ids)
{
	uint64_t from, last, *value;
	int64_t now = session_clock();

	session_shown(session, &from, &last);
	if (t->valid && t->of == of && t->ids == ids && t->from == from &&
	    (t->version == session_version(session) || t->read == now))
		return 0;
	if (ids > t->room) {
		value = reallocarray(t->value, ids * SPARKLINE_CELLS, sizeof *value);
		if (value == NULL)
			return -1;
		t->value = value;
		t->room = ids;
	}
	t->from = from;
	t->width = (last - from) / SPARKLINE_CELLS + 1;
	t->of = of;
	t->ids = ids;
	t->version = session_version(session);
	t->read = now;
	t->valid = 1;
	return 1;
}

static const uint64_t *
row_values(const struct sparkline *t, unsigned id)
{
	return t->valid && id < t->ids ? t->value + (size_t)id * SPARKLINE_CELLS : NULL;
}

double
sparkline_growth(const struct sparkline *t, unsigned id)
{
	const uint64_t *value = row_values(t, id);
	double growth = 0;

	for (int i = 0; value && i < SPARKLINE_CELLS; i++)
		growth += i < SPARKLINE_CELLS / 2 ? -(double)value[i] : (double)value[i];
	return growth;
}

void
sparkline_draw(const struct sparkline *t, unsigned id, struct grid *g,
    const struct grid_area *cell)
{
	const uint64_t *value = row_values(t, id);
	uint64_t most = 1;

	for (int i = 0; value && i < SPARKLINE_CELLS; i++)
		most = value[i] > most ? value[i] : most;
	for (int i = 0; value && i < SPARKLINE_CELLS && i < cell->columns; i++) {
		struct grid_area at = { cell->y, cell->x + i, 1, 1 };
		int level = (int)((double)value[i] / (double)most * 8 + 0.5);

		level = value[i] && !level ? 1 : level;
		chart_bar(g, &at, level, GRID_CHART);
	}
}

void
sparkline_free(struct sparkline *t)
{
	free(t->value);
	*t = (struct sparkline){ 0 };
}
