/*
 * Keep which pages of a process' own memory (heap, stacks, private mappings)
 * are resident or swapped out, and which owner first touched each.
 *
 * Faults show who touches a page, whether all faults are known or only some;
 * /proc/PID/pagemap, read from time to time, shows which pages are there.  One
 * fault brings in a huge page.  An owner is a number of the caller's.
 */
#ifndef PAGEMAP_H
#define PAGEMAP_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct pagemap;

/* Begin with the pages that are there now; they have no owner.  Returns NULL
 * with errno: EACCES, or the process has ended. */
struct pagemap *pagemap_new(pid_t pid);
void pagemap_free(struct pagemap *p);

/* Record a fault at addr caused by owner, a number below PAGEMAP_UNKNOWN.
 * Returns -1 if memory is short. */
int pagemap_fault(struct pagemap *p, uint64_t addr, uint32_t owner);

#define PAGEMAP_UNKNOWN 0x7ffffffeU /* owner of pages that came without a known fault */

/* Pages of one owner that have come and gone since the last scan. */
struct pagemap_change {
	uint32_t owner;
	uint64_t come, gone; /* for PAGEMAP_UNKNOWN, come may be negative, modulo
	                        2^64, if a fault is recorded late */
};

/* Scan which pages are there, and call fn for each owner whose pages have come
 * or gone since the last scan.  Returns -1 with errno: the process has ended, or
 * ENOMEM. */
int pagemap_scan(struct pagemap *p,
    void (*fn)(void *ctx, const struct pagemap_change *c), void *ctx);

/* Call fn for what is left, all of it gone: the process has ended. */
void pagemap_end(struct pagemap *p,
    void (*fn)(void *ctx, const struct pagemap_change *c), void *ctx);

#endif
