/*
 * Help and hints printed from tables of keys.
 */
#ifndef KEYHELP_H
#define KEYHELP_H

#include <stddef.h>

struct grid;
struct grid_area;
struct pager;
struct view_key;

/* Append a title, keys or words to the help; see struct view_key and struct view_type. */
void keyhelp_title(struct pager *p, const char *title);
void keyhelp_help(struct pager *p, const struct view_key *key, size_t n);
void keyhelp_words(struct pager *p, const char *const *word);

/*
 * Draw hints for keys from column x on, as many as fit. hinted() says whether a hint
 * applies now; NULL: all do.  Returns the column after them.
 */
int keyhelp_hints(struct grid *g, const struct grid_area *area, int x,
    const struct view_key *key, size_t n, int (*hinted)(void *ctx, int key), void *ctx);

#endif
