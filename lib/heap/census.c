/*
 * A cell is a site's allocations of one class.  Each block that was allocated in a
 * window, and has not been seen to end, is a record, found by its address.  It ends by a
 * free, by its address being returned again, or by a look at the allocator that finds
 * no such chunk; then its cell counts it as ended.  So a cell knows of how many of its
 * blocks the end is not known, and its share of those is the most that can be live of
 * all that its windows stand for.
 *
 * `old' has the chunks that were in use when the census began, and that were never seen
 * to change since: they may be older than the census.
 */
#include "heap/census.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/idmap.h"

#define NONE UINT32_MAX
#define NO_SITE (UINT32_MAX - 1) /* of what code that does not count allocates */
#define CLASSES 512
#define ALIEN 0          /* the index of what code that does not count allocates */
#define RECORDS_MOST (1U << 20)
#define THREADS 256      /* with a call of realloc() under way */
#define NONE_SEEN 3.0    /* the mean of a Poisson count that is 0 in one of 20 cases */
#define MOVING 1.005     /* how far a look may be off, as the process goes on meanwhile */
#define HEAD 8           /* bytes of a chunk that are not the caller's */
#define CHUNK_LEAST 32
#define OLD_TOUCHED 1ULL /* of the size of an old chunk: it has been freed since */
#define OLD_GONE 2ULL    /* it does not exist any more, or is not old */
#define OLD_FLAGS (OLD_TOUCHED | OLD_GONE)
#define PAGE 4096U
#define PAGED (64U << 10) /* chunks from here on are classed in whole pages */

struct cell {
	uint32_t account, class;
	double n, bytes; /* allocations seen, and their size */
	double stands;   /* allocations that they stand for */
	double open;     /* of those seen: whose end is not known */
	double adopted, adopted_bytes; /* live before the first window: the blocks that
	                                  records stand for, and their bytes */
	double variance; /* of adopted */
	double least, most; /* of what is live now */
};

struct record {
	uint64_t addr, time;
	uint64_t size;
	double weight;   /* of an adopted one; 0: it is of a window */
	uint32_t cell;
	int counted;     /* in cell.n */
};

struct class {
	double n, stands;      /* sums of the cells */
	double chunks, bytes;  /* in use; bytes that a caller can use of them */
	double old, touched;   /* chunks of `old' and, of them, freed since */
	double drawn;          /* and allocated again */
	double draws;          /* chunks of `old' that were allocated in a window: for each */
	uint32_t windows, last; /* with such; the number of the last */
};

struct account {
	struct census_site out;
	int changed;
	int joined; /* to another: this one is empty */
};

struct pending {
	pid_t tid;
	uint64_t from, size; /* of realloc(): 0: none is under way */
	uint64_t last;       /* allocated last, with no free since */
};

struct census {
	struct account *account;
	struct cell *cell;
	struct record *record;
	struct heap_logged *call;
	struct census_chunk *old;
	uint32_t *old_drawn; /* the last window in which it was allocated; 0: none */
	size_t naccount, account_room, ncell, cell_room, nrecord, record_room, ncall,
	    call_room, nold;
	struct idmap account_of, cell_of, record_of;
	struct class class[CLASSES];
	struct pending pending[THREADS];
	double seen, stands; /* allocations in windows; those that they stand for */
	double least, most;  /* between which bounds stands is */
	uint32_t windows;    /* their number */
	struct census_range all;
	int looked, failed;
};

/* ---- sizes ------------------------------------------------------------- */

/* Returns the size of the chunk for a request, as glibc has it. */
static uint64_t
chunk_size(uint64_t request)
{
	uint64_t size = (request + HEAD + 15) & ~15ULL;

	return size < CHUNK_LEAST ? CHUNK_LEAST : size;
}

/* Returns the class of a chunk: of its size, or of an eighth of a power of two. */
static uint32_t
class_of(uint64_t chunk)
{
	uint32_t power = 10, class;

	if (chunk <= 1024)
		return (uint32_t)(chunk >> 4);
	if (chunk >= PAGED)
		chunk = (chunk + PAGE - 1) & ~(uint64_t)(PAGE - 1);
	while (power < 62 && chunk >> power > 1)
		power++;
	class = 65 + (power - 10) * 8 + (uint32_t)(chunk >> (power - 3) & 7);
	return class < CLASSES ? class : CLASSES - 1;
}

