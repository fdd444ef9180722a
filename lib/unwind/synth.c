/*
 * Functions that begin for certain come first; what they call and jump to, in the state
 * that a function begins with, are functions, too.  Then come addresses that only
 * pointers name and no path has come to: unless the code before them has jumps that
 * could not be followed, for then they may be where such jumps lead.  Last come parts
 * of functions that stand elsewhere (.cold): they begin with the states in which others
 * jump to them (seeds).  Their rows may be made twice; the later ones, for which more
 * is known, count.  What is left with a local symbol may be either (held), and counts
 * only if it proves to be a function.
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

/* More of synth_start.how. */
enum {
	RUN = 0x100,    /* it has been followed */
	DOUBTED = 0x200 /* it may be where a jump leads that was not followed */
};

#define MAYBE (SYNTH_LABEL | SYNTH_SWEPT | SYNTH_NUMBER)
#define CERTAIN (SYNTH_FUNCTION | SYNTH_ROOT)
#define BOUNDARY (CERTAIN | SYNTH_HELD)

/* Check whether it is certain that a function begins at an address.  A local symbol is
 * enough if it is called, or its address taken. */
static int
is_certain(unsigned how)
{
	return (how & CERTAIN) ||
	    ((how & SYNTH_HELD) && (how & MAYBE));
}

/* Return all that is known of an address. */
static unsigned
how_at(const struct synth *s, uint64_t addr)
{
	const struct synth_start *start = s->code->start;
	size_t n = array_upto(start, s->code->nstart, sizeof *start, addr);
	uint32_t more = idmap_get(&s->how, addr);
	unsigned how = more == IDMAP_NONE ? 0 : more;

	return n && start[n - 1].addr == addr ? how | start[n - 1].how : how;
}

unsigned
synth_start_at(const struct synth *s, uint64_t addr)
{
	unsigned how = how_at(s, addr);

	return is_certain(how) ? how | SYNTH_FUNCTION : how;
}

/* ---- bits ------------------------------------------------------------------- */

/* Find the bits of the code at an address, and its bit.  Returns NULL if there is no
 * code. */
static struct synth_bits *
bits_at(const struct synth *s, uint64_t addr, uint64_t *at)
{
	const struct synth_segment *g = segment_at(s, addr);

	if (g == NULL || !g->exec)
		return NULL;
	*at = addr - g->addr;
	return &s->bits[g - s->code->segment];
}

static int
bit(const uint64_t *bits, uint64_t at)
{
	return bits[at / 64] >> at % 64 & 1;
}

static void
set_bit(uint64_t *bits, uint64_t at)
{
	bits[at / 64] |= UINT64_C(1) << at % 64;
}

/* Return the first bit from `at' on that is set in a or b (unless NULL), or `end'. */
static uint64_t
next_bit(const uint64_t *a, const uint64_t *b, uint64_t at, uint64_t end)
{
	while (at < end) {
		uint64_t word = (a[at / 64] | (b ? b[at / 64] : 0)) >> at % 64;

		if (word)
			break;
		at = (at / 64 + 1) * 64;
	}
	while (at < end && !bit(a, at) && !(b && bit(b, at)))
		at++;
	return at < end ? at : end;
}

/* Return where the next function after an address begins, or the next address that may
 * be one (labels), or where the gap ends, or a region must. */
static uint64_t
next_start(const struct synth *s, uint64_t addr, int labels)
{
	struct synth_range gap = synth_gap(s, addr);
	uint64_t at;
	const struct synth_bits *b = bits_at(s, addr, &at);

	if (b == NULL || gap.end <= addr)
		return addr + 1;
	if (gap.end - addr > SYNTH_LONGEST)
		gap.end = addr + SYNTH_LONGEST;
	return addr - at +
	    next_bit(b->boundary, labels ? b->label : NULL, at + 1, gap.end - (addr - at));
}

/* Return where the last function up to an address begins, or the gap, or a region that
 * is to contain the address. */
static uint64_t
last_start(const struct synth *s, uint64_t addr)
{
	struct synth_range gap = synth_gap(s, addr);
	uint64_t at, base;
	const struct synth_bits *b = bits_at(s, addr, &at);

	if (b == NULL)
		return addr;
	base = addr - at;
	if (addr - gap.addr > SYNTH_LONGEST)
		gap.addr = addr - SYNTH_LONGEST;
	while (base + at > gap.addr && !bit(b->boundary, at)) {
		/* A word without any is skipped. */
		if (at % 64 == 63 && b->boundary[at / 64] == 0 && at >= 64 &&
		    base + at - 64 >= gap.addr)
			at -= 64;
		else
			at--;
	}
	return base + at;
}

