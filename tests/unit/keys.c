/*
 * Keys: each name that the help prints can be typed after -k.
 */
#include <string.h>

#include "tui/keys.h"
#include "tap.h"

static void
check_names(void)
{
	static const int keys[] = { 'a', 'G', '?', KEYS_UP, KEYS_DOWN,
		KEYS_LEFT, KEYS_RIGHT, KEYS_HOME, KEYS_END, KEYS_PAGE_UP,
		KEYS_PAGE_DOWN, KEYS_ENTER, KEYS_ESC, KEYS_TAB, KEYS_SPACE,
		KEYS_BACKSPACE, KEYS_CONTROL('d') };
	char buf[16], text[32];
	const char *name, *s;

	for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
		name = keys_name(keys[i], buf, sizeof buf);
		snprintf(text, sizeof text, strlen(name) > 2 ||
		    keys[i] == KEYS_UP ? "<%s>" : "%s", name);
		s = text;
		ok(keys_next(&s) == keys[i] && !*s, "%s", text);
	}
}

int
main(void)
{
	const char *s = "j<lt>^D k";
	int key;

	check_names();
	ok(keys_next(&s) == 'j' && keys_next(&s) == '<' &&
	    keys_next(&s) == KEYS_CONTROL('d') && keys_next(&s) == ' ' &&
	    keys_next(&s) == 'k', "keys one after the other");
	ok(keys_next(&s) == KEYS_NONE, "the end is none");
	s = "<Bogus>";
	ok(keys_next(&s) == KEYS_NONE && *s == '<', "an unknown name is none");
	s = "<Down";
	ok(keys_next(&s) == KEYS_NONE && *s == '<', "neither is half a name");
	s = "<Press 3 70><WheelDown 0 2047>x";
	ok(keys_next(&s) == KEYS_MOUSE_AT(KEYS_PRESS, 3, 70), "the mouse");
	ok(KEYS_MOUSE_IS(KEYS_MOUSE_AT(KEYS_PRESS, 0, 0)) && !KEYS_MOUSE_IS(KEYS_PAGE_DOWN),
	    "which is no other key");
	key = keys_next(&s);
	ok(KEYS_MOUSE_WHAT(key) == KEYS_WHEEL_DOWN && KEYS_MOUSE_Y(key) == 0 &&
	    KEYS_MOUSE_X(key) == 2047 && *s == 'x', "what, and where");
	s = "<Press 3>";
	ok(keys_next(&s) == KEYS_NONE && *s == '<', "nowhere is none");
	s = "<Press 3 2048>";
	ok(keys_next(&s) == KEYS_NONE && *s == '<', "nor is too far");
	s = "\xc3\xa4";
	ok(keys_next(&s) == KEYS_NONE, "nor a byte that no key has");
	return tap_done();
}
