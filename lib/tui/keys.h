/*
 * Keys as numbers, independent of the terminal.  A character, control characters
 * included, is its code point; other keys follow above.  In text a key is the character
 * itself, ^X for control keys, or one of <Up> <Down> <Left> <Right> <Home> <End> <PgUp>
 * <PgDn> <Enter> <Esc> <Tab> <Space> <Backspace>, and <lt> for the character <.
 */
#ifndef KEYS_H
#define KEYS_H

#include <stddef.h>

#define KEYS_CONTROL(letter) ((letter) & 0x1f)

enum keys {
	KEYS_NONE = -1,
	KEYS_TAB = 9,
	KEYS_ENTER = 13,
	KEYS_ESC = 27,
	KEYS_SPACE = 32,
	KEYS_BACKSPACE = 127,
	KEYS_UP = 0x110000,
	KEYS_DOWN,
	KEYS_LEFT,
	KEYS_RIGHT,
	KEYS_HOME,
	KEYS_END,
	KEYS_PAGE_UP,
	KEYS_PAGE_DOWN,
	KEYS_MOUSE = 0x1000000 /* and above: see KEYS_MOUSE_IS() */
};

/* Mouse events at a row and column of the screen, as keys.  In text <Press Y X> and so on. */
enum keys_mouse {
	KEYS_PRESS,   /* the first button */
	KEYS_RELEASE,
	KEYS_WHEEL_UP,
	KEYS_WHEEL_DOWN,
	KEYS_NMOUSE
};
#define KEYS_MOUSE_MAX 2048 /* limit of rows and columns */
#define KEYS_MOUSE_AT(what, y, x) \
	(KEYS_MOUSE | (int)(what) << 22 | ((y) & 0x7ff) << 11 | ((x) & 0x7ff))
#define KEYS_MOUSE_IS(key) ((key) >= KEYS_MOUSE)
#define KEYS_MOUSE_WHAT(key) ((enum keys_mouse)((key) >> 22 & 3))
#define KEYS_MOUSE_Y(key) ((key) >> 11 & 0x7ff)
#define KEYS_MOUSE_X(key) ((key) & 0x7ff)

/* Parse the first key of *text and move *text past it.  Returns KEYS_NONE at the end or
 * if there is no such key; *text tells which. */
int keys_next(const char **text);

/* Returns the name of a key for people; it may be written into buf. */
const char *keys_name(int key, char *buf, size_t size);

#endif
