/*
 * A view of a recording, between the status lines and the foot of the screen.  Each is
 * a file with a struct view_type and a table of keys that its help is printed from.
 */
#ifndef VIEW_H
#define VIEW_H

#include <stddef.h>
#include <stdio.h>

struct grid;
struct grid_area;
struct pager;
struct timeline;
struct timeline_source;
struct table;
struct table_source;
struct session;

/*
 * A key. act() gets the view and `arg`, and returns a message to display, or NULL.
 * Successive keys with the same help share a line of it; keys with the same
 * hint share a hint.
 */
struct view_key {
	int key;
	int arg;
	const char *(*act)(void *view, int arg);
	const char *help;
	const char *hint; /* for the foot, or NULL */
};

struct view_type {
	const char *name;
	void *(*open)(struct session *session); /* NULL: out of memory */
	void (*close)(void *view);      /* NULL is allowed */
	/* Follow the session's update.  Returns 0, or -1 if out of memory. */
	int (*update)(void *view);

	/* Returns the text, of a view that is one; its keys and drawing are common. */
	struct pager *(*pager)(void *view);

	/* Return the table or timeline of a view that has one, and set *s to the source
	 * of its rows, or of the selected row; their keys are common. */
	struct table *(*table)(void *view, struct table_source *s);
	struct timeline *(*timeline)(void *view, struct timeline_source *s);
	/* Returns the selected function, its module and whether the view is about
	 * memory, or NULL if no function is selected. */
	const char *(*focus)(void *view, const char **module, int *memory);
	void (*draw)(void *view, struct grid *g, const struct grid_area *area);
	/* Format the scroll position and what is shown. */
	void (*position)(void *view, char *buf, size_t size);
	/* Select the next match of a pattern, or the previous one with a direction of
	 * -1.  Returns 0, or -1 if there is none.  For views without a table. */
	int (*find)(void *view, const char *pattern, int direction);
	/* Handle a click at (y, x).  Returns 0 if nothing there reacts to it.  NULL:
	 * only the view's table and chart take clicks. */
	int (*click)(void *view, int y, int x);
	/* Write the view as an SVG.  Returns 0, or -1 if out of memory.  NULL: not possible. */
	int (*svg)(void *view, FILE *out);
	const struct view_key *key;
	size_t nkeys;
	/* Returns whether a key's hint applies now.  NULL: always. */
	int (*hinted)(void *view, int key);
	/* Words on the screen, each followed by its meaning; ends in NULL. */
	const char *const *words;
};

const struct view_type *view_cpu(void);  /* time */
const struct view_type *view_memory(void); /* memory */
const struct view_type *view_both(void); /* both, by function */
const struct view_type *view_tree(void);    /* call tree */
const struct view_type *view_callers(void); /* callers and callees of a function */
const struct view_type *view_flame(void);   /* flame graph */
const struct view_type *view_source(void);  /* costs of the lines of a source file */
const struct view_type *view_diff(void);    /* two recordings or ranges compared */
const struct view_type *view_info(void); /* facts about the recording */

#endif