/* Add a number to an array. */
static void
append(struct synth *s, uint64_t **array, size_t *n, size_t *room, uint64_t number)
{
	if (array_room(array, *n, room, sizeof number) < 0)
		s->failed = 1;
	else
		(*array)[(*n)++] = number;
}

/* Let an address in a gap be followed some time, as far as it is known how. */
static void
take_start(struct synth *s, uint64_t addr, unsigned how)
{
	uint64_t at;
	struct synth_bits *b = bits_at(s, addr, &at);

	if (b == NULL || synth_gap(s, addr).end == 0)
		return;
	if (is_certain(how) || (how & SYNTH_HELD))
		set_bit(b->boundary, at);
	if (how & RUN)
		return;
	if (is_certain(how)) {
		append(s, &s->queue, &s->nqueue, &s->queue_room, addr);
	} else if (how & MAYBE) {
		set_bit(b->label, at);
		append(s, &s->label, &s->nlabel, &s->label_room, addr);
	}
}

/* Add what is known of an address. */
static void
add_start(struct synth *s, uint64_t addr, unsigned how)
{
	unsigned before = how_at(s, addr), after = before | how;
	uint32_t more = idmap_get(&s->how, addr);

	if (before == after)
		return;
	if (idmap_put(&s->how, addr, (more == IDMAP_NONE ? 0 : more) | how) < 0)
		s->failed = 1;
	else if (!is_certain(before))
		take_start(s, addr, after);
}

