#include "stream/resume_state.h"

#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/hash.h"
#include "stream/resume_tasks.h"

/* Set *text to the table's copy of a string, NULL for NULL. */
static int
copy(struct resume_state *s, const char **text)
{
	uint32_t number;

	if (strtab_add(&s->text, *text, &number) < 0)
		return -1;
	*text = strtab_text(&s->text, number);
	return 0;
}

/* ---- mappings and probes ------------------------------------------------ */

static int
add_map(struct resume_state *s, const struct rec_map *m)
{
	if (m->start >= m->end)
		return 0;
	if (array_room(&s->map, s->nmap, &s->map_room, sizeof *m) < 0)
		return -1;
	s->map[s->nmap++] = *m;
	return 0;
}

/* Add a mapping, and leave of earlier ones what is outside of its range. */
static int
on_map(struct resume_state *s, const struct rec_map *new)
{
	size_t n = s->nmap, kept = 0;
	struct rec_map *left = NULL;
	size_t nleft = 0, room = 0;

	for (size_t i = 0; i < n; i++) {
		struct rec_map m = s->map[i], right = m;

		if (m.pid != new->pid || m.end <= new->start || new->end <= m.start) {
			s->map[kept++] = m;
			continue;
		}
		if (m.start < new->start) {
			m.end = new->start;
			s->map[kept++] = m;
		}
		if (right.end > new->end) {
			right.offset += new->end - right.start;
			right.start = new->end;
			if (array_room(&left, nleft, &room, sizeof right) < 0)
				goto fail;
			left[nleft++] = right;
		}
	}
	s->nmap = kept;
	for (size_t i = 0; i < nleft; i++)
		if (add_map(s, &left[i]) < 0)
			goto fail;
	free(left);
	return add_map(s, new);
fail:
	free(left);
	return -1;
}

static int
on_probe(struct resume_state *s, const struct rec_probe *r)
{
	struct rec_probe new = *r;

	if (copy(s, &new.layer) < 0 || copy(s, &new.function) < 0 || copy(s, &new.how) < 0)
		return -1;
	for (size_t i = 0; i < s->nprobe; i++) {
		const struct rec_probe *p = &s->probe[i];

		if (p->pid == new.pid && p->module == new.module && p->offset == new.offset &&
		    p->layer == new.layer && p->function == new.function)
			return 0;
	}
	if (array_room(&s->probe, s->nprobe, &s->probe_room, sizeof new) < 0)
		return -1;
	s->probe[s->nprobe++] = new;
	return 0;
}

void
resume_state_gone(struct resume_state *s, uint64_t pid)
{
	size_t n = 0;

	for (size_t i = 0; i < s->nmap; i++)
		if (s->map[i].pid != pid)
			s->map[n++] = s->map[i];
	s->nmap = n;
	n = 0;
	for (size_t i = 0; i < s->nprobe; i++)
		if (s->probe[i].pid != pid)
			s->probe[n++] = s->probe[i];
	s->nprobe = n;
	n = 0;
	for (size_t i = 0; i < s->nmemory; i++)
		if (s->memory[i].pid != pid)
			s->memory[n++] = s->memory[i];
	s->nmemory = n;
}

/* ---- live memory -------------------------------------------------------- */

/* Take site i out of the array. */
static void
remove_site(struct resume_state *s, struct resume_tasks *t, size_t i)
{
	struct resume_site *site = &s->site[i], *last = &s->site[s->nsite - 1];
	struct resume_thread *th = resume_tasks_find(t, site->pid, site->tid);

	if (th && th->sites)
		th->sites--;
	idmap_delete(&s->sites, site->key);
	if (site != last) {
		*site = *last;
		idmap_put(&s->sites, site->key, (uint32_t)i);
	}
	s->nsite--;
}

static int
add_site(struct resume_state *s, struct resume_tasks *t, uint64_t key, const struct rec_heap *h)
{
	struct resume_site new = { .key = key, .pid = h->pid, .tid = h->tid, .stack = h->stack };
	struct resume_thread *th = resume_tasks_find(t, h->pid, h->tid);

	if (copy(s, &new.stack.cut) < 0 ||
	    array_room(&s->site, s->nsite, &s->site_room, sizeof new) < 0 ||
	    idmap_put(&s->sites, key, (uint32_t)s->nsite) < 0)
		return -1;
	s->site[s->nsite++] = new;
	if (th)
		th->sites++;
	return 0;
}