static uint32_t
bucket_of(uint64_t n)
{
	uint32_t b = 0;

	while (n > 1 && b < HEAP_BUCKETS - 1) {
		n >>= 1;
		b++;
	}
	return b;
}

/* ---- making ------------------------------------------------------------ */

/* Returns the index of a site's account, made if it is new; NONE if memory is short. */
static uint32_t
account_of(struct census *c, uint32_t site)
{
	uint32_t i = idmap_get(&c->account_of, site);

	if (i != NONE)
		return i;
	if (array_room(&c->account, c->naccount, &c->account_room, sizeof *c->account) < 0 ||
	    idmap_put(&c->account_of, site, (uint32_t)c->naccount) < 0) {
		c->failed = 1;
		return NONE;
	}
	c->account[c->naccount] = (struct account){ .out.site = site };
	return (uint32_t)c->naccount++;
}

/* Returns the index of an account's cell of a class, made if it is new; NONE if memory is
 * short. */
static uint32_t
cell_in(struct census *c, uint32_t account, uint32_t class)
{
	uint64_t id = (uint64_t)account << 32 | class;
	uint32_t i = idmap_get(&c->cell_of, id);

	if (i != NONE || account == NONE)
		return i;
	if (array_room(&c->cell, c->ncell, &c->cell_room, sizeof *c->cell) < 0 ||
	    idmap_put(&c->cell_of, id, (uint32_t)c->ncell) < 0) {
		c->failed = 1;
		return NONE;
	}
	c->cell[c->ncell] = (struct cell){ .account = account, .class = class };
	return (uint32_t)c->ncell++;
}

/* Returns the index of the cell for a size of an account. */
static uint32_t
cell_of(struct census *c, uint32_t account, uint64_t size)
{
	return cell_in(c, account, class_of(chunk_size(size)));
}

struct census *
census_new(const struct census_chunk *chunk, size_t n)
{
	struct census *c = calloc(1, sizeof *c);

	if (c == NULL)
		return NULL;
	c->old = malloc((n + 1) * sizeof *c->old);
	c->old_drawn = calloc(n + 1, sizeof *c->old_drawn);
	/* Number 0 of the kernel stands for sites without room; aliens are apart. */
	if (c->old == NULL || c->old_drawn == NULL || account_of(c, NO_SITE) != ALIEN) {
		census_free(c);
		return NULL;
	}
	if (n)
		memcpy(c->old, chunk, n * sizeof *chunk);
	c->nold = n;
	return c;
}

void
census_free(struct census *c)
{
	if (c == NULL)
		return;
	for (size_t i = 0; i < c->naccount; i++)
		free(c->account[i].out.user);
	free(c->account);
	free(c->cell);
	free(c->record);
	free(c->call);
	free(c->old);
	free(c->old_drawn);
	idmap_clear(&c->account_of);
	idmap_clear(&c->cell_of);
	idmap_clear(&c->record_of);
	free(c);
}

int
census_failed(const struct census *c)
{
	return c->failed;
}

/* ---- records ----------------------------------------------------------- */

/* Spread addresses, which are multiples of 16, over a map. */
static uint64_t
spread(uint64_t addr)
{
	return addr * 0x9e3779b97f4a7c15ULL | 1;
}

static struct record *
find_record(struct census *c, uint64_t addr)
{
	uint32_t i = idmap_get(&c->record_of, spread(addr));

	return i == NONE ? NULL : &c->record[i];
}

/* Returns the variance of the number of blocks that an adopted record stands for. */
static double
variance_of(const struct record *r)
{
	return r->weight > 1 ? r->weight * (r->weight - 1) : 0;
}

