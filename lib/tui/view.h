/*
 * A view: one way to look at a recording, between the head of the screen and
 * its foot.  Each is a file and a struct view_type; its keys are a table that
 * the help is printed from.
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
 * What a key does.  act() is given the view and `arg` and returns a message
 * for the person, or NULL.  Keys with the same help, one after the other, are
 * explained together, and so are all those with the same hint.
 */
struct view_key {
	int key;
	int arg;
	const char *(*act)(void *view, int arg);
	const char *help;
	const char *hint; /* for the foot of the screen, or NULL */
};

struct view_type {
	const char *name;
	void *(*open)(struct session *session); /* NULL: out of memory */
	void (*close)(void *view);      /* NULL is allowed */
	/* The watch has been updated.  0, or -1: out of memory. */
	int (*update)(void *view);

	/* Either it is a text, the keys and the drawing of which are common, */
	struct pager *(*pager)(void *view);

	/* or it has its own drawing; and where it has a table or a chart, the keys of
	 * those are common.  The source is of the selected row. */
	struct table *(*table)(void *view, struct table_source *s);
	struct timeline *(*timeline)(void *view, struct timeline_source *s);
	/* The function that is selected, its module, and whether this is about memory;
	 * NULL: none. */
	const char *(*focus)(void *view, const char **module, int *memory);
	void (*draw)(void *view, struct grid *g, const struct grid_area *area);
	/* Where in all that there is to see the person stands. */
	void (*position)(void *view, char *buf, size_t size);
	/* Select the next one that a pattern matches, or with -1 the one before; -1: there
	 * is none.  For what is no table. */
	int (*find)(void *view, const char *pattern, int direction);
	/* Somebody has clicked there: 0: it is nothing.  NULL: only in a table or chart can
	 * that be. */
	int (*click)(void *view, int y, int x);
	/* The same as a picture, SVG; NULL: there is none.  -1: out of memory. */
	int (*svg)(void *view, FILE *out);
	const struct view_key *key;
	size_t nkeys;
	/* Whether the key's hint is of use now; NULL: always. */
	int (*hinted)(void *view, int key);
	/* Words that can be seen, each followed by its meaning; then NULL. */
	const char *const *words;
};

const struct view_type *view_cpu(void);  /* where CPU time goes */
const struct view_type *view_memory(void); /* what holds the memory */
const struct view_type *view_both(void); /* both, by function */
const struct view_type *view_tree(void);    /* who calls whom */
const struct view_type *view_callers(void); /* of one function */
const struct view_type *view_flame(void);   /* the same as a flame graph */
const struct view_type *view_source(void);  /* what the lines of its file cost */
const struct view_type *view_diff(void);    /* two recordings */
const struct view_type *view_info(void); /* what the recording is */

#endif
