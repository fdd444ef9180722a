#define NCURSES_WIDECHAR 1
#include "tui/screen.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

#include <curses.h>

#include "base/signals.h"
#include "tui/grid.h"
#include "tui/keys.h"

/*
 * The look of each grid style is a row of `appearances`: colors for 256 and for 8 color
 * terminals, attributes for monochrome ones. screen_open() picks a column and fills
 * attr and pair, indexed by style.  Signals are blocked and read from a signalfd;
 * `rescue` holds what the handler of a crash needs to restore the terminal, by
 * async-signal-safe calls only.
 */

#define SCREEN_ESCAPE_MS 50   /* window for a key's escape sequence */
#define SCREEN_SILENT_MAX 100 /* empty reads after which the input has ended */

struct screen {
	SCREEN *curses;
	FILE *in; /* NULL: standard input */
	int signals;
	int silent; /* empty reads in a row */
	sigset_t before, caught;
	attr_t attr[GRID_NSTYLES], attr_selected[GRID_NSTYLES];
	short pair[GRID_NSTYLES], pair_selected[GRID_NSTYLES];
};

/* ---- appearances ------------------------------------------------------ */

/* The appearance of a style with 256, 8 or no colors. -1 is the terminal's default
 * foreground or background. */
static const struct appearance {
	short fg, bg, selected; /* of 256; selected: fg in the selected row */
	attr_t attr;
	short fg8, bg8;
	attr_t attr8, mono;
} appearances[GRID_NSTYLES] = {
	[GRID_PLAIN] = { -1, -1, 231, 0, -1, -1, 0, 0 },
	[GRID_FAINT] = { 244, -1, 152, 0, -1, -1, A_DIM, A_DIM },
	[GRID_STRONG] = { -1, -1, 231, A_BOLD, -1, -1, A_BOLD, A_BOLD },
	[GRID_HOT] = { 167, -1, 217, A_BOLD, COLOR_RED, -1, A_BOLD, A_BOLD },
	[GRID_WARM] = { 136, -1, 222, 0, COLOR_YELLOW, -1, 0, 0 },
	[GRID_MILD] = { 71, -1, 157, 0, COLOR_GREEN, -1, 0, 0 },
	[GRID_WARN] = { 167, -1, 217, A_BOLD, COLOR_RED, -1, A_BOLD, A_BOLD },
	[GRID_HEADER] = { 244, -1, 152, 0, -1, -1, A_DIM, A_DIM },
	[GRID_SORTED] = { -1, -1, 231, A_BOLD, -1, -1, A_BOLD, A_BOLD },
	[GRID_KEY] = { 31, -1, 159, A_BOLD, COLOR_CYAN, -1, A_BOLD, A_BOLD },
	[GRID_CHART] = { 31, -1, 159, 0, COLOR_CYAN, -1, 0, 0 },
	[GRID_CHART_OVER] = { 136, -1, 222, 0, COLOR_YELLOW, -1, 0, 0 },
	[GRID_LINE] = { 166, -1, 216, A_BOLD, COLOR_YELLOW, -1, A_BOLD, A_BOLD },
	[GRID_LINE + 1] = { 64, -1, 157, A_BOLD, COLOR_GREEN, -1, A_BOLD, A_BOLD },
	[GRID_LINE + 2] = { 133, -1, 219, A_BOLD, COLOR_MAGENTA, -1, A_BOLD, A_BOLD },
	[GRID_LINE + 3] = { 69, -1, 153, A_BOLD, COLOR_BLUE, -1, A_BOLD, A_BOLD },
	[GRID_LINE + 4] = { 168, -1, 218, A_BOLD, COLOR_RED, -1, A_BOLD, A_BOLD },
	[GRID_LINE_LAST] = { 137, -1, 223, A_BOLD, -1, -1, A_BOLD, A_BOLD },
	[GRID_FLAME_HOT] = { 231, 131, 231, 0, COLOR_BLACK, COLOR_RED, 0, 0 },
	[GRID_FLAME_WARM] = { 231, 130, 231, 0, COLOR_BLACK, COLOR_YELLOW, 0, 0 },
	[GRID_FLAME_MILD] = { 231, 94, 231, 0, COLOR_BLACK, COLOR_GREEN, 0, 0 },
	[GRID_FRAME] = { 244, -1, 152, 0, -1, -1, A_DIM, A_DIM },
	[GRID_LIVE] = { 231, 28, 231, A_BOLD, COLOR_BLACK, COLOR_GREEN, 0,
	    A_REVERSE | A_BOLD },
	[GRID_PAUSED] = { 231, 130, 231, A_BOLD, COLOR_BLACK, COLOR_YELLOW, 0,
	    A_REVERSE | A_BOLD },
	[GRID_ENDED] = { 231, 240, 231, A_BOLD, -1, -1, A_REVERSE,
	    A_REVERSE | A_BOLD },
	[GRID_STALLED] = { 231, 124, 231, A_BOLD, COLOR_WHITE, COLOR_RED,
	    A_BOLD, A_REVERSE | A_BOLD },
};
#define SELECTED_BG 24