/* End the record of a block. */
static void
end_record(struct census *c, struct record *r)
{
	struct cell *cell = &c->cell[r->cell];
	struct record *last = &c->record[--c->nrecord];

	if (r->counted)
		cell->open--;
	cell->adopted -= r->weight;
	cell->variance -= variance_of(r);
	cell->adopted_bytes -= r->weight * (double)r->size;
	idmap_delete(&c->record_of, spread(r->addr));
	if (r == last)
		return;
	*r = *last;
	idmap_put(&c->record_of, spread(r->addr), (uint32_t)(r - c->record));
}

/* Remember a block.  Where there is no room, its end is not known for ever. */
static void
add_record(struct census *c, const struct record *r)
{
	if (c->nrecord >= RECORDS_MOST)
		return;
	if (array_room(&c->record, c->nrecord, &c->record_room, sizeof *r) < 0 ||
	    idmap_put(&c->record_of, spread(r->addr), (uint32_t)c->nrecord) < 0) {
		c->failed = 1;
		return;
	}
	c->record[c->nrecord++] = *r;
}

/* Note that a chunk which was in use at first has been freed, or (drawn) allocated. */
static void
touch_old(struct census *c, uint64_t addr, int drawn)
{
	size_t i = array_upto(c->old, c->nold, sizeof *c->old, addr);
	struct census_chunk *chunk = i ? &c->old[i - 1] : NULL;
	struct class *k;

	if (chunk == NULL || chunk->addr != addr || chunk->size & OLD_GONE)
		return;
	chunk->size |= OLD_TOUCHED;
	if (!drawn)
		return;
	k = &c->class[class_of(chunk->size & ~OLD_FLAGS)];
	k->draws += c->old_drawn[i - 1] < c->windows;
	k->windows += k->last < c->windows;
	k->last = c->windows;
	c->old_drawn[i - 1] = c->windows;
}

/* Note that a chunk is not older than the census: its block is known. */
static void
forget_old(struct census *c, uint64_t addr)
{
	size_t i = array_upto(c->old, c->nold, sizeof *c->old, addr);

	if (i && c->old[i - 1].addr == addr)
		c->old[i - 1].size |= OLD_GONE;
}

void
census_adopt(struct census *c, const struct heap_living *block)
{
	struct record r = { .addr = block->addr, .time = block->time, .size = block->size,
		.weight = block->weight };

	r.cell = cell_of(c, account_of(c, block->site), block->size);
	forget_old(c, block->addr);
	if (r.cell == NONE || find_record(c, block->addr))
		return;
	c->cell[r.cell].adopted += r.weight;
	c->cell[r.cell].variance += variance_of(&r);
	c->cell[r.cell].adopted_bytes += r.weight * (double)r.size;
	c->account[c->cell[r.cell].account].changed = 1;
	add_record(c, &r);
}

/* ---- calls ------------------------------------------------------------- */

void
census_call(struct census *c, const struct heap_logged *call)
{
	if (array_room(&c->call, c->ncall, &c->call_room, sizeof *call) < 0) {
		c->failed = 1;
		return;
	}
	c->call[c->ncall++] = *call;
}

/* Returns the sooner of two times; 0: the other one. */
static uint64_t
sooner(uint64_t a, uint64_t b)
{
	return a == 0 || (b && b < a) ? b : a;
}

void
census_pending(const struct census *c, uint64_t from, uint64_t until,
    struct census_pending *out)
{
	uint64_t last[2] = { 0, 0 };

	memset(out, 0, sizeof *out);
	for (size_t i = 0; i < c->ncall; i++)
		last[c->call[i].freed != 0] = c->call[i].time;
	out->gone = last[0] > last[1] ? last[0] : last[1];
	out->until = sooner(last[0], last[1]);
	if (out->until < until)
		out->until = until;
	for (size_t i = 0; i < c->ncall; i++) {
		out->all += c->call[i].freed ? 1 : 2;
		if (c->call[i].time < from || c->call[i].time > out->until)
			continue;
		out->allocs += !c->call[i].freed;
		out->hits += c->call[i].freed ? 1 : 2;
		if (c->call[i].time <= until)
			out->sooner = out->hits;
	}
}

