/*
 * What the tables of keys tell a person: lines of the help, and hints at the foot of
 * the screen.
 */
#ifndef KEYHELP_H
#define KEYHELP_H

#include <stddef.h>

struct grid;
struct grid_area;
struct pager;
struct view_key;

/* A title, keys and words for the help; see struct view_key and struct view_type. */
void keyhelp_title(struct pager *p, const char *title);
void keyhelp_help(struct pager *p, const struct view_key *key, size_t n);
void keyhelp_words(struct pager *p, const char *const *word);

/*
 * The hints of the keys, from column x on, as far as there is room: the column after
 * them.  hinted() says whether one is of use now; NULL: all are.
 */
int keyhelp_hints(struct grid *g, const struct grid_area *area, int x,
    const struct view_key *key, size_t n, int (*hinted)(void *ctx, int key), void *ctx);

#endif
