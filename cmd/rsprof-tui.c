/*
 * rsprof-tui shows a recording in the terminal, live while it grows.
 *
 * In: a file that rsprof-store(1) writes or has written, and keys.  Out: the
 * screen, or with -b the same as text.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <langinfo.h>
#include <locale.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/arg.h"
#include "cmd/status.h"
#include "profile/profile.h"
#include "tui/grid.h"
#include "tui/keys.h"
#include "tui/screen.h"
#include "tui/session.h"
#include "tui/tui.h"

#define TICK 100 /* milliseconds between two checks for new data */

static const char *pressed = ""; /* -k: keys to press first */
static int timed;                /* -t: report the time of each */
static int asks = -1;            /* -A: where to ask for sampling inside the process */

static const char synopsis[] =
    "usage: rsprof-tui [-bhtV] [-A FD] [-d OLD] [-k KEYS] [-R FROM-TO] [-r FROM-TO] "
    "FILE\n";

static void
check_keys(void)
{
	const char *s = pressed;

	while (*s)
		if (keys_next(&s) == KEYS_NONE)
			errx(STATUS_USAGE, "-k: no such key: %s", s);
}

/* The range of -r or -R; `to` is 0 without the option. */
struct range {
	uint64_t from, to;
};

static struct range
range_option(int option, const char *text)
{
	struct range r;

	if (arg_range(text, &r.from, &r.to) < 0)
		errx(STATUS_USAGE, "-%c: not a time range: %s (try 10s-1m30s, or 10s-)", option, text);
	return r;
}

static int
descriptor_option(const char *text)
{
	uint64_t fd;

	if (arg_number(text, 0, 1023, &fd) < 0 || fcntl((int)fd, F_SETFD, FD_CLOEXEC) < 0)
		errx(STATUS_USAGE, "-A %s: not an open descriptor", text);
	signal(SIGPIPE, SIG_IGN); /* whoever reads there may be gone */
	return (int)fd;
}

/* Exit if a range begins after the end of the recording. */
static void
check_range(const struct session *session, const char *path, const struct range *r)
{
	const struct profile_summary *all = session_summary(session);

	if (r->to && r->from >= all->last)
		errx(STATUS_USAGE, "%s: %.1f s were recorded, none of it after %.1f s", path,
		    (double)all->last / 1e9, (double)r->from / 1e9);
}

static void
select_range(struct session *session, const char *path, const struct range *r)
{
	struct profile_select s = *profile_selected(session_profile(session));

	check_range(session, path, r);
	if (!r->to)
		return;
	s.from = r->from;
	s.to = r->to;
	if (profile_select(session_profile(session), &s) < 0)
		err(STATUS_FAILED, NULL);
}

/* Open the recording, and as *other the one of -d to compare it with, or NULL. */
static struct session *
open_all(const char *path, const struct range *range, const char *old,
    const struct range *baseline, struct session **other)
{
	const char *error;
	struct session *session = session_open(path, &error);

	if (session == NULL)
		errx(STATUS_DATABASE, "%s", error);
	select_range(session, path, range);
	*other = NULL;
	if (old == NULL) {
		check_range(session, path, baseline);
		session_set_baseline(session, baseline->from, baseline->to);
		return session;
	}
	*other = session_open(old, &error);
	if (*other == NULL)
		errx(STATUS_DATABASE, "%s", error);
	select_range(*other, old, baseline);
	session_set_other(session, *other);
	return session;
}

static double
milliseconds_since(const struct timespec *from)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)(t.tv_sec - from->tv_sec) * 1e3 +
	    (double)(t.tv_nsec - from->tv_nsec) / 1e6;
}

/* Have allocations sampled inside the process, by whoever records it. */
static void
ask_inside(void)
{
	static const char word[] = "inside\n";

	if (write(asks, word, sizeof word - 1) < 0) /* nobody records any more */
		errno = 0;
	close(asks);
	asks = -1;
}

/* Handle a key. */
static enum tui_request
handle_key(struct tui *t, int key)
{
	enum tui_request request = tui_key(t, key);

	if (request == TUI_INSIDE)
		ask_inside();
	return request;
}

/* Press the keys of -k, drawing after each. */
static enum tui_request
press(struct tui *t, struct grid *g)
{
	const char *s = pressed;
	enum tui_request request = TUI_NOTHING;
	struct timespec from;

	tui_draw(t, g);
	while (*s && request != TUI_QUIT) {
		const char *key = s;

		clock_gettime(CLOCK_MONOTONIC, &from);
		request = handle_key(t, keys_next(&s));
		tui_draw(t, g);
		if (timed)
			fprintf(stderr, "%.*s\t%.3f\n", (int)(s - key), key,
			    milliseconds_since(&from));
	}
	return request;
}

/* ---- as text ----------------------------------------------------------- */