static int
by_value(const void *x, const void *y)
{
	double a = *(const double *)x, b = *(const double *)y;

	return a < b ? -1 : a > b;
}

#define GAPS 4096
#define GAPS_LEAST 20

/* Times between calls of a thread, up to an allocation or a free. */
struct gaps {
	double gap[GAPS];
	size_t n;
};

/* Returns a short one: a fifth of them is shorter. */
static double
short_gap(struct gaps *g)
{
	qsort(g->gap, g->n, sizeof *g->gap, by_value);
	return g->gap[g->n / 5];
}

/* Collect the times up to allocations, or (freed) up to frees, within two times. */
static void
collect_gaps(const struct census *c, uint64_t from, uint64_t until, int freed, struct gaps *out)
{
	uint64_t before[THREADS] = { 0 };

	out->n = 0;
	for (size_t i = 0; i < c->ncall && out->n < GAPS; i++) {
		const struct heap_logged *call = &c->call[i];
		uint64_t *last = &before[(unsigned)call->tid % THREADS];

		if (call->freed == freed && call->time >= from && call->time <= until && *last &&
		    call->time > *last)
			out->gap[out->n++] = (double)(call->time - *last);
		*last = call->time;
	}
}

double
census_hit(const struct census *c, uint64_t from, uint64_t until)
{
	struct gaps gaps;
	double ns = 0, hits = 0;

	for (int freed = 0; freed < 2; freed++) {
		collect_gaps(c, from, until, freed, &gaps);
		if (gaps.n < GAPS_LEAST)
			return 0;
		ns += (double)gaps.n * short_gap(&gaps);
		hits += (double)gaps.n * (freed ? 1 : 2);
	}
	return ns / hits;
}

/* Returns what is pending for a thread. */
static struct pending *
pending_of(struct census *c, pid_t tid)
{
	struct pending *p = &c->pending[(unsigned)tid % THREADS];

	if (p->tid != tid)
		*p = (struct pending){ .tid = tid };
	return p;
}

/* Count the end of a realloc(), whose memory is at an address now. */
static void
add_realloc(struct census_site *s, struct pending *p, const struct heap_logged *call,
    double factor)
{
	uint64_t least = p->size < call->size ? p->size : call->size;

	if (call->addr == p->from) {
		s->inplace += factor;
	} else {
		s->moved += factor;
		s->copied += factor * (double)least;
	}
	p->from = 0;
}

/* Account for an allocation.  factor 0: it was before or after the window. */
static void
on_alloc(struct census *c, const struct heap_logged *call, double factor)
{
	struct record *was = find_record(c, call->addr);
	struct record r = { .addr = call->addr, .time = call->time, .size = call->size,
		.counted = factor > 0 };
	uint32_t account = account_of(c, call->alien ? NO_SITE : call->site);
	struct pending *p = pending_of(c, call->tid);
	struct census_site *s;

	if (was)
		end_record(c, was);
	touch_old(c, call->addr, 1);
	r.cell = cell_of(c, account, call->size);
	if (r.cell == NONE)
		return;
	p->last = call->addr;
	if (r.counted) {
		struct cell *cell = &c->cell[r.cell];

		s = &c->account[account].out;
		cell->n++;
		cell->bytes += (double)call->size;
		cell->open++;
		cell->stands += factor;
		s->samples++;
		s->allocs += factor;
		s->bytes += factor * (double)call->size;
		s->sizes[bucket_of(call->size)] += factor;
		if (call->moved && p->from)
			add_realloc(s, p, call, factor);
	}
	c->account[account].changed = 1;
	p->from = 0;
	add_record(c, &r);
}

/* Account for a free. */
static void
on_free(struct census *c, const struct heap_logged *call, double factor)
{
	struct record *r = find_record(c, call->addr);
	struct pending *p = pending_of(c, call->tid);

	touch_old(c, call->addr, 0);
	if (call->moved) {
		p->from = call->addr;
		p->size = r ? r->size : (call->size & ~7ULL) - HEAD;
	}
	if (r) {
		struct account *a = &c->account[c->cell[r->cell].account];

		a->changed = 1;
		if (call->time > r->time)
			a->out.lives[bucket_of(call->time - r->time)] += factor;
		if (p->last == call->addr && !call->moved)
			a->out.temps += factor;
		end_record(c, r);
	}
	p->last = 0;
}

