/*
 * Pages are kept in regions of the size of a huge page, found by address
 * through an idmap.  A region has one word per page: its owner, or ABSENT,
 * with FRESH set from a fault until the next scan finds the page.
 *
 * A scan compares the words with the entries of /proc/PID/pagemap, page by
 * page, and adds what has come and gone to the tallies of the owners; regions
 * in which nothing is there any more are dropped.
 */
#include "heap/pagemap.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/array.h"
#include "base/idmap.h"
#include "base/page.h"
#include "os/proc.h"

/* Bits of an entry: Documentation/admin-guide/mm/pagemap.rst of Linux. */
#define PRESENT (1ULL << 63)
#define SWAPPED (1ULL << 62)
#define OF_FILE (1ULL << 61)   /* or shared memory */
#define EXCLUSIVE (1ULL << 56) /* neither the zero page nor shared with a child */

#define REGION 512 /* pages of a huge page: 2 MiB */
#define BATCH 128  /* regions read at once */

/* Special owners, and the bit for a fault since the last scan. */
#define ABSENT UINT32_MAX             /* the page is not there */
#define PREEXISTING (UINT32_MAX >> 1) /* it was there at first */
#define FRESH 0x80000000U

struct region {
	uint64_t first; /* number of its first page */
	uint32_t scan;  /* last scan that found a page of it, or saw a fault */
	uint32_t fresh; /* owner of the last fault since the last scan, or ABSENT */
	uint32_t owner[REGION];
};

/* Pages that have come and gone since the last scan. */
struct tally {
	uint64_t come, gone;
	int listed;
};

struct mapping {
	uint64_t start, end; /* in pages */
	int own;
};

struct pagemap {
	pid_t pid;
	int fd; /* of /proc/PID/pagemap */
	uint32_t scan;
	struct idmap at; /* number of the first page / REGION + 1 -> index in region */
	struct region **region;
	size_t nregion, region_room;
	struct tally *tally; /* by owner */
	size_t ntally;
	uint32_t *listed;
	size_t nlisted, listed_room;
	struct mapping *map;
	size_t nmap, map_room;
	struct tally unknown;
	int nomem;
};

/* ---- owners ------------------------------------------------------------- */

/* Returns the tally of an owner, and lists it to be reported; NULL if memory is
 * short. */
static struct tally *
tally_of(struct pagemap *p, uint32_t owner)
{
	size_t n = p->ntally ? p->ntally : 64;
	struct tally *more;

	while (n <= owner)
		n *= 2;
	if (n > p->ntally) {
		more = reallocarray(p->tally, n, sizeof *more);
		if (more == NULL) {
			p->nomem = 1;
			return NULL;
		}
		memset(more + p->ntally, 0, (n - p->ntally) * sizeof *more);
		p->tally = more;
		p->ntally = n;
	}
	if (!p->tally[owner].listed) {
		if (array_room(&p->listed, p->nlisted, &p->listed_room,
		        sizeof *p->listed) < 0) {
			p->nomem = 1;
			return NULL;
		}
		p->listed[p->nlisted++] = owner;
		p->tally[owner].listed = 1;
	}
	return &p->tally[owner];
}

/* Add pages that have come and gone to the tally of an owner. */
static void
add_to_tally(struct pagemap *p, uint32_t owner, uint64_t come, uint64_t gone)
{
	struct tally *t = owner == PREEXISTING ? NULL
	    : owner == PAGEMAP_UNKNOWN   ? &p->unknown
	                             : tally_of(p, owner);

	if (t == NULL)
		return;
	t->come += come;
	t->gone += gone;
}

/* Call fn for all tallies, and clear them. */
static void
report(struct pagemap *p, void (*fn)(void *ctx, const struct pagemap_change *c), void *ctx)
{
	for (size_t i = 0; i < p->nlisted; i++) {
		struct tally *t = &p->tally[p->listed[i]];
		const struct pagemap_change c = { p->listed[i], t->come, t->gone };

		memset(t, 0, sizeof *t);
		if (c.come || c.gone)
			fn(ctx, &c);
	}
	p->nlisted = 0;
	if (p->unknown.come || p->unknown.gone)
		fn(ctx, &(struct pagemap_change){ PAGEMAP_UNKNOWN, p->unknown.come,
		            p->unknown.gone });
	memset(&p->unknown, 0, sizeof p->unknown);
}

/* ---- regions ----------------------------------------------------------- */

static struct region *
find_region(const struct pagemap *p, uint64_t page)
{
	uint32_t i = idmap_get(&p->at, page / REGION + 1);

	return i == IDMAP_NONE ? NULL : p->region[i];
}

/* Returns the region of a page, made if it is new; NULL if memory is short. */
static struct region *
ensure_region(struct pagemap *p, uint64_t page)
{
	struct region *r = find_region(p, page);

	if (r)
		return r;
	r = malloc(sizeof *r);
	if (r == NULL ||
	    array_room(&p->region, p->nregion, &p->region_room, sizeof r) < 0 ||
	    idmap_put(&p->at, page / REGION + 1, (uint32_t)p->nregion) < 0) {
		free(r);
		p->nomem = 1;
		return NULL;
	}
	memset(r->owner, 0xff, sizeof r->owner);
	r->first = page / REGION * REGION;
	r->fresh = ABSENT;
	r->scan = p->scan;
	p->region[p->nregion++] = r;
	return r;
}