static void
init_256(struct screen *s, int i, short pair)
{
	const struct appearance *l = &appearances[i];

	init_pair(pair, l->fg, l->bg);
	init_pair((short)(pair + 1), l->selected, SELECTED_BG);
	s->pair[i] = pair;
	s->pair_selected[i] = (short)(pair + 1);
	s->attr[i] = s->attr_selected[i] = l->attr;
}

static void
init_8(struct screen *s, int i, short pair)
{
	const struct appearance *l = &appearances[i];

	init_pair(pair, l->fg8, l->bg8);
	s->pair[i] = pair;
	s->attr[i] = l->attr8;
	s->attr_selected[i] = (l->attr8 & ~A_DIM) | A_REVERSE;
}

static void
init_mono(struct screen *s, int i)
{
	s->attr[i] = appearances[i].mono;
	s->attr_selected[i] = (appearances[i].mono & ~A_DIM) | A_REVERSE;
}

static int
wants_color(void)
{
	const char *no = getenv("NO_COLOR");

	return (no == NULL || !*no) && has_colors() && start_color() == OK &&
	    use_default_colors() == OK && COLORS >= 8;
}

static void
init_styles(struct screen *s)
{
	int color = wants_color();

	for (int i = 0; i < GRID_NSTYLES; i++)
		if (color && COLORS >= 256 && COLOR_PAIRS > 2 * GRID_NSTYLES)
			init_256(s, i, (short)(1 + 2 * i));
		else if (color && COLOR_PAIRS > GRID_NSTYLES)
			init_8(s, i, (short)(1 + i));
		else
			init_mono(s, i);
}

/* ---- crashes ------------------------------------------------------------ */

/* What a signal handler needs to restore the terminal. */
static struct {
	int valid;
	struct termios settings; /* original settings */
	char text[128];          /* resets attributes, mouse and screen */
	size_t len;
} rescue;

static void
rescue_add(const char *capability, const char *otherwise)
{
	const char *s = capability ? tigetstr(capability) : NULL;
	size_t room = sizeof rescue.text - rescue.len;
	int n;

	s = s && s != (char *)-1 ? s : otherwise;
	n = snprintf(rescue.text + rescue.len, room, "%s", s);
	if (n > 0 && (size_t)n < room)
		rescue.len += (size_t)n;
}

static void
crashed(int number)
{
	if (rescue.valid) {
		ssize_t n = write(STDOUT_FILENO, rescue.text, rescue.len);

		(void)n;
		tcsetattr(STDOUT_FILENO, TCSANOW, &rescue.settings);
	}
	raise(number); /* now with its default action: SA_RESETHAND */
}

static void
rescue_prepare(void)
{
	rescue.len = 0;
	rescue_add("sgr0", "");
	rescue_add(NULL, "\033[?1000l\033[?1006l");
	rescue_add("cnorm", "");
	rescue_add("rmcup", "");
}

static void
rescue_from(void (*handler)(int))
{
	static const int numbers[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT };
	struct sigaction a = { .sa_handler = handler, .sa_flags = (int)SA_RESETHAND };

	for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
		sigaction(numbers[i], &a, NULL);
}

/* ---- open and close --------------------------------------------------- */

/* Block the signals before curses starts, so that its own handlers never run. */
static void
signals_block(struct screen *s)
{
	sigemptyset(&s->caught);
	sigaddset(&s->caught, SIGINT);
	sigaddset(&s->caught, SIGQUIT);
	sigaddset(&s->caught, SIGTERM);
	sigaddset(&s->caught, SIGWINCH);
	if (!signals_ignored(SIGHUP))
		sigaddset(&s->caught, SIGHUP);
	if (!signals_ignored(SIGTSTP))
		sigaddset(&s->caught, SIGTSTP);
	sigprocmask(SIG_BLOCK, &s->caught, &s->before);
	s->signals = signalfd(-1, &s->caught, SFD_NONBLOCK | SFD_CLOEXEC);
}