void
census_window(struct census *c, const struct census_window *w)
{
	double n = 0;

	c->windows++;
	for (size_t i = 0; i < c->ncall; i++) {
		const struct heap_logged *call = &c->call[i];
		double factor = call->time >= w->from && call->time <= w->until ? w->factor : 0;

		if (call->freed)
			on_free(c, call, factor);
		else
			on_alloc(c, call, factor);
		n += !call->freed && factor > 0;
	}
	c->ncall = 0;
	if (n > 0) {
		c->stands += n * w->factor;
		c->least += n * w->factor / w->slack;
		c->most += n * w->factor * w->slack;
		c->seen += n;
	}
}

/* ---- joining ----------------------------------------------------------- */

void
census_new_sites(struct census *c, void (*fn)(void *ctx, struct census_site *site),
    void *ctx)
{
	size_t n = c->naccount;

	for (size_t i = ALIEN + 1; i < n; i++)
		if (c->account[i].out.user == NULL && !c->account[i].joined)
			fn(ctx, &c->account[i].out);
}

/* Add the sums of a site to another. */
static void
add_site(struct census_site *to, const struct census_site *s)
{
	to->samples += s->samples;
	to->allocs += s->allocs;
	to->bytes += s->bytes;
	to->temps += s->temps;
	to->inplace += s->inplace;
	to->moved += s->moved;
	to->copied += s->copied;
	for (int i = 0; i < HEAP_BUCKETS; i++) {
		to->sizes[i] += s->sizes[i];
		to->lives[i] += s->lives[i];
	}
}

/* Move what is in a cell to the one of the same class of another account. */
static void
move_cell(struct census *c, uint32_t from, uint32_t account)
{
	struct cell old = c->cell[from], *new;
	uint32_t to = cell_in(c, account, old.class);

	if (to == NONE)
		return;
	new = &c->cell[to];
	new->n += old.n;
	new->bytes += old.bytes;
	new->stands += old.stands;
	new->open += old.open;
	new->adopted += old.adopted;
	new->adopted_bytes += old.adopted_bytes;
	new->variance += old.variance;
	c->cell[from] = (struct cell){ .account = old.account, .class = old.class };
	for (size_t i = 0; i < c->nrecord; i++)
		if (c->record[i].cell == from)
			c->record[i].cell = to;
}

void
census_join(struct census *c, uint32_t site, uint32_t to)
{
	uint32_t from = idmap_get(&c->account_of, site), account = account_of(c, to);

	if (from == NONE || account == NONE || from == account)
		return;
	add_site(&c->account[account].out, &c->account[from].out);
	c->account[account].changed = c->account[from].joined = 1;
	c->account[from].changed = 0;
	for (size_t i = 0, n = c->ncell; i < n; i++)
		if (c->cell[i].account == from)
			move_cell(c, (uint32_t)i, account);
	memset(&c->account[from].out, 0, sizeof c->account[from].out);
	if (idmap_put(&c->account_of, site, account) < 0)
		c->failed = 1;
}

/* ---- looks ------------------------------------------------------------- */

/* Returns the chunk at an address, or NULL. */
static const struct census_chunk *
find_chunk(const struct census_chunk *chunk, size_t n, uint64_t addr)
{
	size_t i = array_upto(chunk, n, sizeof *chunk, addr);

	return i && chunk[i - 1].addr == addr ? &chunk[i - 1] : NULL;
}

/* End the records of blocks that are not in use any more. */
static void
end_gone(struct census *c, const struct census_chunk *chunk, size_t n)
{
	for (size_t i = c->nrecord; i-- > 0;) {
		struct record *r = &c->record[i];
		const struct census_chunk *now = find_chunk(chunk, n, r->addr);
		uint64_t size = chunk_size(r->size);

		if (now == NULL || now->size < size || now->size > size + size / 8 + 2 * PAGE) {
			c->account[c->cell[r->cell].account].changed = 1;
			end_record(c, r);
		}
	}
}