/* Remove region i; the last one takes its index. */
static void
drop_region(struct pagemap *p, size_t i)
{
	struct region *last = p->region[--p->nregion];

	idmap_delete(&p->at, p->region[i]->first / REGION + 1);
	if (i < p->nregion && idmap_put(&p->at, last->first / REGION + 1, (uint32_t)i) < 0)
		p->nomem = 1;
	free(p->region[i]);
	p->region[i] = last;
}

int
pagemap_fault(struct pagemap *p, uint64_t addr, uint32_t owner)
{
	struct region *r = ensure_region(p, addr / page_size());
	uint32_t *was;

	if (r == NULL)
		return -1;
	was = &r->owner[addr / page_size() % REGION];
	/* The page came and went since the last scan, or was copied. */
	if (*was != ABSENT && (*was & FRESH))
		add_to_tally(p, *was & ~FRESH, 1, 1);
	else if (*was == PAGEMAP_UNKNOWN)
		p->unknown.come--; /* its page was scanned before the fault was recorded */
	else if (*was != ABSENT)
		add_to_tally(p, *was, 0, 1);
	*was = owner | FRESH;
	r->fresh = owner;
	r->scan = p->scan;
	return p->nomem ? -1 : 0;
}

/* ---- scans -------------------------------------------------------------- */

/* Returns whether an entry is of a page of the process' own that is resident or
 * swapped out. */
static int
is_resident(uint64_t entry)
{
	return !(entry & OF_FILE) &&
	    ((entry & SWAPPED) || (entry & (PRESENT | EXCLUSIVE)) == (PRESENT | EXCLUSIVE));
}

/* Returns whether an entry's page is shared with a child or the parent. */
static int
is_shared(uint64_t entry)
{
	return (entry & PRESENT) && !(entry & OF_FILE);
}

/* From include/uapi/linux/fs.h of Linux 6.7: the headers of the build may be
 * older. */
struct pm_scan_arg {
	uint64_t size, flags, start, end, walk_end, vec, vec_len, max_pages;
	uint64_t inverted, all, any, wanted;
};
struct page_region {
	uint64_t start, end, categories;
};
#define SCAN_IOCTL _IOWR('f', 16, struct pm_scan_arg)
#define IS_HUGE (1ULL << 6)

/* Returns whether a region is one huge page, or may be where the kernel cannot
 * say. */
static int
is_huge(const struct pagemap *p, const struct region *r)
{
	struct page_region found;
	struct pm_scan_arg s = { .size = sizeof s, .start = r->first * page_size(),
		.end = (r->first + REGION) * page_size(), .vec = (uint64_t)(uintptr_t)&found,
		.vec_len = 1, .all = IS_HUGE, .wanted = IS_HUGE };
	int n = ioctl(p->fd, SCAN_IOCTL, &s);

	return n != 0;
}

/* Returns the owner of a page that has come without a fault of its own. */
static uint32_t
owner_of_new(const struct pagemap *p, const struct region *r, int huge)
{
	if (p->scan == 0)
		return PREEXISTING;
	return huge ? r->fresh : PAGEMAP_UNKNOWN;
}

/* Update page i of a region, which is there. */
static void
on_present(struct pagemap *p, struct region *r, size_t i, int huge)
{
	uint32_t was = r->owner[i];

	if (was == ABSENT)
		was = owner_of_new(p, r, huge) | FRESH;
	if (!(was & FRESH))
		return;
	r->owner[i] = was & ~FRESH;
	add_to_tally(p, r->owner[i], 1, 0);
}

/* Update page i of a region, which is not there.  A fault there was for a page
 * of a file, or brought none, or the page has come and gone since. */
static void
on_absent(struct pagemap *p, struct region *r, size_t i, uint64_t entry)
{
	uint32_t was = r->owner[i];

	if (was == ABSENT || (!(was & FRESH) && is_shared(entry)))
		return;
	if (!(was & FRESH))
		add_to_tally(p, was, 0, 1);
	else if (entry == 0)
		add_to_tally(p, was & ~FRESH, 1, 1);
	r->owner[i] = ABSENT;
}

/* Compare n pages of one region with their entries. */
static void
scan_region(struct pagemap *p, uint64_t page, const uint64_t *entry, size_t n)
{
	struct region *r = find_region(p, page);
	size_t resident = 0;
	int huge;

	for (size_t i = 0; i < n; i++)
		resident += is_resident(entry[i]) != 0;
	if (resident && r == NULL)
		r = ensure_region(p, page);
	if (r == NULL)
		return;
	huge = resident == REGION && r->fresh != ABSENT && is_huge(p, r);
	for (size_t i = 0; i < n; i++)
		if (is_resident(entry[i]))
			on_present(p, r, page % REGION + i, huge);
		else
			on_absent(p, r, page % REGION + i, entry[i]);
	if (resident)
		r->scan = p->scan + 1;
}

