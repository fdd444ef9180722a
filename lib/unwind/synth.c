/*
 * Functions that begin for certain come first; what they call and jump to, in the state
 * that a function begins with, are functions, too.  Then come addresses that only
 * pointers name and no path has come to: unless the code before them has jumps that
 * could not be followed, for then they may be where such jumps lead.  Last come parts
 * of functions that stand elsewhere (.cold): they begin with the states in which others
 * jump to them (seeds).  Their rows may be made twice; the later ones, for which more
 * is known, count.
 */
#include "unwind/synth.h"

#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "bpf/step.h"
#include "unwind/synth_inside.h"

#define SEEDS 16384       /* states of 900 bytes */
#define ROUNDS 16         /* in which seeds lead to more of them */
#define BUDGET 4          /* instructions decoded for each byte, at most; 0.3 are usual */
#define FILLERS 16        /* instructions between two functions */

/* ---- code ------------------------------------------------------------------ */

/* Find the segment that an address is in. */
static const struct synth_segment *
segment_at(const struct synth *s, uint64_t addr)
{
	for (size_t i = 0; i < s->code->nsegment; i++)
		if (addr - s->code->segment[i].addr < s->code->segment[i].len)
			return &s->code->segment[i];
	return NULL;
}

const unsigned char *
synth_code_at(const struct synth *s, uint64_t addr, size_t *len)
{
	const struct synth_segment *g = segment_at(s, addr);

	if (g == NULL || !g->exec)
		return NULL;
	*len = g->len - (size_t)(addr - g->addr);
	return g->bytes + (addr - g->addr);
}

int
synth_read(const struct synth *s, uint64_t addr, unsigned len, int64_t *out)
{
	const struct synth_segment *g = segment_at(s, addr);
	const struct synth_pointer *p;
	size_t n = array_upto(s->code->pointer, s->code->npointer, sizeof *p, addr);
	int32_t word;

	p = n ? &s->code->pointer[n - 1] : NULL;
	if (len == 8 && p && p->at == addr) {
		*out = (int64_t)p->to;
		return 0;
	}
	if (g == NULL || g->len - (addr - g->addr) < len)
		return -1;
	if (len == 8) {
		memcpy(out, g->bytes + (addr - g->addr), 8);
	} else {
		memcpy(&word, g->bytes + (addr - g->addr), sizeof word);
		*out = word;
	}
	return 0;
}

struct synth_range
synth_gap(const struct synth *s, uint64_t addr)
{
	const struct synth_segment *g = segment_at(s, addr);
	const struct synth_range *covered = s->code->covered;
	size_t n = array_upto(covered, s->code->ncovered, sizeof *covered, addr);
	struct synth_range gap = { 0, 0 };

	if (g == NULL || !g->exec || (n && covered[n - 1].end > addr))
		return gap;
	gap.addr = g->addr;
	gap.end = g->addr + g->len;
	if (n && covered[n - 1].end > gap.addr)
		gap.addr = covered[n - 1].end;
	if (n < s->code->ncovered && covered[n].addr < gap.end)
		gap.end = covered[n].addr;
	return gap;
}

unsigned
synth_start_at(const struct synth *s, uint64_t addr)
{
	size_t n = array_upto(s->start, s->nstart, sizeof *s->start, addr);

	return n && s->start[n - 1].addr == addr ? s->start[n - 1].how : 0;
}

uint64_t
synth_next_start(const struct synth *s, uint64_t addr, unsigned how)
{
	size_t n = array_upto(s->start, s->nstart, sizeof *s->start, addr);

	while (n < s->nstart && !(s->start[n].how & how))
		n++;
	return n < s->nstart ? s->start[n].addr : UINT64_MAX;
}

/* Return the last address up to another one where a function begins; 0: none. */
static uint64_t
last_start(const struct synth *s, uint64_t addr, unsigned how)
{
	size_t n = array_upto(s->start, s->nstart, sizeof *s->start, addr);

	while (n && !(s->start[n - 1].how & how))
		n--;
	return n ? s->start[n - 1].addr : 0;
}

int
synth_ends(const struct synth *s, uint64_t addr)
{
	size_t len, n;

	for (int i = 0; i < FILLERS; i++) {
		const unsigned char *code = synth_code_at(s, addr, &len);

		if (code == NULL || synth_start_at(s, addr))
			return 1;
		n = insn_filler(code, len);
		if (n == 0 || *code == 0)
			return 0;
		addr += n;
	}
	return 0;
}

int
synth_slot_stops(const struct synth *s, uint64_t slot)
{
	const uint64_t *stops = s->code->noreturn;
	size_t n = array_upto(stops, s->code->nnoreturn, sizeof *stops, slot);

	return n && stops[n - 1] == slot;
}

