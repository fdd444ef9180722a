#include "heap/sites.h"

#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/hash.h"
#include "base/idmap.h"
#include "heap/heap.h"

struct sites {
	struct site **site;
	size_t n, room;
	struct idmap of;   /* hash of thread and stack -> index in site */
	uint32_t *changed; /* indexes of changed sites, the oldest change first */
	size_t nchanged, changed_room;
};

struct sites *
sites_new(void)
{
	return calloc(1, sizeof(struct sites));
}

void
sites_free(struct sites *p)
{
	if (p == NULL)
		return;
	for (size_t i = 0; i < p->n; i++)
		free(p->site[i]);
	free(p->site);
	free(p->changed);
	idmap_clear(&p->of);
	free(p);
}

static uint64_t
hash(pid_t pid, pid_t tid, struct rec_ref stack)
{
	uint64_t h = hash_u64(HASH_INIT, (uint64_t)pid << 32 | (uint32_t)tid);

	return hash_id(hash_str(hash_u64(h, stack.id), stack.cut));
}

struct site *
sites_get(struct sites *p, pid_t pid, pid_t tid, struct rec_ref stack)
{
	uint64_t id = hash(pid, tid, stack);
	uint32_t i = idmap_get(&p->of, id);
	struct site *new;

	if (i != IDMAP_NONE)
		return p->site[i];
	if (array_room(&p->site, p->n, &p->room, sizeof new) < 0 ||
	    array_room(&p->changed, p->n, &p->changed_room, sizeof *p->changed) < 0)
		return NULL;
	new = calloc(1, sizeof *new);
	if (new == NULL || idmap_put(&p->of, id, (uint32_t)p->n) < 0) {
		free(new);
		return NULL;
	}
	new->sum.pid = (uint64_t)pid;
	new->sum.tid = (uint64_t)tid;
	new->sum.stack = stack;
	new->index = (uint32_t)p->n;
	p->site[p->n++] = new;
	return new;
}

static void
set_changed(struct sites *p, struct site *site)
{
	if (!site->changed)
		p->changed[p->nchanged++] = site->index;
	site->changed = 1;
}

void
sites_add(struct sites *p, struct site *to, const struct heap_change *c)
{
	struct rec_heap *s = &to->sum;

	s->allocs += c->allocs;
	s->bytes += c->bytes;
	s->frees += c->frees;
	s->freed += c->freed;
	s->temps += c->temps;
	s->inplace += c->inplace;
	s->moved += c->moved;
	s->copied += c->copied;
	s->samples += c->samples;
	if (!to->ranged) {
		s->live += c->bytes - c->freed + (uint64_t)c->shift;
		s->count += c->allocs - c->frees + (uint64_t)c->shift_count;
	}
	to->bytes_var += c->bytes_var;
	to->live_var += c->live_var;
	for (int i = 0; i < HEAP_BUCKETS; i++) {
		s->sizes[i] += c->sizes[i];
		s->lives[i] += c->lives[i];
	}
	/* The peak of the sum of several sites may exceed each of theirs. */
	if (c->peak > s->peak)
		s->peak = c->peak;
	set_changed(p, to);
}

/* Returns the whole units by which a sum has grown. */
static uint64_t
grown(double now, double before)
{
	return now > before ? (uint64_t)now - (uint64_t)before : 0;
}

/* Add the sums of a site in windows. */
static void
add_sums(struct rec_heap *s, const struct census_site *now, const struct census_site *before)
{
	s->samples += now->samples - before->samples;
	s->allocs += grown(now->allocs, before->allocs);
	s->bytes += grown(now->bytes, before->bytes);
	s->temps += grown(now->temps, before->temps);
	s->inplace += grown(now->inplace, before->inplace);
	s->moved += grown(now->moved, before->moved);
	s->copied += grown(now->copied, before->copied);
	for (int i = 0; i < HEAP_BUCKETS; i++) {
		s->sizes[i] += grown(now->sizes[i], before->sizes[i]);
		s->lives[i] += grown(now->lives[i], before->lives[i]);
	}
}

void
sites_add_census(struct sites *p, struct site *to, const struct census_site *now,
    const struct census_site *before)
{
	double bytes = (double)grown(now->bytes, before->bytes);

	add_sums(&to->sum, now, before);
	to->bytes_least += bytes / now->slack;
	to->bytes_most += bytes * now->slack;
	to->ranged = 1;
	to->live.least += now->live.least - before->live.least;
	to->live.most += now->live.most - before->live.most;
	to->live.nleast += now->live.nleast - before->live.nleast;
	to->live.nmost += now->live.nmost - before->live.nmost;
	set_changed(p, to);
}

struct site *
sites_nth(const struct sites *p, uint32_t index)
{
	return p->site[index];
}

/* Begin a new interval of a site. */
static void
restart(struct site *site)
{
	struct rec_heap *s = &site->sum, old = *s;

	memset(s, 0, sizeof *s);
	s->pid = old.pid;
	s->tid = old.tid;
	s->stack = old.stack;
	s->live = old.live;
	s->count = old.count;
	s->peak = old.peak;
	site->bytes_var = site->bytes_least = site->bytes_most = 0;
	site->emitted_live = old.live;
	site->emitted_count = old.count;
	site->changed = 0;
}

void
sites_emit(struct sites *p, pid_t pid, void (*fn)(void *ctx, struct site *site),
    void *ctx)
{
	size_t left = 0;

	for (size_t i = 0; i < p->nchanged; i++) {
		struct site *site = p->site[p->changed[i]];

		if (pid && site->sum.pid != (uint64_t)pid) {
			p->changed[left++] = p->changed[i];
			continue;
		}
		fn(ctx, site);
		restart(site);
	}
	p->nchanged = left;
}