/* Note which of the old chunks are not in use any more. */
static void
check_old(struct census *c, const struct census_chunk *chunk, size_t n)
{
	size_t j = 0;

	for (size_t i = 0; i < c->nold; i++) {
		struct census_chunk *old = &c->old[i];

		while (j < n && chunk[j].addr < old->addr)
			j++;
		if (j == n || chunk[j].addr != old->addr ||
		    chunk[j].size != (old->size & ~OLD_FLAGS))
			old->size |= OLD_GONE;
	}
}

/* Count an old chunk. */
static void
count_old(struct census *c, size_t i)
{
	const struct census_chunk *old = &c->old[i];
	struct class *k = &c->class[class_of(old->size & ~OLD_FLAGS)];

	if (old->size & OLD_GONE)
		return;
	k->old++;
	k->touched += (old->size & OLD_TOUCHED) != 0;
	k->drawn += c->old_drawn[i] != 0;
}

/* Count chunks by class. */
static void
count_chunks(struct census *c, const struct census_chunk *chunk, size_t n)
{
	for (size_t i = 0; i < CLASSES; i++)
		c->class[i] = (struct class){ .draws = c->class[i].draws,
			.windows = c->class[i].windows, .last = c->class[i].last };
	for (size_t i = 0; i < n; i++) {
		c->class[class_of(chunk[i].size)].chunks++;
		c->class[class_of(chunk[i].size)].bytes += (double)(chunk[i].size - HEAD);
	}
	for (size_t i = 0; i < c->nold; i++)
		count_old(c, i);
	for (size_t i = 0; i < c->ncell; i++) {
		c->class[c->cell[i].class].n += c->cell[i].n;
		c->class[c->cell[i].class].stands += c->cell[i].stands;
	}
}

/* Returns the most that a Poisson count may have for a mean, in 39 of 40 cases; none is
 * that of a count of none. */
static double
most_of(double count, double none)
{
	return count + 2 * sqrt(count) + none;
}

/* Returns of how many chunks m draws draw some twice so often, d = m - x (1 - exp(-m / x)),
 * at most x. */
static double
drawn_from(double m, double d, double most)
{
	double low = 0, high = most;

	if (d <= 0)
		return most;
	for (int i = 0; i < 50; i++) {
		double x = (low + high) / 2;

		if (m + x * expm1(-m / fmax(x, 1e-9)) > d)
			low = x;
		else
			high = x;
	}
	return low;
}

/*
 * Set *least and *most to how many of a class' old chunks are handed out again and again,
 * which shows in those that were drawn twice.  The draws of a window are neighbours: how
 * often windows have met counts, and they meet by half of their draws.
 */
static void
recycled(const struct class *k, double *least, double *most)
{
	double again = k->draws - k->drawn, half = fmax(k->draws / k->windows / 2, 1);
	double met = again / half;

	*least = *most = 0;
	if (k->draws > 0) {
		*least = drawn_from(k->draws, most_of(met, NONE_SEEN) * half, k->old);
		*most = drawn_from(k->draws, fmax(met - 2 * sqrt(met) - 1, 0) * half, k->old);
	}
	*least = fmax(*least, k->touched);
	*most = fmax(*most, *least);
}

/* Set *least and *most to how many of a class' chunks are not older than the census. */
static void
new_chunks(const struct class *k, double *least, double *most)
{
	recycled(k, least, most);
	*least = (*least + k->chunks - k->old) / MOVING;
	*most = (*most + k->chunks - k->old) * MOVING;
}

/* Returns the allocations that one in a window stands for, at most. */
static double
stands_for(const struct census *c)
{
	return c->seen > 0 ? c->most / c->seen : 1;
}

/* Set the most that is live of a cell: what its share of blocks without an end allows, if
 * windows have seen as few of its allocations as they might. */
