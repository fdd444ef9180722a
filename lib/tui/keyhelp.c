#include "tui/keyhelp.h"

#include <stdio.h>
#include <string.h>

#include "tui/grid.h"
#include "tui/keys.h"
#include "tui/pager.h"
#include "tui/view.h"

#define LABEL 14 /* columns */

static void
add_key(char *label, size_t size, int key)
{
	char buf[16];
	size_t used = strlen(label);

	snprintf(label + used, size - used, "%s%s", used ? " " : "",
	    keys_name(key, buf, sizeof buf));
}

/* ---- the help ----------------------------------------------------------- */

void
keyhelp_title(struct pager *p, const char *title)
{
	pager_add(p, GRID_PLAIN, NULL, 0, NULL);
	pager_add(p, GRID_STRONG, title, 0, NULL);
}

void
keyhelp_help(struct pager *p, const struct view_key *key, size_t n)
{
	char label[64];

	for (size_t i = 0; i < n; i++) {
		*label = '\0';
		add_key(label, sizeof label, key[i].key);
		while (i + 1 < n && strcmp(key[i].help, key[i + 1].help) == 0)
			add_key(label, sizeof label, key[++i].key);
		pager_add(p, GRID_KEY, label, LABEL, key[i].help);
	}
}

void
keyhelp_words(struct pager *p, const char *const *word)
{
	for (; word && word[0]; word += 2)
		pager_add(p, GRID_STRONG, word[0], LABEL, word[1]);
}

/* ---- hints -------------------------------------------------------------- */

static int
is_same(const struct view_key *a, const struct view_key *b)
{
	return a->hint && b->hint && strcmp(a->hint, b->hint) == 0;
}

/* Draw a hint with all keys that share it.  Returns the column after it. */
static int
draw_hint(struct grid *g, const struct grid_area *area, int x, const struct view_key *key,
    size_t n, size_t i)
{
	char label[64] = "";
	int end = area->x + area->columns - 1;

	for (size_t j = i; j < n; j++)
		if (is_same(&key[j], &key[i]))
			add_key(label, sizeof label, key[j].key);
	if (x + grid_width(g, label) + 1 + grid_width(g, key[i].hint) > end)
		return x;
	x = grid_put(g, area->y, x, end - x, GRID_KEY, label) + 1;
	return grid_put(g, area->y, x, end - x, GRID_FAINT, key[i].hint) + 2;
}

static int
is_first(const struct view_key *key, size_t i)
{
	for (size_t j = 0; j < i; j++)
		if (is_same(&key[j], &key[i]))
			return 0;
	return 1;
}

int
keyhelp_hints(struct grid *g, const struct grid_area *area, int x,
    const struct view_key *key, size_t n, int (*hinted)(void *ctx, int key), void *ctx)
{
	for (size_t i = 0; i < n; i++)
		if (key[i].hint && is_first(key, i) && (hinted == NULL || hinted(ctx, key[i].key)))
			x = draw_hint(g, area, x, key, n, i);
	return x;
}
