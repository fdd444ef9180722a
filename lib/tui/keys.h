/*
 * Keys as numbers, whatever terminal or text they come from: a character is
 * its Unicode number (a control character too), other keys have numbers
 * beyond.  In text a key is the character itself, ^X with the control key,
 * or one of <Up> <Down> <Left> <Right> <Home> <End> <PgUp> <PgDn> <Enter>
 * <Esc> <Tab> <Space> <Backspace> and <lt> for the character <.
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
	KEYS_MOUSE = 0x1000000 /* and more: KEYS_MOUSE_IS() */
};

/* What the mouse does, at a row and a column of the screen, as a key.  In text
 * <Press Y X> and so on. */
enum keys_mouse {
	KEYS_PRESS,   /* the first button */
	KEYS_RELEASE,
	KEYS_WHEEL_UP,
	KEYS_WHEEL_DOWN,
	KEYS_NMOUSE
};
#define KEYS_MOUSE_MAX 2048 /* rows, and columns */
#define KEYS_MOUSE_AT(what, y, x) \
	(KEYS_MOUSE | (int)(what) << 22 | ((y) & 0x7ff) << 11 | ((x) & 0x7ff))
#define KEYS_MOUSE_IS(key) ((key) >= KEYS_MOUSE)
#define KEYS_MOUSE_WHAT(key) ((enum keys_mouse)((key) >> 22 & 3))
#define KEYS_MOUSE_Y(key) ((key) >> 11 & 0x7ff)
#define KEYS_MOUSE_X(key) ((key) & 0x7ff)

/* The key that a text begins with; *text moves behind it.  KEYS_NONE: there
 * is none (the text is at its end), or no such key (it is not). */
int keys_next(const char **text);

/* A key's name for people: a constant, or buf with its first bytes. */
const char *keys_name(int key, char *buf, size_t size);

#endif
