#include "tui/prompt.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <wchar.h>

#include "tui/grid.h"
#include "tui/keys.h"

void
prompt_begin(struct prompt *p, int kind, const char *label, const char *text)
{
	p->kind = kind;
	p->label = label;
	snprintf(p->text, sizeof p->text, "%s", text);
	p->len = strlen(p->text);
}

static void
add(struct prompt *p, int key)
{
	char c[MB_LEN_MAX];
	mbstate_t state = { 0 };
	size_t n = wcrtomb(c, (wchar_t)key, &state);

	if (n == (size_t)-1 || p->len + n >= sizeof p->text)
		return;
	memcpy(p->text + p->len, c, n);
	p->len += n;
	p->text[p->len] = '\0';
}

static void
cut(struct prompt *p)
{
	while (p->len > 0 && (p->text[--p->len] & 0xc0) == 0x80)
		;
	p->text[p->len] = '\0';
}

static enum prompt_state
leave(struct prompt *p, enum prompt_state how)
{
	p->kind = 0;
	return how;
}

enum prompt_state
prompt_key(struct prompt *p, int key)
{
	int back = key == KEYS_BACKSPACE || key == KEYS_CONTROL('h');

	if (key == KEYS_ENTER)
		return leave(p, PROMPT_DONE);
	if (key == KEYS_ESC || key == KEYS_CONTROL('c') || (back && !p->len))
		return leave(p, PROMPT_LEFT);
	if (back)
		cut(p);
	else if (key == KEYS_CONTROL('u'))
		p->text[p->len = 0] = '\0';
	else if (key >= ' ' && key < KEYS_UP)
		add(p, key);
	return PROMPT_OPEN;
}

void
prompt_draw(const struct prompt *p, struct grid *g, const struct grid_area *area)
{
	int end = area->x + area->columns - 2, x = area->x + 1;
	const char *text = p->text;

	x = grid_put(g, area->y, x, end - x, GRID_KEY, p->label);
	x = grid_put(g, area->y, x, 1, GRID_PLAIN, " ");
	while (*text && grid_width(g, text) > end - x)
		while ((*++text & 0xc0) == 0x80)
			;
	x = grid_put(g, area->y, x, end - x, GRID_STRONG, text);
	grid_put(g, area->y, x, 1, GRID_PLAIN | GRID_SELECTED, " ");
}