static void
release(struct screen *s)
{
	if (s->signals >= 0)
		close(s->signals);
	sigprocmask(SIG_SETMASK, &s->before, NULL);
	if (s->in)
		fclose(s->in);
	free(s);
}

/* Open the terminal for newterm().  Returns what is missing, or NULL. */
static const char *
find_terminal(struct screen *s)
{
	if (s->signals < 0)
		return "no signalfd";
	if (!isatty(STDOUT_FILENO))
		return "standard output is not a terminal: run it in one";
	if (isatty(STDIN_FILENO))
		return NULL;
	s->in = fopen("/dev/tty", "r+e");
	return s->in ? NULL : "no terminal to read keys from: run it in one";
}

static int
can_draw(void)
{
	const char *move = tigetstr("cup");

	return move && move != (char *)-1;
}

static int
start_curses(struct screen *s)
{
	rescue.valid = tcgetattr(STDOUT_FILENO, &rescue.settings) == 0;
	use_env(FALSE);
	use_tioctl(TRUE);
	s->curses = newterm(NULL, stdout, s->in ? s->in : stdin);
	if (s->curses == NULL)
		return -1;
	rescue_prepare();
	if (!can_draw()) {
		endwin();
		delscreen(s->curses);
		return -1;
	}
	rescue_from(crashed);
	cbreak();
	noecho();
	nonl();
	set_escdelay(SCREEN_ESCAPE_MS);
	keypad(stdscr, TRUE);
	nodelay(stdscr, TRUE);
	curs_set(0);
	mousemask(BUTTON1_PRESSED | BUTTON1_RELEASED | BUTTON4_PRESSED | BUTTON5_PRESSED,
	    NULL);
	mouseinterval(0);
	init_styles(s);
	return 0;
}

struct screen *
screen_open(char *why, size_t size)
{
	struct screen *s = calloc(1, sizeof *s);
	const char *term = getenv("TERM"), *missing;

	if (s == NULL) {
		snprintf(why, size, "%s", strerror(errno));
		return NULL;
	}
	signals_block(s);
	missing = find_terminal(s);
	if (missing)
		snprintf(why, size, "%s", missing);
	else if (start_curses(s) == 0)
		return s;
	else
		snprintf(why, size, "unknown terminal '%s': set TERM", term ? term : "");
	release(s);
	return NULL;
}

void
screen_close(struct screen *s)
{
	if (s == NULL)
		return;
	rescue_from(SIG_DFL);
	rescue.valid = 0;
	endwin();
	delscreen(s->curses);
	release(s);
}

/* ---- drawing ---------------------------------------------------------- */

void
screen_size(const struct screen *s, int *rows, int *columns)
{
	(void)s;
	*rows = LINES;
	*columns = COLS;
}

static void
draw_cell(struct screen *s, int y, int x, const struct grid_cell *cell)
{
	int style = cell->style & ~GRID_SELECTED;
	int selected = cell->style & GRID_SELECTED;
	cchar_t c;

	if (style < 0 || style >= GRID_NSTYLES)
		style = GRID_PLAIN;
	setcchar(&c, cell->text,
	    selected ? s->attr_selected[style] : s->attr[style],
	    selected ? s->pair_selected[style] : s->pair[style], NULL);
	mvadd_wchnstr(y, x, &c, 1);
}

void
screen_draw(struct screen *s, const struct grid *g)
{
	const struct grid_cell *cell;

	erase();
	for (int y = 0; y < LINES; y++)
		for (int x = 0; x < COLS; x++) {
			cell = grid_cell(g, y, x);
			if (cell && x + cell->columns <= COLS && cell->columns)
				draw_cell(s, y, x, cell);
		}
	refresh();
}

void
screen_redraw(struct screen *s)
{
	(void)s;
	clearok(stdscr, TRUE);
}