/* ---- ends -------------------------------------------------------------------- */

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
synth_slot_function(const struct synth *s, uint64_t slot, uint64_t *to)
{
	const struct synth_pointer *p = s->code->pointer;
	size_t n = array_upto(p, s->code->npointer, sizeof *p, slot);

	if (n == 0 || p[n - 1].at != slot || !p[n - 1].fixed)
		return -1;
	*to = p[n - 1].to;
	return 0;
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

int
synth_seen(const struct synth *s, uint64_t addr)
{
	uint64_t at;
	const struct synth_bits *b = bits_at(s, addr, &at);

	return b && bit(b->seen, at);
}

void
synth_add_row(struct synth *s, uint64_t addr, uint32_t len,
    const struct synth_state *state)
{
	uint32_t rule = synth_state_rule(state);
	struct synth_row *last = s->nrow > s->first ? &s->row[s->nrow - 1] : NULL;
	uint64_t at;
	struct synth_bits *b = bits_at(s, addr, &at);

	if (b)
		set_bit(b->seen, at);
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

/* Add code that jumps may lead to which were not followed. */
static void
add_doubt(struct synth *s, uint64_t addr, uint64_t end)
{
	if (array_room(&s->doubt, s->ndoubt, &s->doubt_room, sizeof *s->doubt) < 0)
		s->failed = 1;
	else
		s->doubt[s->ndoubt++] = (struct synth_range){ addr, end };
}

/* Follow the functions that are certain, and those that they lead to. */
static void
run_functions(struct synth *s)
{
	while (s->next < s->nqueue && !s->failed) {
		uint64_t addr = s->queue[s->next++], end;
		unsigned how = how_at(s, addr);

		if (how & RUN)
			continue;
		add_start(s, addr, RUN);
		end = next_start(s, addr, 0);
		if (run(s, addr, end, how, NULL, 0) != SYNTH_DONE)
			add_doubt(s, addr, end);
	}
}

/* Check whether jumps that were not followed may lead to an address. */
static int
is_doubtful(const struct synth *s, size_t n, uint64_t addr)
{
	size_t i = array_upto(s->doubt, n, sizeof *s->doubt, addr);

	return i && s->doubt[i - 1].end > addr;
}

/* Follow what begins at an address that is taken, or called by what may be data; the
 * latter hardly looks like a call of an address where compilers let functions begin.
 * What only words of data have may be an entry of a jump table: it has to prove itself. */
static void
run_label(struct synth *s, uint64_t addr, int doubtful, uint64_t *doubt)
{
	unsigned how = how_at(s, addr);
	uint64_t boundary = next_start(s, addr, 0);

	if (doubtful || addr < *doubt ||
	    (!(how & SYNTH_LABEL) && (!(how & SYNTH_SWEPT) || addr % 16)))
		how |= DOUBTED;
	if (run(s, addr, boundary, how, NULL, 0) == SYNTH_DONE)
		add_start(s, addr, SYNTH_FUNCTION | RUN);
	else if (!(how & DOUBTED))
		*doubt = boundary;
}

/* Follow what begins at such addresses, if no path has come there.  Returns whether there
 * were any. */
static int
run_labels(struct synth *s)
{
	size_t n = s->nlabel, ndoubt = s->ndoubt;
	uint64_t *label = s->label, doubt = 0;

	/* Those that are found meanwhile wait for the next time. */
	s->label = NULL;
	s->nlabel = s->label_room = 0;
	if (n)
		qsort(label, n, sizeof *label, array_order);
	if (ndoubt)
		qsort(s->doubt, ndoubt, sizeof *s->doubt, array_order);
	for (size_t i = 0; i < n && !s->failed; i++)
		if (!(synth_start_at(s, label[i]) & (BOUNDARY | RUN)) &&
		    !synth_seen(s, label[i]))
			run_label(s, label[i], is_doubtful(s, ndoubt, label[i]), &doubt);
	free(label);
	return n > 0;
}

/* Follow the region that n seeds are in. */
static void
run_seeds(struct synth *s, const struct synth_seed *seed, size_t n)
{
	uint64_t from = last_start(s, seed->addr);
	unsigned how = how_at(s, from);

	run(s, from, next_start(s, seed->addr, 0), how & RUN ? how & ~SYNTH_HELD : 0, seed,
	    n);
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
		uint64_t end = next_start(s, seed[i].addr, 0);
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

/* Follow code that nothing but a local symbol names, as of functions that are called by
 * way of distances: it has to prove to be a function, for it may be a part of one. */
static void
run_held(struct synth *s)
{
	for (size_t i = 0; i < s->code->nstart && !s->failed; i++) {
		uint64_t addr = s->code->start[i].addr;
		unsigned how = how_at(s, addr);

		if ((how & (BOUNDARY | RUN)) != SYNTH_HELD || is_certain(how) ||
		    synth_gap(s, addr).end == 0 || synth_seen(s, addr))
			continue;
		if (run(s, addr, next_start(s, addr, 1), how | DOUBTED, NULL, 0) == SYNTH_DONE)
			add_start(s, addr, SYNTH_FUNCTION | RUN);
	}
}

/* Follow all that is known to begin somewhere, and what it leads to. */
static void
run_all(struct synth *s)
{
	run_functions(s);
	for (int i = 0; i < ROUNDS && !s->failed && run_labels(s); i++)
		run_functions(s);
	for (int i = 0; i < ROUNDS && !s->failed && run_parts(s); i++)
		run_functions(s);
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
	s->bits = calloc(code->nsegment + 1, sizeof *s->bits);
	if (s->region == NULL || s->bits == NULL)
		return -1;
	for (size_t i = 0; i < code->nsegment; i++) {
		struct synth_bits *b = &s->bits[i];
		size_t words = code->segment[i].len / 64 + 1;

		if (!code->segment[i].exec)
			continue;
		s->budget += BUDGET * (uint64_t)code->segment[i].len;
		b->seen = calloc(words, sizeof *b->seen);
		b->boundary = calloc(words, sizeof *b->boundary);
		b->label = calloc(words, sizeof *b->label);
		if (b->seen == NULL || b->boundary == NULL || b->label == NULL)
			return -1;
	}
	for (size_t i = 0; i < code->nstart; i++)
		take_start(s, code->start[i].addr, code->start[i].how);
	return s->failed ? -1 : 0;
}

static void
end(struct synth *s)
{
	synth_region_free(s->region);
	for (size_t i = 0; s->bits && i < s->code->nsegment; i++) {
		free(s->bits[i].seen);
		free(s->bits[i].boundary);
		free(s->bits[i].label);
	}
	free(s->bits);
	free(s->queue);
	free(s->label);
	free(s->doubt);
	free(s->seed);
	free(s->row);
	free(s->run);
	idmap_clear(&s->how);
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
		run_all(&s);
		run_held(&s);
		run_all(&s);
		failed = s.failed;
	}
	if (!failed) {
		order_rows(&s);
		settle_rows(&s, out);
	}
	end(&s);
	return failed ? -1 : 0;
}
