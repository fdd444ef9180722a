/*
 * Extends the kernel's tables of sites and of live allocations before they are full.
 */
#ifndef HEAP_ROOM_H
#define HEAP_ROOM_H

#define HEAP_ROOM_SITES 65536 /* a burst of so many new sites fits from the start */

struct heap;

/* Make the first parts of the tables, and start a thread that extends them when the program
 * asks for it.  Returns -1 with errno. */
int heap_room_begin(struct heap *h);

/* End the thread. */
void heap_room_end(struct heap *h);

/* Extend the tables if they begin to be full.  Stops where memory is short; what does not fit
 * then counts as lost. */
void heap_room_ensure(struct heap *h);

#endif