int
synth_spend(struct synth *s)
{
	if (s->budget == 0 || (s->code->stop && (s->budget & 255) == 0 &&
	        atomic_load(s->code->stop)))
		s->failed |= s->budget != 0;
	if (s->budget == 0 || s->failed)
		return -1;
	s->budget--;
	return 0;
}

/* ---- what regions find ------------------------------------------------------ */

static uint64_t
bit_at(const struct synth *s, uint64_t addr, unsigned char **byte)
{
	const struct synth_segment *g = segment_at(s, addr);

	*byte = NULL;
	if (g == NULL || !g->exec)
		return 0;
	*byte = &s->seen[g - s->code->segment][(addr - g->addr) / 8];
	return 1U << ((addr - g->addr) & 7);
}

int
synth_seen(const struct synth *s, uint64_t addr)
{
	unsigned char *byte;
	uint64_t bit = bit_at(s, addr, &byte);

	return byte && (*byte & bit);
}

void
synth_add_row(struct synth *s, uint64_t addr, uint32_t len,
    const struct synth_state *state)
{
	uint32_t rule = synth_state_rule(state);
	struct synth_row *last = s->nrow > s->first ? &s->row[s->nrow - 1] : NULL;
	unsigned char *byte;
	uint64_t bit = bit_at(s, addr, &byte);

	if (byte)
		*byte |= (unsigned char)bit;
	if (s->code->see)
		s->code->see(s->code->ctx, addr, state);
	if (last && last->rule == rule && last->addr + last->len == addr &&
	    last->len < UINT32_MAX / 2) {
		last->len += len;
		return;
	}
	if (array_room(&s->row, s->nrow, &s->row_room, sizeof *s->row) < 0) {
		s->failed = 1;
		return;
	}
	s->row[s->nrow++] = (struct synth_row){ addr, len, rule };
}

static void
add_start(struct synth *s, uint64_t addr, unsigned how)
{
	if (array_room(&s->found, s->nfound, &s->found_room, sizeof *s->found) < 0) {
		s->failed = 1;
		return;
	}
	s->found[s->nfound++] = (struct synth_start){ addr, how };
}

void
synth_reach(struct synth *s, uint64_t addr, const struct synth_state *state)
{
	if (synth_gap(s, addr).end == 0)
		return;
	if (synth_state_is_entry(state) && !state->root) {
		if (!(synth_start_at(s, addr) & SYNTH_FUNCTION) && !synth_seen(s, addr))
			add_start(s, addr, SYNTH_FUNCTION);
		return;
	}
	if (s->nseed == SEEDS || synth_seen(s, addr))
		return;
	if (array_room(&s->seed, s->nseed, &s->seed_room, sizeof *s->seed) < 0) {
		s->failed = 1;
		return;
	}
	s->seed[s->nseed].addr = addr;
	s->seed[s->nseed++].state = *state;
}

void
synth_refer(struct synth *s, const struct insn_effect *e, uint64_t next)
{
	unsigned how = 0;
	uint64_t to = 0;

	if (e->flow == INSN_CALL && e->to == INSN_DIRECT && e->target != next) {
		to = e->target;
		how = SYNTH_FUNCTION;
	} else if (e->op == INSN_ADDRESS) {
		to = (uint64_t)e->n;
		how = SYNTH_LABEL;
	}
	if (how && synth_gap(s, to).end && !(synth_start_at(s, to) & (how | SYNTH_FUNCTION)))
		add_start(s, to, how);
}

/* ---- regions ------------------------------------------------------------------ */

/* More of synth_start.how. */
enum {
	RUN = 0x100,   /* it has been followed */
	UNSURE = 0x200, /* some of its jumps lead nobody knows where */
	DOUBTED = 0x400 /* it may be where such a jump leads */
};

#define CERTAIN (SYNTH_FUNCTION | SYNTH_ROOT)
#define BOUNDARY (CERTAIN | SYNTH_HELD)
#define ANY (BOUNDARY | SYNTH_LABEL | SYNTH_SWEPT)

/* Follow a region, from `addr' on as a function if it is one, and from n seeds.  Its
 * rows take the place of those of an earlier time. */
