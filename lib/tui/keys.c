#include "tui/keys.h"

#include <stdio.h>
#include <string.h>

static const struct {
	int key;
	const char *name;
} named[] = {
	{ KEYS_UP, "Up" },
	{ KEYS_DOWN, "Down" },
	{ KEYS_LEFT, "Left" },
	{ KEYS_RIGHT, "Right" },
	{ KEYS_HOME, "Home" },
	{ KEYS_END, "End" },
	{ KEYS_PAGE_UP, "PgUp" },
	{ KEYS_PAGE_DOWN, "PgDn" },
	{ KEYS_ENTER, "Enter" },
	{ KEYS_ESC, "Esc" },
	{ KEYS_TAB, "Tab" },
	{ KEYS_SPACE, "Space" },
	{ KEYS_BACKSPACE, "Backspace" },
	{ '<', "lt" },
};

static const char *const mouse[KEYS_NMOUSE] = { "Press", "Release", "WheelUp", "WheelDown" };
#define NAMED (sizeof named / sizeof named[0])

static int
mouse_next(const char **text)
{
	unsigned y, x;
	int used = 0;

	for (int i = 0; i < KEYS_NMOUSE; i++) {
		size_t n = strlen(mouse[i]);

		if (strncmp(*text, mouse[i], n) != 0 || (*text)[n] != ' ' ||
		    sscanf(*text + n, "%u %u>%n", &y, &x, &used) != 2 || used == 0 ||
		    y >= KEYS_MOUSE_MAX || x >= KEYS_MOUSE_MAX)
			continue;
		*text += n + (size_t)used;
		return KEYS_MOUSE_AT(i, (int)y, (int)x);
	}
	return KEYS_NONE;
}

static int
named_next(const char **text)
{
	size_t n = strcspn(*text, ">");

	for (size_t i = 0; (*text)[n] && i < NAMED; i++) {
		if (strlen(named[i].name) != n ||
		    strncmp(*text, named[i].name, n) != 0)
			continue;
		*text += n + 1;
		return named[i].key;
	}
	return mouse_next(text);
}

int
keys_next(const char **text)
{
	const char *s = *text;
	int key;

	if (*s == '<') {
		s++;
		key = named_next(&s);
		if (key != KEYS_NONE)
			*text = s;
		return key;
	}
	if (*s < ' ' || *s > '~')
		return KEYS_NONE;
	if (*s == '^' && s[1] >= 'A' && s[1] <= '~') {
		*text += 2;
		return KEYS_CONTROL(s[1]);
	}
	(*text)++;
	return *s;
}

const char *
keys_name(int key, char *buf, size_t size)
{
	for (size_t i = 0; i < NAMED; i++)
		if (named[i].key == key && key != '<')
			return named[i].name;
	if (key >= 0 && key < ' ')
		snprintf(buf, size, "^%c", key | 0x60);
	else
		snprintf(buf, size, "%c", key < 0x7f ? key : '?');
	return buf;
}
