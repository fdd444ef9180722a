/*
 * A plan is made in two steps.  First every file that the process maps becomes
 * a struct plan_file: the allocation functions it defines and imports, its
 * __rust_* functions ("shims"), and where it is mapped.  Then each file with
 * Rust code chooses a layer to be probed at (see choose()), and that layer's
 * functions become probes.
 *
 * Probes go to one of three lists of the plan: found (to be armed), below
 * (what shims call, for the self-check) and guess (candidates in files without
 * names).  A function of a file is in a list once.
 */
#include "heap/probe_plan.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/array.h"
#include "bpf/heap.h"
#include "elf/elf_file.h"
#include "elf/insn.h"
#include "heap/bypass.h"
#include "heap/hot_slots.h"
#include "heap/plan_file.h"
#include "os/proc.h"
#include "unwind/mapping.h"
#include "unwind/starts.h"

#define LEFT 24 /* descriptors, for everything but files */
#define COUNT(a) (sizeof a / sizeof *a)

static const char *const layer_name[PLAN_LAYERS] = { "rust", "libc", "jemalloc", "mimalloc" };

/* Shapes and names, in the order of allocator_shim(). */
static const step_u64 shim_shape[4] = {
	HEAP_SHAPE(HEAP_ALLOC, 0, 1, 0), HEAP_SHAPE(HEAP_FREE, 1, 0, 0),
	HEAP_SHAPE(HEAP_REALLOC, 1, 4, 0), HEAP_SHAPE(HEAP_ALLOC, 0, 1, 0)
};
static const char *const shim_name[4] = { "__rust_alloc", "__rust_dealloc",
	"__rust_realloc", "__rust_alloc_zeroed" };
#define ALL_SHIMS 15U

struct list {
	struct probe **probe;
	size_t *n, room;
};

struct planner {
	struct probe_plan *plan;
	pid_t pid; /* 0: a file alone */
	const struct probe_plan_options *o;
	size_t note_room;
	struct list found, below, guess; /* the plan's three lists of probes */
	struct list *to;                 /* the list that add_probe() appends to */
	int moved; /* a file has been left out: its code is in other memory */
	int unopened; /* or it cannot be opened */
	int nomem;
};