/* Returns a size from the environment, or the default. */
static int
size_from(const char *variable, int otherwise)
{
	const char *value = getenv(variable);
	uint64_t n;

	if (value == NULL || arg_number(value, 1, 2000, &n) < 0)
		return otherwise;
	return (int)n;
}

static int
run_batch(struct tui *t, struct grid *g)
{
	char *text;

	if (grid_resize(g, size_from("LINES", 24), size_from("COLUMNS", 80)) < 0)
		err(STATUS_FAILED, NULL);
	press(t, g);
	text = grid_text(g);
	if (text == NULL)
		err(STATUS_FAILED, NULL);
	fputs(text, stdout);
	free(text);
	close_output();
	return 0;
}

/* ---- in the terminal ---------------------------------------------------- */

static uint64_t
milliseconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* Resize the grid to the screen. */
static int
fit(struct screen *s, struct grid *g)
{
	int rows, columns;

	screen_size(s, &rows, &columns);
	if (rows == grid_rows(g) && columns == grid_columns(g))
		return 0;
	return grid_resize(g, rows, columns);
}

/* Handle the current key and all that are typed ahead, before the screen is drawn. */
static enum tui_request
handle_keys(struct screen *s, struct tui *t, enum screen_event *event, int *value)
{
	enum tui_request request = TUI_NOTHING;

	while (*event == SCREEN_KEY && request != TUI_QUIT) {
		if (*value != KEYS_NONE)
			request = handle_key(t, *value);
		if (request == TUI_REPAIR)
			screen_redraw(s);
		if (request == TUI_COPY)
			screen_copy(s, tui_copied(t));
		if (request != TUI_QUIT)
			*event = screen_wait(s, 0, value);
	}
	return request;
}

/* Wait for an event, or until it is time to check for new data.  Returns 1 if the screen may
 * have changed, 0 if not, -1 to quit, with the signal in *number if one came. */
static int
next_event(struct screen *s, struct tui *t, uint64_t *next, int *number)
{
	uint64_t time = milliseconds();
	int value, changed;
	enum screen_event event = screen_wait(s,
	    *next > time ? (int)(*next - time) : 0, &value);

	changed = event != SCREEN_NONE;
	*number = 0;
	if (handle_keys(s, t, &event, &value) == TUI_QUIT)
		return -1;
	if (event == SCREEN_SIGNAL) {
		*number = value;
		return -1;
	}
	if (milliseconds() >= *next) {
		changed |= tui_tick(t);
		*next = milliseconds() + TICK;
	}
	return changed;
}

/* Handle events until the user quits.  Returns 0, or the signal that ended it, or -1 when out of
 * memory. */
static int
run_events(struct screen *s, struct tui *t, struct grid *g)
{
	uint64_t next = milliseconds() + TICK;
	int changed, number;

	while ((changed = next_event(s, t, &next, &number)) >= 0) {
		if (!changed)
			continue;
		if (fit(s, g) < 0)
			return -1;
		tui_draw(t, g);
		screen_draw(s, g);
	}
	return number;
}

static int
run_terminal(struct tui *t, struct grid *g)
{
	char why[256];
	struct screen *s = screen_open(why, sizeof why);
	int number = 0;

	if (s == NULL)
		errx(STATUS_FAILED, "%s, or use rsprof-top", why);
	fit(s, g);
	if (press(t, g) != TUI_QUIT) {
		screen_draw(s, g);
		number = run_events(s, t, g);
	}
	screen_close(s);
	if (number < 0)
		err(STATUS_FAILED, NULL);
	if (number == 0 || number == SIGINT)
		return 0;
	signal(number, SIG_DFL);
	raise(number);
	return 1;
}

int
main(int argc, char **argv)
{
	struct session *session, *other;
	struct tui *t;
	struct grid *g;
	struct range range = { 0, 0 }, baseline = { 0, 0 };
	const char *old = NULL;
	int batch = 0, c, status, utf8;

	setlocale(LC_ALL, "");
	utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
	while ((c = next_option(argc, argv, "A:bd:k:R:r:thV", synopsis)) != -1)
		switch (c) {
		case 'A': asks = descriptor_option(optarg); break;
		case 'b': batch = 1; break;
		case 'd': old = optarg; break;
		case 'k': pressed = optarg; break;
		case 'R': baseline = range_option(c, optarg); break;
		case 'r': range = range_option(c, optarg); break;
		case 't': timed = 1; break;
		}
	if (optind + 1 != argc)
		usage(synopsis);
	check_keys();
	session = open_all(argv[optind], &range, old, &baseline, &other);
	t = tui_open(session);
	g = grid_open(1, 1, utf8);
	if (t == NULL || g == NULL)
		err(STATUS_FAILED, NULL);
	tui_allow_inside(t, asks >= 0);
	status = batch ? run_batch(t, g) : run_terminal(t, g);
	grid_close(g);
	tui_close(t);
	session_close(session);
	session_close(other);
	return status;
}