static void
bound_cell(const struct census *c, struct cell *cell, int known)
{
	const struct class *k = &c->class[cell->class];
	double n = (double)c->account[cell->account].out.samples, open = 1, adopted, least, most;

	/* Of all blocks of the site that might be open, unseen, these have their share. */
	if (cell->n > 0)
		open = fmin(most_of(cell->open, NONE_SEEN * cell->n / fmax(n, cell->n)) /
		    cell->n, 1);
	adopted = cell->adopted + 2 * sqrt(cell->variance);
	if (c->account[cell->account].joined) {
		cell->most = 0;
		return;
	}

	cell->most = adopted;
	if (c->seen > 0)
		cell->most += fmax(most_of(cell->n, NONE_SEEN) * stands_for(c), cell->stands) * open;
	if (known) {
		new_chunks(k, &least, &most);
		cell->most = fmin(cell->most, most);
	}
}

/* Returns the mean size of a cell's blocks. */
static double
mean_size(const struct cell *cell)
{
	double n = cell->n + cell->adopted;

	return n > 0 ? (cell->bytes + cell->adopted_bytes) / n : 0;
}

/* Add what is live of a cell to a range, from least to its most blocks. */
static void
add_range(const struct cell *cell, double least, struct census_range *to)
{
	double size = mean_size(cell);

	to->nleast += least;
	to->nmost += cell->most;
	to->least += least * size;
	to->most += cell->most * size;
}

/*
 * Returns the most blocks of a class that sites may hold which no window has seen in it.
 * Of what is in use they hold no more than their share of allocations may be, unless the
 * sites that were seen cannot hold all of it.
 */
static double
unseen(const struct census *c, const struct class *k, double sum, double chunks)
{
	double share = k->n > 0 ? 1 - pow(0.05, 1 / k->n) : 1;

	return fmin(NONE_SEEN * stands_for(c), fmax(share * chunks, chunks - sum));
}

/* Returns the fewest blocks of a cell that are live: what no other site can hold.  sum
 * is the most of all cells of the class. */
static double
least_of(const struct census *c, const struct cell *cell, double sum)
{
	const struct class *k = &c->class[cell->class];
	double few, many, least;

	new_chunks(k, &few, &many);
	least = few - (sum - cell->most) - unseen(c, k, sum, few);
	return least < 0 ? 0 : least > cell->most ? cell->most : least;
}

/* Compare two ranges.  Returns whether they differ. */
static int
differs(const struct census_range *a, const struct census_range *b)
{
	return a->least != b->least || a->most != b->most || a->nleast != b->nleast ||
	    a->nmost != b->nmost;
}

/* Set the ranges of all sites; known: chunks are. */
static void
set_ranges(struct census *c, int known, uint64_t bound)
{
	struct census_range *range = calloc(c->naccount, sizeof *range);
	double sum[CLASSES] = { 0 };

	if (range == NULL) {
		c->failed = 1;
		return;
	}
	for (size_t i = 0; i < c->ncell; i++) {
		bound_cell(c, &c->cell[i], known);
		sum[c->cell[i].class] += c->cell[i].most;
	}
	for (size_t i = 0; i < c->ncell; i++) {
		struct cell *cell = &c->cell[i];

		cell->least = known ? least_of(c, cell, sum[cell->class]) : 0;
		add_range(cell, cell->least, &range[cell->account]);
	}
	for (size_t i = 0; i < c->naccount; i++) {
		if (bound && range[i].most > (double)bound)
			range[i].most = (double)bound;
		if (range[i].least > range[i].most)
			range[i].least = range[i].most;
		c->account[i].changed |= differs(&range[i], &c->account[i].out.live);
		c->account[i].out.live = range[i];
	}
	free(range);
}

/*
 * Set the range of all sites together.  Of each class it is what is in use, less what
 * is older and what code that does not count may hold.
 */