static void
note(struct planner *p, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void
note(struct planner *p, const char *format, ...)
{
	struct probe_plan *plan = p->plan;
	char *text;
	va_list args;
	int n;

	va_start(args, format);
	n = vasprintf(&text, format, args);
	va_end(args);
	if (n < 0 || array_room(&plan->note, plan->nnote, &p->note_room, sizeof text) < 0) {
		p->nomem = 1;
		return;
	}
	plan->note[plan->nnote++] = text;
}

/* ---- files ------------------------------------------------------------- */

/* Read an open file and append it to the plan. */
static struct plan_file *
add_file(struct planner *p, int fd, const char *path)
{
	struct plan_file *f = plan_file_open(fd, path, p->pid), **at = &p->plan->file;

	if (f == NULL)
		return NULL;
	p->nomem |= f->nomem;
	while (*at)
		at = &(*at)->next;
	*at = f;
	if (f != p->plan->file) /* the program may be probed in any case (all_callers) */
		plan_file_release(f);
	return f;
}

/* Returns whether an error says nothing of the file that it was about. */
static int
is_short(int error)
{
	return error == EMFILE || error == ENFILE || error == ENOMEM || error == EACCES ||
	    error == EPERM;
}

/* Returns a descriptor; or -1 with errno, and closes it, if few are left: probes need some, too. */
static int
leave_some(int fd)
{
	struct rlimit r;

	if (fd < 0 || getrlimit(RLIMIT_NOFILE, &r) < 0 || (rlim_t)fd + LEFT < r.rlim_cur)
		return fd;
	close(fd);
	errno = EMFILE;
	return -1;
}

/* Record a mapping and, if it is new, its file. */
static void
on_map(void *ctx, const struct proc_map *map)
{
	struct planner *p = ctx;
	struct plan_file *f = p->plan->file;
	char path[MAPPING_PATH];
	struct stat st;
	int fd;

	/* Of a parent that was sampled inside: what its functions lead to is what is probed. */
	if (map->path[0] != '/' || mapping_is_gate(map->path))
		return;
	mapping_path(path, map);
	if (map->copied) {
		note(p, "%s is not probed: the process has moved its code to memory without "
		    "a file", path);
		p->plan->missing++;
		p->moved = 1;
		return;
	}
	fd = leave_some(mapping_open(p->pid, map));
	if (fd < 0 && is_short(errno)) {
		note(p, "%s is not probed: %s", path, mapping_refusal(errno));
		p->plan->missing++;
		p->unopened = 1;
	}
	if (fd < 0 || fstat(fd, &st) < 0)
		return;
	while (f && (f->dev != st.st_dev || f->ino != st.st_ino))
		f = f->next;
	if (f)
		close(fd);
	else
		f = add_file(p, fd, path);
	if (f == NULL || f->nmap == PLAN_SEGMENTS)
		return;
	f->map[f->nmap].start = map->start;
	f->map[f->nmap].end = map->end;
	f->map[f->nmap++].offset = map->offset;
}

/* ---- addresses ---------------------------------------------------------- */

/* Returns the file mapped at addr, and sets *offset to the offset in it. */
static struct plan_file *
file_at(const struct planner *p, uint64_t addr, uint64_t *offset)
{
	for (struct plan_file *f = p->plan->file; f; f = f->next)
		for (size_t i = 0; i < f->nmap; i++)
			if (addr >= f->map[i].start && addr < f->map[i].end) {
				*offset = addr - f->map[i].start + f->map[i].offset;
				return f;
			}
	return NULL;
}

/* Returns whether f is a C library, which comes last in symbol lookup, wherever
 * it is mapped. */
static int
is_libc(const struct plan_file *f)
{
	return strncmp(f->name, "libc.", 5) == 0 || strncmp(f->name, "libc-", 5) == 0 ||
	    strncmp(f->name, "ld-", 3) == 0;
}

/* Find the file that defines fn for others: the executable, which is first, else
 * a library that replaces the C library's function, else the C library. */
static struct plan_file *
find_definer(const struct planner *p, const struct plan_function *fn, uint64_t *offset)
{
	struct plan_file *found = NULL;

	for (struct plan_file *f = p->plan->file; f; f = f->next)
		for (size_t i = 0; i < f->nentry; i++)
			if (f->entry[i].function == fn &&
			    (found == NULL || (is_libc(found) && !is_libc(f)))) {
				*offset = f->entry[i].offset;
				found = f;
			}
	return found;
}

/* Find the file and offset that an import of f resolves to.  A lazily bound slot
 * still points into the file itself; then look for a definition. */
static struct plan_file *
slot_target(const struct planner *p, const struct plan_file *f, size_t import,
    uint64_t *offset)
{
	struct plan_file *to = NULL;
	uint64_t bias, addr = 0;

	if (p->pid && plan_file_bias(f, &bias) == 0 &&
	    proc_read(p->pid, bias + f->import[import].slot, &addr, sizeof addr) == 0)
		to = file_at(p, addr, offset);
	return to && to != f ? to : find_definer(p, f->import[import].function, offset);
}

/* ---- probes ------------------------------------------------------------ */

/* Returns the registers (INSN_...) that a function of this shape needs intact
 * where it is probed. */
static unsigned
args_to_keep(step_u64 shape)
{
	unsigned keep = 0;

	if (shape == 0) /* unknown: keep them all */
		return INSN_ARG1 | INSN_ARG2 | INSN_ARG3 | INSN_ARG4 | INSN_STACK;
	for (int i = 4; i < 16; i += 4)
		if (shape >> i & 15)
			keep |= 1U << (shape >> i & 15);
	/* A return probe replaces the return address. */
	return keep | INSN_STACK;
}

/* Returns whether a list has a probe at a function of f already. */
static int
has_probe(const struct list *l, const struct plan_file *f, uint64_t entry)
{
	for (size_t i = 0; i < *l->n; i++) {
		const struct probe *p = &(*l->probe)[i];

		if (p->dev == f->dev && p->ino == f->ino && p->entry == entry)
			return 1;
	}
	return 0;
}

/* Returns whether a file of the plan is open; notes it if not. */
static int
is_kept(struct planner *p, const struct plan_file *f)
{
	struct plan_file *same = p->plan->file;

	while (same != f)
		same = same->next;
	if (plan_file_keep(same, p->pid) == 0)
		return 1;
	note(p, "%s is not probed: it cannot be opened again", f->path);
	p->plan->missing++;
	return 0;
}

/* Append a probe for the function at entry of f to the current list, on the
 * first instruction suited to it.  Notes a function that cannot be probed. */
static void
add_probe(struct planner *p, const struct plan_file *f, const char *layer,
    const char *function, uint64_t entry, step_u64 shape)
{
	struct list *to = p->to;
	struct probe *new;
	struct insn_probe spot;
	size_t len;
	const unsigned char *code = plan_file_code(f, entry, &len);

	if (has_probe(to, f, entry) || (to == &p->below && (shape & 15) == HEAP_FREE))
		return;
	if (code == NULL || insn_probe(code, len, args_to_keep(shape), &spot) < 0) {
		if (to == &p->found) {
			note(p, "%s in %s is not probed: the kernel refuses its first "
			    "instruction", function, f->name);
			p->plan->missing++;
		}
		return;
	}
	if (!is_kept(p, f))
		return;
	if (array_room(to->probe, *to->n, &to->room, sizeof *new) < 0) {
		p->nomem = 1;
		return;
	}
	new = &(*to->probe)[(*to->n)++];
	*new = (struct probe){ .layer = layer, .path = f->path,
		.file = f->file, .dev = f->dev, .ino = f->ino, .entry = entry,
		.offset = entry + spot.offset, .shape = shape,
		.stepped = spot.stepped };
	snprintf(new->function, sizeof new->function, "%s", function);
}

/* Append probes for those of the four shims that are in the set which. */
static void
add_shims(struct planner *p, const struct plan_file *f, const struct plan_shims *shims,
    unsigned which)
{
	for (int i = 0; i < 4; i++)
		if (which & 1U << i)
			add_probe(p, f, layer_name[PLAN_RUST], shim_name[i], shims->offset[i], shim_shape[i]);
}

/* Append probes for all functions of a layer that f defines.  Returns how many. */
static size_t
add_own(struct planner *p, const struct plan_file *f, enum plan_layer layer)
{
	size_t n = 0;

	for (size_t i = 0; i < f->nentry; i++) {
		const struct plan_entry *e = &f->entry[i];

		if (e->function->layer != layer)
			continue;
		add_probe(p, f, layer_name[layer], e->function->name, e->offset, e->function->shape);
		n++;
	}
	return n;
}

/* ---- choosing ---------------------------------------------------------- */

static int
are_stubs(const struct plan_file *f)
{
	return f->shims == ALL_SHIMS && !f->with_body;
}

/* Find the file whose shims serve f, if all four of them only jump: f itself or
 * one that it imports them from. */
static const struct plan_file *
stubs_for(const struct planner *p, const struct plan_file *f)
{
	if (p->o->no_shims)
		return NULL;
	if (f->shims)
		return are_stubs(f) ? f : NULL;
	for (const struct plan_file *o = p->plan->file; o && f->wanted_shims; o = o->next)
		if (o != f && are_stubs(o))
			return o;
	return NULL;
}

/* List the functions that f's shims allocate by. */
static void
add_below(struct planner *p, const struct plan_file *f)
{
	enum plan_layer kind = plan_file_allocator(f);
	const struct plan_file *to;
	uint64_t offset;

	p->to = &p->below;
	if (kind != PLAN_LIBC || plan_file_has(f, PLAN_LIBC, "malloc"))
		add_own(p, f, kind);
	else
		for (size_t i = 0; i < f->nimport; i++)
			if ((to = slot_target(p, f, i, &offset)))
				add_probe(p, to, layer_name[f->import[i].function->layer],
				    f->import[i].function->name, offset,
				    f->import[i].function->shape);
	p->to = &p->found;
}

/* Choose the shims of f that were recognised by their code. */
static void
choose_stub_rows(struct planner *p, const struct plan_file *f)
{
	for (size_t i = 0; i < f->nstub_row; i++)
		add_shims(p, f, &f->stub_row[i], ALL_SHIMS);
	add_below(p, f);
	note(p, "%s is stripped, but __rust_alloc and the like are recognised by their "
	    "code, and are plain jumps: all allocations of Rust code in it are seen",
	    f->name);
}

/* Context of read_slot(). */
struct slots {
	const struct planner *p;
	const struct plan_file *f;
	uint64_t bias;
};

/* Read a slot of the process' file as an address of the file, unbiased. */
static int
read_slot(void *ctx, uint64_t slot, uint64_t *addr)
{
	const struct slots *s = ctx;

	if (proc_read(s->p->pid, s->bias + slot, addr, sizeof *addr) < 0)
		return -1;
	*addr -= s->bias;
	return 0;
}

#define GUESSES 320
#define OWN "own" /* the layer of such functions */

/* Offer a callee of f's shims as a candidate, wherever it is. */
static void
add_callee(struct planner *p, const struct insn_callee *callee, uint64_t bias)
{
	uint64_t addr = callee->addr + bias, offset;
	const struct plan_file *to;

	if (callee->slot && proc_read(p->pid, addr, &addr, sizeof addr) < 0)
		return;
	to = file_at(p, addr, &offset);
	if (to && !is_libc(to))
		add_probe(p, to, OWN, "", offset, 0);
}

#define CALLEES 16

/* Offer the functions that f's shims call, which are those of its allocator.  Returns how
 * many. */
static size_t
add_callees(struct planner *p, const struct plan_file *f)
{
	struct insn_callee callee[CALLEES];
	uint64_t addr, bias;
	size_t len, n;

	if (plan_file_bias(f, &bias) < 0)
		return 0;
	p->to = &p->guess;
	for (int i = 0; i < 4; i++) {
		const unsigned char *code = plan_file_code(f, f->shim.offset[i], &len);

		if (!(f->shims >> i & 1) || code == NULL ||
		    elf_file_offset_to_addr(f->elf, f->shim.offset[i], &addr) < 0)
			continue;
		n = insn_callees(code, len, addr, callee, CALLEES);
		while (n > 0)
			add_callee(p, &callee[--n], bias);
	}
	p->to = &p->found;
	return p->plan->nguess;
}

/* Offer functions of f, the most-referenced first.  An address that merely looks like one, as
 * those that are called directly may, has to be where a function begins. */
static void
add_hot(struct planner *p, const struct plan_file *f, const struct hot_slot *hot, size_t n,
    int direct)
{
	struct starts *starts = direct ? starts_read(f->elf) : NULL;
	uint64_t offset, start;

	p->to = &p->guess;
	for (size_t i = 0; i < n && p->plan->nguess < GUESSES && (starts || !direct); i++) {
		if (direct && (starts_find(starts, hot[i].addr, &start) < 0 || start != hot[i].addr))
			continue;
		if (elf_file_addr_to_offset(f->elf, hot[i].addr, &offset) == 0)
			add_probe(p, f, f->hidden ? f->hidden : OWN, "", offset, 0);
	}
	p->to = &p->found;
	starts_free(starts);
}

/* Offer the functions by which f may allocate as candidates to trace: those that its shims
 * call, or the most-referenced; direct: by calls within a crate, too, where an allocator of
 * the program's own may be. */
static void
add_guesses(struct planner *p, const struct plan_file *f, int direct)
{
	struct slots s = { p, f, 0 };
	size_t max = direct ? GUESSES * 16 : GUESSES;
	struct hot_slot *hot;

	if (p->pid == 0 || p->plan->nguess || plan_file_bias(f, &s.bias) < 0)
		return;
	if (direct && add_callees(p, f) >= 2)
		return;
	hot = calloc(max, sizeof *hot);
	if (hot)
		add_hot(p, f, hot, hot_slots(f->elf, direct, read_slot, &s, hot, max), direct);
	else
		p->nomem = 1;
	free(hot);
}

/* Returns a text for notes that f's shims are not called, "" if it has none. */
static const char *
bypass_text(const struct plan_file *f)
{
	return f->shims ? "; its __rust_alloc is bypassed (LTO, or a "
	                  "#[global_allocator])"
	                : "";
}

/* Returns whether f imports a function. */
static int
imports(const struct plan_file *f, const char *name)
{
	for (size_t i = 0; i < f->nimport; i++)
		if (strcmp(f->import[i].function->name, name) == 0)
			return 1;
	return 0;
}

/* Returns whether f imports functions of an allocator by names that libc has not: then the
 * few of libc that it calls, too, are not those of its allocator. */
static int
imports_foreign(const struct plan_file *f)
{
	for (size_t i = 0; i < f->nimport; i++)
		if (f->import[i].function->layer != PLAN_LIBC)
			return 1;
	return 0;
}

/* Choose the functions that f's slots point at.  Returns 0 if it has none. */
static int
choose_imports(struct planner *p, const struct plan_file *f)
{
	const struct plan_file *to = NULL, *first = NULL;
	int foreign = imports_foreign(f), n = 0;
	uint64_t offset;

	for (size_t i = 0; i < f->nimport; i++) {
		const struct plan_function *fn = f->import[i].function;

		if (foreign && fn->layer == PLAN_LIBC)
			continue;
		to = slot_target(p, f, i, &offset);
		if (to == NULL)
			continue;
		if (strcmp(fn->name, "malloc") == 0)
			first = to;
		add_probe(p, to, layer_name[fn->layer], fn->name, offset, fn->shape);
		n++;
	}
	if (n == 0 && p->pid == 0) {
		note(p, "%s calls malloc and the like of whichever library has them when "
		    "it runs%s", f->name, bypass_text(f));
		return 1;
	}
	if (n == 0)
		return 0;
	if (first == NULL)
		first = to;
	note(p, "%s calls malloc and the like of %s%s%s", f->name,
	    first ? first->name : "others",
	    first && plan_file_allocator(first) == PLAN_JEMALLOC       ? " (jemalloc)"
	        : first && plan_file_allocator(first) == PLAN_MIMALLOC ? " (mimalloc)"
	                                              : "",
	    bypass_text(f));
	if (f->rust && !foreign && !imports(f, "calloc")) {
		p->plan->own++;
		add_guesses(p, f, 1);
		note(p, "%s does not call calloc, as Rust's default allocator does: it may "
		    "have an allocator of its own, whose memory is not seen", f->name);
		p->plan->doubts++;
	}
	return 1;
}

/* Note why f has nothing to probe, and offer candidates. */
static void
note_nothing(struct planner *p, const struct plan_file *f)
{
	add_guesses(p, f, 0);
	p->plan->doubts += f->hidden != NULL;
	if (f->hidden)
		note(p, "%s is linked into %s, but its symbols were stripped", f->hidden,
		    f->name);
	else if (!f->symtab)
		note(p, "%s is stripped, and calls no library's allocation functions", f->name);
	else
		note(p, "%s has no known allocation function", f->name);
}

/* Returns whether f has an allocator of its own without symbols, so that only
 * std's threads use libc's. */
static int
has_hidden_allocator(const struct plan_file *f)
{
	return f->hidden != NULL;
}

/* Find the file whose sampler serves f: f itself, or that whose malloc() it calls. */
static const struct plan_file *
sampler_for(const struct planner *p, const struct plan_file *f)
{
	const struct plan_file *to;
	uint64_t offset;

	if (p->o->no_samplers)
		return NULL;
	if (plan_file_samples(f))
		return f;
	for (size_t i = 0; i < f->nimport; i++)
		if (strcmp(f->import[i].function->name, "malloc") == 0 &&
		    (to = slot_target(p, f, i, &offset)) && plan_file_samples(to))
			return to;
	return NULL;
}

/* Choose the static probes of a file's sampler. */
static void
choose_sampler(struct planner *p, const struct plan_file *f)
{
	struct list *to = p->to;

	for (size_t i = 0; i < f->nusdt; i++) {
		const struct plan_usdt *u = &f->usdt[i];
		struct probe *new;

		if (has_probe(to, f, u->offset))
			continue;
		if (array_room(to->probe, *to->n, &to->room, sizeof *new) < 0) {
			p->nomem = 1;
			return;
		}
		new = &(*to->probe)[(*to->n)++];
		*new = (struct probe){ .layer = PLAN_OTEL, .path = f->path,
			.file = f->file, .dev = f->dev, .ino = f->ino, .entry = u->offset,
			.offset = u->offset, .shape = u->shape, .semaphore = u->semaphore };
		memcpy(new->arg, u->arg, sizeof new->arg);
		strcpy(new->function, u->shape == HEAP_WEIGHED ? "alloc" : "free");
	}
	note(p, "%s samples its allocations by itself (" PLAN_OTEL "): sums are "
	    "estimates by its weights", f->name);
}

/* Returns whether f has an allocator of its own, to which its shims are the only way. */
static int
is_only_way(const struct planner *p, const struct plan_file *f)
{
	return !p->o->no_shims && f->shims == ALL_SHIMS && !imports(f, "calloc") &&
	    !imports_foreign(f) && bypass_none(f->elf, f->shim.offset, 4);
}

/* Choose the layer at which the allocations of f are probed. */
static void
choose(struct planner *p, const struct plan_file *f)
{
	const struct plan_file *stubs = stubs_for(p, f), *sampler = sampler_for(p, f);

	if (sampler) {
		choose_sampler(p, sampler);
	} else if (stubs) {
		add_shims(p, stubs, &stubs->shim, ALL_SHIMS);
		add_below(p, stubs);
		note(p, "__rust_alloc and the like in %s are plain jumps: all allocations "
		    "of Rust code in %s are seen", stubs->name, f->name);
	} else if (f->nstub_row && !p->o->no_shims) {
		choose_stub_rows(p, f);
	} else if (plan_file_has(f, PLAN_JEMALLOC, "mallocx") && add_own(p, f, PLAN_JEMALLOC)) {
		note(p, "jemalloc is linked into %s%s", f->name, bypass_text(f));
	} else if (plan_file_has(f, PLAN_MIMALLOC, "mi_malloc") && add_own(p, f, PLAN_MIMALLOC)) {
		note(p, "mimalloc is linked into %s%s", f->name, bypass_text(f));
	} else if (has_hidden_allocator(f)) {
		note_nothing(p, f);
	} else if (is_only_way(p, f)) {
		add_shims(p, f, &f->shim, ALL_SHIMS);
		p->plan->own++;
		note(p, "%s has an allocator of its own, which is called by __rust_alloc and the "
		    "like alone: all allocations of Rust code in it are seen", f->name);
	} else if (plan_file_has(f, PLAN_LIBC, "malloc") && add_own(p, f, PLAN_LIBC)) {
		note(p, "malloc and the like are linked into %s%s", f->name, bypass_text(f));
	} else if (f->nimport && choose_imports(p, f)) {
		return;
	} else if (f->shims) {
		add_shims(p, f, &f->shim, f->shims);
		note(p, "%s has an allocator of its own in Rust, which is inlined: at "
		    "most part of its allocations is seen", f->name);
		p->plan->missing++;
	} else {
		note_nothing(p, f);
	}
}

/* Probe all functions of replacements in use: jemalloc and mimalloc have more
 * entry points than libc's names. */
static void
complete(struct planner *p)
{
	for (const struct plan_file *f = p->plan->file; f; f = f->next) {
		enum plan_layer kind = plan_file_allocator(f);
		int used = 0;

		for (size_t i = 0; i < p->plan->nprobe && kind != PLAN_LIBC; i++)
			used |= p->plan->probe[i].ino == f->ino &&
			    p->plan->probe[i].dev == f->dev &&
			    strcmp(p->plan->probe[i].layer, PLAN_OTEL) != 0;
		if (used)
			add_own(p, f, kind);
	}
}

/* ---- plans ------------------------------------------------------------- */

/* Returns whether a file with Rust code has no symbols, so that keeping them
 * would help. */
static int
is_stripped(const struct planner *p)
{
	for (const struct plan_file *f = p->plan->file; f; f = f->next)
		if (f->rust && !f->symtab)
			return 1;
	return 0;
}

/* Returns whether the process can load libraries by itself. */
static int
may_load(const struct planner *p)
{
	for (const struct plan_file *f = p->plan->file; f; f = f->next)
		if (f->loads && !is_libc(f))
			return 1;
	return 0;
}

/* Choose for each file with Rust code.  Returns -1 with the reason in why[] if
 * there is nothing to probe. */
static int
choose_all(struct planner *p, char *why, size_t size)
{
	size_t rust = 0;

	for (const struct plan_file *f = p->plan->file; f; f = f->next) {
		if (!f->rust)
			continue;
		rust++;
		if (f->debug_path)
			note(p, "%s is stripped: its symbols are those of %s", f->name,
			    f->debug_path);
		choose(p, f);
	}
	if (rust == 0 && p->o->all_callers && p->plan->file)
		choose(p, p->plan->file);
	complete(p);
	errno = 0;
	if (p->plan->nprobe || p->plan->nguess || (p->pid == 0 && rust))
		return 0;
	if (p->o->later)
		*p->o->later = rust == 0 && may_load(p);
	if (rust == 0 && !p->o->all_callers && !p->moved && !p->unopened)
		snprintf(why, size, "nothing to probe: it does not look like a Rust "
		    "program (-c counts allocations of other code too)");
	else
		snprintf(why, size, "nothing to probe: %s%s",
		    p->plan->nnote ? p->plan->note[0] : "no file could be read",
		    is_stripped(p) ? PROBE_PLAN_ADVICE : "");
	return -1;
}

/* Complete the plan, or free it.  Returns NULL with the reason in why[] and
 * errno. */
static struct probe_plan *
finish(struct planner *p, char *why, size_t size)
{
	int error;

	if (choose_all(p, why, size) == 0 && !p->nomem)
		return p->plan;
	error = p->nomem ? ENOMEM : errno;
	if (p->nomem)
		snprintf(why, size, "%s", strerror(ENOMEM));
	probe_plan_free(p->plan);
	errno = error;
	return NULL;
}

static void
init(struct planner *p)
{
	struct probe_plan *plan = p->plan;

	if (plan == NULL)
		return;
	p->found = (struct list){ &plan->probe, &plan->nprobe, plan->nprobe };
	p->below = (struct list){ &plan->below, &plan->nbelow, plan->nbelow };
	p->guess = (struct list){ &plan->guess, &plan->nguess, plan->nguess };
	p->to = &p->found;
}

struct probe_plan *
probe_plan_of_process(pid_t pid, const struct probe_plan_options *o, char *why, size_t size)
{
	struct planner p = { .plan = calloc(1, sizeof *p.plan), .pid = pid, .o = o };
	int error;

	init(&p);
	if (p.plan && mapping_code(pid, on_map, &p) == 0)
		return finish(&p, why, size);
	error = errno;
	snprintf(why, size, "its mappings cannot be read: %s%s", strerror(error),
	    error == EACCES ? ": give CAP_SYS_PTRACE, or run as root" : "");
	probe_plan_free(p.plan);
	errno = error;
	return NULL;
}

struct probe_plan *
probe_plan_of_file(const char *path, const struct probe_plan_options *o, char *why, size_t size)
{
	struct planner p = { .plan = calloc(1, sizeof *p.plan), .o = o };
	int fd = open(path, O_RDONLY | O_CLOEXEC), error;

	init(&p);
	if (p.plan && fd >= 0 && add_file(&p, fd, path))
		return finish(&p, why, size);
	error = fd < 0 ? errno : 0;
	snprintf(why, size, "%s", fd < 0 ? strerror(error) : "it is not a program for this machine");
	probe_plan_free(p.plan);
	errno = error;
	return NULL;
}

int
probe_plan_adopt(struct probe_plan *p, const uint64_t *shape)
{
	struct planner planner = { .plan = p };
	size_t before = p->nprobe;

	init(&planner);
	/* The probe may move: registers that are no arguments need not be
	 * intact. */
	for (size_t i = 0; i < p->nguess; i++) {
		const struct plan_file *f = p->file;

		while (f->dev != p->guess[i].dev || f->ino != p->guess[i].ino)
			f = f->next;
		if (shape[i])
			add_probe(&planner, f, p->guess[i].layer, "", p->guess[i].entry,
			    shape[i]);
	}
	return planner.nomem ? -1 : (int)(p->nprobe - before);
}

void
probe_plan_free(struct probe_plan *p)
{
	if (p == NULL)
		return;
	for (struct plan_file *f = p->file, *next; f; f = next) {
		next = f->next;
		plan_file_close(f);
	}
	for (size_t i = 0; i < p->nnote; i++)
		free(p->note[i]);
	free(p->note);
	free(p->probe);
	free(p->below);
	free(p->guess);
	free(p);
}

/* Call fn for the places of one probe. */
static void
probe_bytes(const struct probe_plan *p, const struct probe *probe,
    void (*fn)(void *ctx, uint64_t addr, unsigned char byte), void *ctx)
{
	for (const struct plan_file *f = p->file; f; f = f->next) {
		size_t len;
		const unsigned char *code = plan_file_code(f, probe->offset, &len);

		if (f->dev != probe->dev || f->ino != probe->ino || code == NULL)
			continue;
		for (size_t i = 0; i < f->nmap; i++) {
			uint64_t into = probe->offset - f->map[i].offset;

			if (into < f->map[i].end - f->map[i].start)
				fn(ctx, f->map[i].start + into, *code);
		}
	}
}

void
probe_plan_bytes(const struct probe_plan *p,
    void (*fn)(void *ctx, uint64_t addr, unsigned char byte), void *ctx)
{
	for (size_t i = 0; i < p->nprobe; i++)
		probe_bytes(p, &p->probe[i], fn, ctx);
	for (size_t i = 0; i < p->nbelow; i++)
		probe_bytes(p, &p->below[i], fn, ctx);
}

void
probe_plan_print(FILE *out, const struct probe_plan *p)
{
	for (size_t i = 0; i < p->nprobe; i++) {
		const struct probe *q = &p->probe[i];

		fprintf(out, "%-8s  %-20s  %s+0x%" PRIx64 "%s\n", q->layer,
		    q->function[0] ? q->function : "-", q->path, q->offset,
		    q->stepped ? "  (single-stepped: slow)" : "");
	}
	for (size_t i = 0; i < p->nnote; i++)
		fprintf(out, "%s\n", p->note[i]);
}