static int
on_heap(struct resume_state *s, struct resume_tasks *t, const struct rec_heap *h)
{
	uint64_t key = hash_str(hash_u64(hash_u64(hash_u64(HASH_INIT, h->pid), h->tid),
	                            h->stack.id),
	    h->stack.cut);
	const struct resume_process *p = resume_tasks_process(t, h->pid);
	uint32_t i = idmap_get(&s->sites, key);
	struct resume_site *site;

	/* A late one is of a program that is gone. */
	if (p && h->time < p->began)
		return 0;
	if (h->live == 0 && h->count == 0 && h->live_max == 0) {
		if (i != IDMAP_NONE)
			remove_site(s, t, i);
		return 0;
	}
	if (i == IDMAP_NONE) {
		i = (uint32_t)s->nsite;
		if (add_site(s, t, key, h) < 0)
			return -1;
	}
	site = &s->site[i];
	site->live = h->live;
	site->count = h->count;
	site->peak = h->peak;
	site->live_err = h->live_err;
	site->live_min = h->live_min;
	site->live_max = h->live_max;
	return 0;
}

void
resume_state_free(struct resume_state *s, struct resume_tasks *t, uint64_t pid)
{
	for (size_t i = s->nsite; i-- > 0;)
		if (s->site[i].pid == pid)
			remove_site(s, t, i);
}

void
resume_state_forget(struct resume_state *s, struct resume_tasks *t, uint64_t time)
{
	for (size_t i = s->nsite; i-- > 0;) {
		const struct resume_process *p = resume_tasks_process(t, s->site[i].pid);

		if (p && p->ended && p->ended <= time)
			remove_site(s, t, i);
	}
}

void
resume_state_free_all(struct resume_state *s, struct resume_tasks *t)
{
	for (size_t i = s->nsite; i-- > 0;)
		remove_site(s, t, i);
}

static int
on_memory(struct resume_state *s, const struct rec_memory *r)
{
	struct rec_memory new = { .pid = r->pid, .live = r->live, .count = r->count,
		.peak = r->peak, .rss = r->rss, .anon = r->anon, .live_err = r->live_err,
		.live_min = r->live_min, .live_max = r->live_max, .inuse = r->inuse,
		.period = r->period };
	size_t i = 0;

	while (i < s->nmemory && s->memory[i].pid != r->pid)
		i++;
	if (i == s->nmemory) {
		if (array_room(&s->memory, i, &s->memory_room, sizeof new) < 0)
			return -1;
		s->nmemory++;
	}
	s->memory[i] = new;
	return 0;
}

/* ---- producers ---------------------------------------------------------- */

/* Find the run of a producer that a cost record is of, as costs only grow: the one that comes
 * nearest to it.  Returns its index, or ncost. */
static size_t
find_cost(const struct resume_state *s, const struct rec_cost *r)
{
	size_t best = s->ncost;

	for (size_t i = 0; i < s->ncost; i++)
		if (s->cost[i].producer == r->producer && s->cost[i].ns <= r->ns &&
		    (best == s->ncost || s->cost[i].ns > s->cost[best].ns))
			best = i;
	return best;
}

static int
on_cost(struct resume_state *s, const struct rec_cost *r)
{
	struct rec_cost new = *r;
	size_t i, n = 0;

	if (copy(s, &new.producer) < 0)
		return -1;
	i = find_cost(s, &new);
	if (i == s->ncost) {
		if (array_room(&s->cost, i, &s->cost_room, sizeof new) < 0)
			return -1;
		s->ncost++;
	}
	s->cost[i] = new;
	/* A run that says nothing for so long has ended. */
	for (i = 0; i < s->ncost; i++)
		if (s->cost[i].time + RESUME_SILENCE >= new.time)
			s->cost[n++] = s->cost[i];
	s->ncost = n;
	return 0;
}

static int
on_note(struct resume_state *s, const struct rec_note *r)
{
	struct rec_note new = *r;

	for (size_t i = 0; i < s->nnote; i++)
		if (strcmp(s->note[i].producer, r->producer) == 0 && s->note[i].text && r->text &&
		    strcmp(s->note[i].text, r->text) == 0)
			return 0;
	if (s->nnote == RESUME_NOTES)
		return 0;
	if (copy(s, &new.producer) < 0 || copy(s, &new.text) < 0 ||
	    array_room(&s->note, s->nnote, &s->note_room, sizeof new) < 0)
		return -1;
	s->note[s->nnote++] = new;
	return 0;
}

int
resume_state_record(struct resume_state *s, struct resume_tasks *t, const struct rec *r)
{
	switch (r->type) {
	case REC_MAP: return on_map(s, &r->map);
	case REC_PROBE: return on_probe(s, &r->probe);
	case REC_HEAP: return on_heap(s, t, &r->heap);
	case REC_MEMORY: return on_memory(s, &r->memory);
	case REC_COST: return on_cost(s, &r->cost);
	case REC_NOTE: return on_note(s, &r->note);
	default: return 0;
	}
}

void
resume_state_clear(struct resume_state *s)
{
	free(s->map);
	free(s->probe);
	free(s->memory);
	free(s->site);
	free(s->cost);
	free(s->note);
	idmap_clear(&s->sites);
	strtab_clear(&s->text);
	memset(s, 0, sizeof *s);
}