static void
set_sum(struct census *c, int known, uint64_t bound)
{
	double low[CLASSES] = { 0 }, high[CLASSES] = { 0 }, alien[CLASSES] = { 0 };
	struct census_range all = { 0 };

	for (size_t i = 0; i < c->ncell; i++) {
		const struct cell *cell = &c->cell[i];
		double size = mean_size(cell), margin = cell->n > 0 ? 8 / sqrt(cell->n) : 0;

		if (cell->n + cell->adopted <= 0)
			continue;
		if (low[cell->class] == 0 || size - margin < low[cell->class])
			low[cell->class] = size - margin;
		if (size + margin > high[cell->class])
			high[cell->class] = size + margin;
		if (cell->account == ALIEN)
			alien[cell->class] = cell->most;
		else if (!known)
			add_range(cell, 0, &all);
	}
	for (size_t i = 0; known && i < CLASSES; i++) {
		const struct class *k = &c->class[i];
		double least, most;

		if (k->chunks == 0)
			continue;
		/* No caller has asked for more than the chunks have, nor for much less. */
		high[i] = high[i] > 0 ? fmin(high[i], k->bytes / k->chunks) : k->bytes / k->chunks;
		low[i] = low[i] > 0 ? fmin(low[i], high[i]) : high[i];
		new_chunks(k, &least, &most);
		least = fmax(least - alien[i], 0);
		all.nleast += least;
		all.nmost += most;
		all.least += least * low[i];
		all.most += most * high[i];
	}
	if (bound && all.most > (double)bound)
		all.most = (double)bound;
	c->all = all;
}

void
census_look(struct census *c, const struct census_chunk *chunk, size_t n, uint64_t bound)
{
	if (chunk) {
		end_gone(c, chunk, n);
		check_old(c, chunk, n);
	}
	count_chunks(c, chunk, chunk ? n : 0);
	set_ranges(c, chunk != NULL, bound);
	set_sum(c, chunk != NULL, bound);
}

/* ---- handing out ------------------------------------------------------- */

double
census_middle(double least, double most)
{
	return most <= 2 * least ? (least + most) / 2 : least;
}

void
census_living(const struct census *c, void (*fn)(void *ctx, const struct heap_living *block),
    void *ctx)
{
	for (size_t i = 0; i < c->nrecord; i++) {
		const struct record *r = &c->record[i];
		const struct cell *cell = &c->cell[r->cell];
		const struct account *a = &c->account[cell->account];
		double records = cell->open + cell->adopted;
		struct heap_living block = { .time = r->time, .size = r->size, .addr = r->addr,
			.site = a->out.site, .user = a->out.user };

		block.weight = r->weight + r->counted;
		if (records > 0)
			block.weight *= census_middle(cell->least, cell->most) / records;
		if (cell->account != ALIEN)
			fn(ctx, &block);
	}
}

/* Returns how many times sums may be wrong of which windows have shown so many samples:
 * chance adds to what the factors may be wrong by. */
static double
slack_of(const struct census *c, double samples)
{
	if (samples <= 0 || c->least <= 0)
		return 1;
	return fmax(c->most / c->stands, c->stands / c->least) * (1 + 2 / sqrt(samples));
}

void
census_changes(struct census *c, void (*fn)(void *ctx, struct census_site *site),
    void *ctx)
{
	for (size_t i = ALIEN + 1; i < c->naccount; i++) {
		struct account *a = &c->account[i];
		double samples = (double)a->out.samples;

		if (!a->changed || a->out.user == NULL)
			continue;
		a->out.slack = slack_of(c, samples);
		a->changed = 0;
		fn(ctx, &a->out);
	}
}

void
census_sum(const struct census *c, struct census_site *all)
{
	memset(all, 0, sizeof *all);
	for (size_t i = ALIEN + 1; i < c->naccount; i++) {
		all->samples += c->account[i].out.samples;
		all->allocs += c->account[i].out.allocs;
		all->bytes += c->account[i].out.bytes;
	}
	all->slack = slack_of(c, (double)all->samples);
	all->live = c->all;
}

double
census_known(const struct census *c)
{
	double known = 0;

	for (size_t i = ALIEN + 1; i < c->naccount; i++) {
		const struct census_range *r = &c->account[i].out.live;

		if (r->most <= 2 * r->least)
			known += census_middle(r->least, r->most);
	}
	return known;
}
