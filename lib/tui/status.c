#include "tui/status.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/units.h"
#include "profile/profile.h"
#include "tui/grid.h"
#include "tui/session.h"

#define GAP 3 /* columns between figures */
#define SECOND UINT64_C(1000000000)
#define GOOD_STACKS 99 /* percentage of complete stacks that needs no warning */

struct figure {
	char text[64];
	int style;
	int rank; /* figures with the highest rank are dropped first */
};

/* ---- figures ----------------------------------------------------------- */

/* Format 1234567 as 1,234,567. */
static const char *
grouped(uint64_t n, char *buf, size_t size)
{
	char digits[32];
	int len = snprintf(digits, sizeof digits, "%" PRIu64, n);
	size_t used = 0;

	for (int i = 0; i < len && used + 2 < size; i++) {
		if (i && (len - i) % 3 == 0)
			buf[used++] = ',';
		buf[used++] = digits[i];
	}
	buf[used] = '\0';
	return buf;
}

static double
ratio(uint64_t part, uint64_t whole)
{
	return whole ? (double)part / (double)whole : 0;
}

/* Returns whether only memory was recorded. */
static int
no_time(const struct session *session)
{
	return session_summary(session)->samples == 0 && session_covered(session) >= 0;
}

static void
add_samples(struct figure *f, const struct session *session)
{
	const struct profile_summary *s = session_summary(session);
	char n[40];

	if (no_time(session))
		return;
	snprintf(f->text, sizeof f->text, "%s sample%s",
	    grouped(s->samples, n, sizeof n), s->samples == 1 ? "" : "s");
	f->rank = 1;
}

static void
add_rate(struct figure *f, const struct session *session)
{
	uint64_t period = session_period(session);

	if (period == 0)
		return;
	snprintf(f->text, sizeof f->text, "%" PRIu64 " Hz", (SECOND + period / 2) / period);
	f->style = GRID_FAINT;
	f->rank = 6;
}

static void
add_load(struct figure *f, const struct session *session)
{
	if (no_time(session))
		return;
	snprintf(f->text, sizeof f->text, "%.2f cores", session_cores(session));
	f->rank = 2;
}

static void
add_lost(struct figure *f, const struct session *session)
{
	const struct profile_summary *s = session_summary(session);
	char n[40];

	if (s->lost == 0)
		return;
	snprintf(f->text, sizeof f->text, "%s lost",
	    grouped(s->lost, n, sizeof n));
	f->style = GRID_WARN;
}

static void
add_stacks(struct figure *f, const struct session *session)
{
	const struct profile_summary *s = session_summary(session);
	uint64_t none = s->short_ns + s->probes_ns; /* has no stack, and is not asked for one */
	double percent = 100 * ratio(s->complete_ns, s->ns - none);

	if (s->ns == none)
		return;
	snprintf(f->text, sizeof f->text, "%.1f%% complete", percent);
	f->style = percent < GOOD_STACKS ? GRID_WARN : GRID_PLAIN;
	f->rank = 3;
}

/* Add the share of time with heap probes in place. */
static void
add_covered(struct figure *f, const struct session *session)
{
	double percent = session_covered(session);

	if (percent < 0)
		return;
	snprintf(f->text, sizeof f->text, "heap %.0f%% covered", percent);
	f->rank = 4;
}

static void
add_cost(struct figure *f, const struct session *session)
{
	const struct profile_summary *s = session_summary(session);

	int n;

	if (s->cost_ns == 0 && s->probes_ns == 0)
		return;
	n = snprintf(f->text, sizeof f->text, "profiler %.1f%%",
	    100 * ratio(s->cost_ns, s->recorded));
	if (s->probes_ns)
		snprintf(f->text + n, sizeof f->text - (size_t)n, ", probes %.1f%%",
		    100 * ratio(s->probes_ns, s->covered));
	f->style = GRID_FAINT;
	f->rank = 5;
}

static void (*const add[])(struct figure *, const struct session *) = {
	add_samples, add_rate, add_load, add_stacks, add_covered, add_lost, add_cost
};
#define FIGURES (sizeof add / sizeof add[0])