static enum synth_done
run(struct synth *s, uint64_t addr, uint64_t end, unsigned how,
    const struct synth_seed *seed, size_t n)
{
	struct synth_range gap = synth_gap(s, n ? seed->addr : addr);
	struct synth_run *r;
	struct synth_state entry;
	enum synth_done done;
	uint32_t known = idmap_get(&s->run_of, addr);
	size_t first = s->first = s->nrow;

	synth_state_entry(&entry);
	entry.root = (how & SYNTH_ROOT) != 0;
	done = synth_region_run(s->region, addr, end < gap.end ? end : gap.end,
	    how ? &entry : NULL, seed, n,
	    (how & DOUBTED) != 0);
	if (done == SYNTH_REFUSED || s->failed)
		return done;
	if (known != IDMAP_NONE)
		s->run[known].n = 0;
	if (array_room(&s->run, s->nrun, &s->run_room, sizeof *s->run) < 0 ||
	    idmap_put(&s->run_of, addr, (uint32_t)s->nrun) < 0) {
		s->failed = 1;
		return done;
	}
	r = &s->run[s->nrun++];
	r->first = first;
	r->n = s->nrow - first;
	return done;
}

/* Merge new starts into the others, which stay in order.  That takes time, too: code
 * that leads from each function to the next one only must come to an end. */
static void
merge_starts(struct synth *s)
{
	uint64_t cost = s->nstart / 8;
	size_t n = 0;

	for (size_t i = 0; i < s->nfound && !s->failed; i++) {
		if (array_room(&s->start, s->nstart, &s->start_room, sizeof *s->start) < 0) {
			s->failed = 1;
			return;
		}
		s->start[s->nstart++] = s->found[i];
	}
	s->budget -= cost < s->budget ? cost : s->budget;
	s->nfound = 0;
	qsort(s->start, s->nstart, sizeof *s->start, array_order);
	for (size_t i = 0; i < s->nstart; i++)
		if (n && s->start[n - 1].addr == s->start[i].addr)
			s->start[n - 1].how |= s->start[i].how;
		else
			s->start[n++] = s->start[i];
	s->nstart = n;
	/* Functions of their own, though local, if they are called or their addresses
	 * taken. */
	for (size_t i = 0; i < n; i++)
		if ((s->start[i].how & SYNTH_HELD) &&
		    (s->start[i].how & (SYNTH_LABEL | SYNTH_SWEPT)))
			s->start[i].how |= SYNTH_FUNCTION;
}

/* Follow the functions that are certain, until they lead to no others. */
static void
run_functions(struct synth *s)
{
	do {
		merge_starts(s);
		for (size_t i = 0; i < s->nstart && !s->failed; i++) {
			struct synth_start *f = &s->start[i];

			if (!(f->how & CERTAIN) || (f->how & RUN))
				continue;
			f->how |= RUN;
			if (synth_gap(s, f->addr).end &&
			    run(s, f->addr, synth_next_start(s, f->addr, BOUNDARY),
			        f->how, NULL, 0) != SYNTH_DONE)
				f->how |= UNSURE;
		}
	} while (s->nfound && !s->failed);
}

/* Check whether a start may be none: data may look like a call, but hardly of an
 * address where compilers let functions begin. */
static int
is_doubted(const struct synth_start *f)
{
	return !(f->how & SYNTH_LABEL) && f->addr % 16;
}

/* Follow what begins at addresses that are taken, if no path has come there. */
static void
run_labels(struct synth *s)
{
	uint64_t doubtful = 0; /* up to here jumps may lead that were not followed */
	uint64_t boundary = 0;

	for (size_t i = 0; i < s->nstart && !s->failed; i++) {
		struct synth_start *f = &s->start[i];
		unsigned doubted = f->addr < doubtful || is_doubted(f) ? DOUBTED : 0;

		if (f->addr >= boundary)
			boundary = synth_next_start(s, f->addr, BOUNDARY);
		if (f->how & BOUNDARY) {
			if (f->how & UNSURE)
				doubtful = boundary;
			continue;
		}
		if (synth_seen(s, f->addr) || synth_gap(s, f->addr).end == 0)
			continue;
		if (run(s, f->addr, synth_next_start(s, f->addr, ANY),
		        f->how | doubted, NULL, 0) == SYNTH_DONE)
			f->how |= SYNTH_FUNCTION | RUN;
		else if (!doubted)
			doubtful = boundary;
	}
}

/* Follow the region that n seeds are in. */
static void
run_seeds(struct synth *s, const struct synth_seed *seed, size_t n)
{
	struct synth_range gap = synth_gap(s, seed->addr);
	uint64_t from = last_start(s, seed->addr, BOUNDARY);
	unsigned how = 0;

	if (from < gap.addr)
		from = gap.addr;
	else if (synth_start_at(s, from) & RUN)
		how = synth_start_at(s, from) & CERTAIN;
	run(s, from, synth_next_start(s, seed->addr, BOUNDARY), how, seed, n);
}

