/*
 * Sites by their place in the stream: a thread and a node of the tree of
 * stacks.  The kernel may have several sites of one place, as it knows stacks
 * by addresses, and code moves.
 */
#ifndef PLACES_H
#define PLACES_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "stream/rec.h"

struct heap_change;
struct places;

struct place {
	struct rec_heap sum; /* what is not told yet; live, count and peak as
	                        they are */
	int changed;
	uint32_t index;      /* in the order that they came */
};

struct places *places_new(void); /* NULL: out of memory */
void places_free(struct places *p);

/* The place of a thread's stack, made if it is new.  Pointers stay valid.
 * NULL: out of memory. */
struct place *places_get(struct places *p, pid_t pid, pid_t tid,
    struct rec_ref stack);

/* Add what a site of this place has done. */
void place_add(struct places *p, struct place *to, const struct heap_change *c);

/* By its index. */
struct place *places_nth(const struct places *p, uint32_t index);

/* Call fn for each that has changed (and of one process, if pid is not 0), and
 * begin anew. */
void places_tell(struct places *p, pid_t pid,
    void (*fn)(void *ctx, struct place *place), void *ctx);

#endif