/* Write up to three bytes as four letters (RFC 4648). */
static void
put_base64(FILE *out, const unsigned char *p, size_t n)
{
	static const char letters[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	unsigned bits = (unsigned)p[0] << 16 | (n > 1 ? p[1] : 0u) << 8 | (n > 2 ? p[2] : 0u);

	for (size_t i = 0; i < 4; i++)
		putc(i > n ? '=' : letters[bits >> (18 - 6 * i) & 63], out);
}

void
screen_copy(struct screen *s, const char *text)
{
	size_t n = strlen(text);

	(void)s;
	fputs("\033]52;c;", stdout);
	for (size_t i = 0; i < n; i += 3)
		put_base64(stdout, (const unsigned char *)text + i, n - i < 3 ? n - i : 3);
	fputs("\a", stdout);
	fflush(stdout);
}

/* ---- events ----------------------------------------------------------- */

static int
mouse(void)
{
	enum keys_mouse what;
	MEVENT e;

	if (getmouse(&e) != OK)
		return KEYS_NONE;
	what = e.bstate & BUTTON4_PRESSED ? KEYS_WHEEL_UP :
	    e.bstate & BUTTON5_PRESSED    ? KEYS_WHEEL_DOWN :
	    e.bstate & BUTTON1_RELEASED   ? KEYS_RELEASE :
	                                    KEYS_PRESS;
	return KEYS_MOUSE_AT(what, e.y, e.x);
}

static int
translate(wint_t c)
{
	switch (c) {
	case KEY_MOUSE:
		return mouse();
	case KEY_UP:
		return KEYS_UP;
	case KEY_DOWN:
		return KEYS_DOWN;
	case KEY_LEFT:
		return KEYS_LEFT;
	case KEY_RIGHT:
		return KEYS_RIGHT;
	case KEY_HOME:
		return KEYS_HOME;
	case KEY_END:
		return KEYS_END;
	case KEY_PPAGE:
		return KEYS_PAGE_UP;
	case KEY_NPAGE:
		return KEYS_PAGE_DOWN;
	case KEY_ENTER:
		return KEYS_ENTER;
	case KEY_BACKSPACE:
		return KEYS_BACKSPACE;
	default:
		return KEYS_NONE;
	}
}

/* Adopt the terminal's size.  Returns whether it has changed. */
static int
resized(void)
{
	struct winsize w;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) < 0 || !w.ws_row || !w.ws_col)
		return 0;
	if (w.ws_row == LINES && w.ws_col == COLS)
		return 0;
	resizeterm(w.ws_row, w.ws_col);
	return 1;
}

static void
suspend(struct screen *s)
{
	sigset_t stop;

	/* other processes of the job may have stopped already, and the shell taken the
	 * terminal back */
	signal(SIGTTOU, SIG_IGN);
	endwin();
	signal(SIGTTOU, SIG_DFL);
	sigemptyset(&stop);
	sigaddset(&stop, SIGTSTP);
	signal(SIGTSTP, SIG_DFL);
	raise(SIGTSTP);
	sigprocmask(SIG_UNBLOCK, &stop, NULL);
	sigprocmask(SIG_BLOCK, &stop, NULL);
	resized();
	screen_redraw(s);
}

static enum screen_event
read_signal(struct screen *s, int *value)
{
	struct signalfd_siginfo info;

	if (read(s->signals, &info, sizeof info) != (ssize_t)sizeof info)
		return SCREEN_NONE;
	*value = (int)info.ssi_signo;
	if (*value == SIGTSTP)
		suspend(s);
	else if (*value != SIGWINCH)
		return SCREEN_SIGNAL;
	else
		resized();
	return SCREEN_RESIZE;
}

static enum screen_event
read_key(struct screen *s, int *value)
{
	wint_t c;
	int got = get_wch(&c);

	if (got == ERR)
		return SCREEN_NONE;
	s->silent = 0;
	if (got == KEY_CODE_YES && c == KEY_RESIZE)
		return SCREEN_RESIZE;
	*value = got == KEY_CODE_YES ? translate(c) : c == '\n' ? KEYS_ENTER :
	    (int)c;
	return SCREEN_KEY;
}

static int
gone(struct screen *s, int revents)
{
	if (revents & (POLLHUP | POLLERR | POLLNVAL))
		return 1;
	return revents & POLLIN && ++s->silent > SCREEN_SILENT_MAX;
}

enum screen_event
screen_wait(struct screen *s, int milliseconds, int *value)
{
	struct pollfd fd[] = {
		{ s->in ? fileno(s->in) : STDIN_FILENO, POLLIN, 0 },
		{ s->signals, POLLIN, 0 },
	};
	enum screen_event event = read_key(s, value);

	if (event != SCREEN_NONE)
		return event;
	if (poll(fd, 2, milliseconds) <= 0)
		return SCREEN_NONE;
	if (fd[1].revents)
		return read_signal(s, value);
	event = read_key(s, value);
	if (event == SCREEN_NONE && gone(s, fd[0].revents)) {
		*value = SIGHUP;
		return SCREEN_SIGNAL;
	}
	return event;
}