/* Follow parts of functions from the states in which others jump to them.  Returns
 * whether there were any that nobody had come to. */
static int
run_parts(struct synth *s)
{
	size_t n = s->nseed, next;
	struct synth_seed *seed = s->seed;
	int ran = 0;

	/* Those that are found meanwhile wait for the next time. */
	s->seed = NULL;
	s->nseed = s->seed_room = 0;
	if (n)
		qsort(seed, n, sizeof *seed, array_order);
	for (size_t i = 0; i < n && !s->failed; i = next) {
		uint64_t end = synth_next_start(s, seed[i].addr, BOUNDARY);
		int fresh = 0;

		for (next = i; next < n && seed[next].addr < end; next++)
			fresh |= !synth_seen(s, seed[next].addr);
		if (fresh)
			run_seeds(s, &seed[i], next - i);
		ran |= fresh;
	}
	free(seed);
	return ran;
}

/* ---- rows ------------------------------------------------------------------------ */

/* Keep only the rows of runs that count, by address. */
static void
order_rows(struct synth *s)
{
	size_t n = 0;

	/* Runs are in the order of their rows. */
	for (size_t i = 0; i < s->nrun; i++)
		for (size_t j = 0; j < s->run[i].n; j++)
			s->row[n++] = s->row[s->run[i].first + j];
	s->nrow = n;
	if (n)
		qsort(s->row, n, sizeof *s->row, array_order);
}

/* Make rows disjoint: where two say different things, nothing is known. */
static void
settle_rows(struct synth *s, struct synth_rows *out)
{
	struct synth_row *row = s->row;
	size_t n = 0;

	for (size_t i = 0; i < s->nrow; i++) {
		struct synth_row r = row[i], *last = n ? &row[n - 1] : NULL;
		uint64_t end = last ? last->addr + last->len : 0;

		if (last && end > r.addr) {
			if (last->rule != r.rule)
				last->rule = STEP_RULE(STEP_NONE, 0, 0);
			if (r.addr + r.len <= end)
				continue;
			r.len -= (uint32_t)(end - r.addr);
			r.addr = end;
		}
		if (last && end == r.addr && last->rule == r.rule &&
		    last->len < UINT32_MAX / 2 && r.len < UINT32_MAX / 2)
			last->len += r.len;
		else
			row[n++] = r;
	}
	out->row = row;
	out->n = n;
	for (size_t i = 0; i < n; i++)
		if (STEP_KIND(row[i].rule) != STEP_NONE)
			out->known += row[i].len;
	s->row = NULL;
}

/* Allocate what is needed.  Returns -1 if memory ended. */
static int
begin(struct synth *s, const struct synth_code *code)
{
	memset(s, 0, sizeof *s);
	s->code = code;
	s->taint = UINT32_MAX;
	s->budget = 1 << 20;
	s->region = synth_region_new(s);
	s->seen = calloc(code->nsegment + 1, sizeof *s->seen);
	s->start = reallocarray(NULL, code->nstart + 1, sizeof *s->start);
	if (s->region == NULL || s->seen == NULL || s->start == NULL)
		return -1;
	s->start_room = code->nstart + 1;
	for (size_t i = 0; i < code->nstart; i++)
		s->start[s->nstart++] = code->start[i];
	for (size_t i = 0; i < code->nsegment; i++) {
		if (!code->segment[i].exec)
			continue;
		s->budget += BUDGET * (uint64_t)code->segment[i].len;
		s->seen[i] = calloc(code->segment[i].len / 8 + 1, 1);
		if (s->seen[i] == NULL)
			return -1;
	}
	return 0;
}

static void
end(struct synth *s)
{
	synth_region_free(s->region);
	for (size_t i = 0; s->seen && i < s->code->nsegment; i++)
		free(s->seen[i]);
	free(s->seen);
	free(s->start);
	free(s->found);
	free(s->seed);
	free(s->row);
	free(s->run);
	idmap_clear(&s->returns);
	idmap_clear(&s->run_of);
}

int
synth_rows(const struct synth_code *code, struct synth_rows *out)
{
	struct synth s;
	int failed;

	memset(out, 0, sizeof *out);
	failed = begin(&s, code) < 0;
	if (!failed) {
		run_functions(&s);
		run_labels(&s);
		run_functions(&s);
		for (int i = 0; i < ROUNDS && !s.failed && run_parts(&s); i++)
			run_functions(&s);
		failed = s.failed;
	}
	if (!failed) {
		order_rows(&s);
		settle_rows(&s, out);
	}
	end(&s);
	return failed ? -1 : 0;
}