/* Scan all pages of a mapping.  Returns -1 if it cannot be read. */
static int
scan_mapping(struct pagemap *p, const struct mapping *m)
{
	uint64_t entry[REGION * BATCH];

	for (uint64_t page = m->start, n; page < m->end; page += n) {
		n = BATCH * REGION - page % REGION;
		if (n > m->end - page)
			n = m->end - page;
		if (pread(p->fd, entry, n * sizeof *entry, (off_t)(page * sizeof *entry)) !=
		    (ssize_t)(n * sizeof *entry))
			return -1;
		for (uint64_t i = 0, in; i < n; i += in) {
			in = REGION - (page + i) % REGION;
			scan_region(p, page + i, entry + i, in < n - i ? in : n - i);
		}
	}
	return 0;
}

/* Drop the regions of which no page was found; all their pages are gone. */
static void
drop_unscanned(struct pagemap *p)
{
	for (size_t j = 0; j < p->nregion;) {
		struct region *r = p->region[j];

		r->fresh = ABSENT;
		if (r->scan > p->scan) {
			j++;
			continue;
		}
		for (size_t i = 0; i < REGION; i++)
			on_absent(p, r, i, 0);
		drop_region(p, j);
	}
}

static void
add_mapping(void *ctx, uint64_t start, uint64_t end, int own)
{
	struct pagemap *p = ctx;

	if (array_room(&p->map, p->nmap, &p->map_room, sizeof *p->map) < 0) {
		p->nomem = 1;
		return;
	}
	p->map[p->nmap++] = (struct mapping){ start / page_size(), end / page_size(), own };
}

/* Returns the mapping of a page, or NULL. */
static const struct mapping *
find_mapping(const struct pagemap *p, uint64_t page)
{
	size_t low = 0, high = p->nmap;

	while (low < high) {
		size_t mid = (low + high) / 2;

		if (page >= p->map[mid].end)
			low = mid + 1;
		else
			high = mid;
	}
	return low < p->nmap && page >= p->map[low].start ? &p->map[low] : NULL;
}

/* Update pages outside of the process' own mappings: they are gone, or their
 * fault was of shared memory. */
static void
scan_holes(struct pagemap *p)
{
	for (size_t j = 0; j < p->nregion; j++) {
		struct region *r = p->region[j];
		const struct mapping *m = find_mapping(p, r->first);

		if (m && m->own && r->first + REGION <= m->end)
			continue;
		for (size_t i = 0; i < REGION; i++) {
			if (r->owner[i] == ABSENT)
				continue;
			m = find_mapping(p, r->first + i);
			if (m == NULL || !m->own)
				on_absent(p, r, i, m ? PRESENT | OF_FILE : 0);
		}
	}
}

/* Scan all mappings.  Returns -1 with errno. */
static int
scan_pages(struct pagemap *p)
{
	p->nmap = 0;
	if (proc_data_maps(p->pid, add_mapping, p) < 0)
		return -1;
	/* If one has gone meanwhile, the next scan sees that. */
	for (size_t i = 0; i < p->nmap; i++)
		if (p->map[i].own)
			scan_mapping(p, &p->map[i]);
	scan_holes(p);
	drop_unscanned(p);
	p->scan++;
	errno = ENOMEM;
	return p->nomem ? -1 : 0;
}

struct pagemap *
pagemap_new(pid_t pid)
{
	struct pagemap *p = calloc(1, sizeof *p);
	char path[64];
	int error;

	if (p == NULL)
		return NULL;
	p->pid = pid;
	snprintf(path, sizeof path, "/proc/%d/pagemap", (int)proc_shown(pid));
	p->fd = open(path, O_RDONLY | O_CLOEXEC);
	if (p->fd >= 0 && scan_pages(p) == 0)
		return p;
	error = errno;
	pagemap_free(p);
	errno = error;
	return NULL;
}

void
pagemap_free(struct pagemap *p)
{
	if (p == NULL)
		return;
	if (p->fd >= 0)
		close(p->fd);
	for (size_t i = 0; i < p->nregion; i++)
		free(p->region[i]);
	free(p->region);
	free(p->tally);
	free(p->listed);
	free(p->map);
	idmap_clear(&p->at);
	free(p);
}

int
pagemap_scan(struct pagemap *p,
    void (*fn)(void *ctx, const struct pagemap_change *c), void *ctx)
{
	if (scan_pages(p) < 0)
		return -1;
	report(p, fn, ctx);
	return 0;
}

void
pagemap_end(struct pagemap *p,
    void (*fn)(void *ctx, const struct pagemap_change *c), void *ctx)
{
	for (size_t j = 0; j < p->nregion; j++)
		for (size_t i = 0; i < REGION; i++)
			on_absent(p, p->region[j], i, 0);
	report(p, fn, ctx);
}