/* Drop figures until the rest fits, the least important first. */
static void
make_room(const struct grid *g, struct figure *f, int columns)
{
	size_t worst;
	int width;

	do {
		width = worst = 0;
		for (size_t i = 0; i < FIGURES; i++) {
			if (*f[i].text)
				width += grid_width(g, f[i].text) + GAP;
			if (*f[i].text && f[i].rank > f[worst].rank)
				worst = i;
		}
		if (width <= columns)
			return;
		*f[worst].text = '\0';
	} while (f[worst].rank > 1);
}

static void
draw_figures(const struct session *session, struct grid *g, int y, int x, int columns)
{
	struct figure f[FIGURES] = { 0 };
	int end = x + columns;

	for (size_t i = 0; i < FIGURES; i++)
		add[i](&f[i], session);
	make_room(g, f, columns);
	for (size_t i = 0; i < FIGURES; i++)
		if (*f[i].text)
			x = grid_put(g, y, x, end - x, f[i].style, f[i].text) +
			    GAP;
}

/* ---- state ------------------------------------------------------------- */

static void
draw_state(const struct session *session, int paused, struct grid *g,
    const struct grid_area *area)
{
	static const struct {
		const char *text;
		int style;
	} badge[] = {
		[SESSION_LIVE] = { " LIVE ", GRID_LIVE },
		[SESSION_STALLED] = { " STALLED ", GRID_STALLED },
		[SESSION_CUT_OFF] = { " CUT OFF ", GRID_STALLED },
		[SESSION_ENDED] = { " ENDED ", GRID_ENDED },
	};
	const struct profile_summary *s = session_summary(session);
	enum session_state state = session_state(session);
	int end = area->x + area->columns - 1, x = area->x + 1;
	char buf[UNITS_MAX];

	end = grid_put_right(g, area->y, x, end - x, GRID_STRONG,
	    units_time(buf, s->last - s->first, 0)) - 1;
	x = grid_put(g, area->y, x, end - x,
	    paused ? GRID_PAUSED : badge[state].style,
	    paused ? " PAUSED " : badge[state].text) + 2;
	if (session_name(session))
		x = grid_put(g, area->y, x, end - x, GRID_STRONG,
		    session_name(session)) + 1;
	if (session_pid(session))
		grid_put(g, area->y, x, end - x, GRID_FAINT, session_pid(session));
}

/* Format the most important remark on the recording.  Returns its style, or 0 if there
 * is none. */
static int
remark(const struct session *session, char *buf, size_t size)
{
	const char *trouble = session_trouble(session), *note;
	size_t notes = 0;

	if (trouble)
		snprintf(buf, size, "%s", trouble);
	else if (session_state(session) == SESSION_STALLED)
		snprintf(buf, size, "no data for %u seconds",
		    session_silence(session));
	else if (session_state(session) == SESSION_CUT_OFF)
		snprintf(buf, size, "cut off: the recording was not finished");
	else if (session_wants_inside(session))
		snprintf(buf, size, "heap seen in windows only: I samples inside the process, for "
		    "true figures at less cost");
	if (*buf)
		return GRID_WARN;
	while (profile_note(session_profile(session), notes))
		notes++;
	if (notes == 0)
		return 0;
	note = profile_note(session_profile(session), notes - 1);
	if (notes == 1)
		snprintf(buf, size, "note: %s", note);
	else
		snprintf(buf, size, "note (%zu in all, see i): %s", notes, note);
	return GRID_FAINT;
}

int
status_rows(const struct session *session)
{
	char buf[512] = "";

	return remark(session, buf, sizeof buf) ? 3 : 2;
}

void
status_draw(const struct session *session, int paused, const char *position,
    struct grid *g, const struct grid_area *area)
{
	char buf[512] = "";
	int style = remark(session, buf, sizeof buf);
	int x = area->x + 1, columns = area->columns - 2;

	draw_state(session, paused, g, area);
	grid_put_right(g, area->y + 1, x, columns, GRID_FAINT, position);
	draw_figures(session, g, area->y + 1, x, columns - grid_width(g, position));
	if (style)
		grid_put(g, area->y + 2, x, columns, style, buf);
}

const char *const *
status_words(void)
{
	static const char *const words[] = {
		"Hz", "samples per second of a thread's CPU time",
		"cores", "used by the program in the last 5 seconds",
		"complete", "stacks that reach the start of their thread",
		"covered", "time in which allocations were counted or sampled",
		"lost", "samples that could not be taken: i shows why",
		"profiler", "its own CPU time, in percent of one core",
		"probes", "the program's time in them, in percent of one core",
		NULL
	};

	return words;
}
