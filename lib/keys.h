/*
 * Keys as numbers, whatever terminal or text they come from: a character is
 * its Unicode number (a control character too), other keys have numbers
 * beyond.  In text a key is the character itself, ^X with the control key,
 * or one of <Up> <Down> <Left> <Right> <Home> <End> <PgUp> <PgDn> <Enter>
 * <Esc> <Tab> <Space> and <lt> for the character <.
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
	KEYS_UP = 0x110000,
	KEYS_DOWN,
	KEYS_LEFT,
	KEYS_RIGHT,
	KEYS_HOME,
	KEYS_END,
	KEYS_PAGE_UP,
	KEYS_PAGE_DOWN
};

/* The key that a text begins with; *text moves behind it.  KEYS_NONE: there
 * is none (the text is at its end), or no such key (it is not). */
int keys_next(const char **text);

/* A key's name for people: a constant, or buf with its first bytes. */
const char *keys_name(int key, char *buf, size_t size);

#endif
