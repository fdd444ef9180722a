/*
 * Which pages of a process' own memory (heap, stacks, private mappings) are
 * resident or swapped out, and who was the first to touch them.
 *
 * Faults tell who touches a page, all of them or some; /proc/PID/pagemap tells,
 * from time to time, which are there.  A huge page comes by one fault.
 */
#ifndef PAGEMAP_H
#define PAGEMAP_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define PAGEMAP_SIZE 4096

struct pagemap;

/* What there is now is nobody's.  NULL with errno: EACCES, or it has ended. */
struct pagemap *pagemap_new(pid_t pid);
void pagemap_free(struct pagemap *p);

/* Someone (a number below PAGEMAP_STRANGE) has caused a fault at an address.  -1: out
 * of memory. */
int pagemap_fault(struct pagemap *p, uint64_t addr, uint32_t owner);

/* What has happened to someone's pages: how many have come, and have gone. */
#define PAGEMAP_UNKNOWN 0x7ffffffeU /* who: came without a fault that was told */

struct pagemap_change {
	uint32_t owner;
	uint64_t come, gone; /* PAGEMAP_STRANGE: come may be less than nothing, modulo
	                        2^64, when a fault is told late */
};

/*
 * Look which pages are there, and call fn for all whose pages have come or gone
 * since the last look.  -1 with errno: the process has ended, or memory.
 */
int pagemap_scan(struct pagemap *p,
    void (*fn)(void *ctx, const struct pagemap_change *c), void *ctx);

/* All that is left is gone: its process has ended. */
void pagemap_end(struct pagemap *p,
    void (*fn)(void *ctx, const struct pagemap_change *c), void *ctx);

#endif
