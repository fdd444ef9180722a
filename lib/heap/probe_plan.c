#include "heap/probe_plan.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/array.h"
#include "bpf/heap.h"
#include "elf/debugfile.h"
#include "elf/elf_file.h"
#include "elf/got.h"
#include "elf/insn.h"
#include "heap/allocator.h"
#include "heap/hot_slots.h"
#include "heap/rust_stubs.h"
#include "os/proc.h"
#include "unwind/module.h"

#define COUNT(a) (sizeof a / sizeof *a)

/* ---- functions that allocate ------------------------------------------- */

enum layer { RUST, LIBC, JEMALLOC, MIMALLOC, LAYERS };

static const char *const layer_name[LAYERS] = { "rust", "libc", "jemalloc", "mimalloc" };

#define ALLOC(size) HEAP_SHAPE(HEAP_ALLOC, 0, size, 0)
#define CALLOC HEAP_SHAPE(HEAP_ALLOC, 0, 2, 1)
#define REALLOC(size) HEAP_SHAPE(HEAP_REALLOC, 1, size, 0)
#define MEMALIGN HEAP_SHAPE(HEAP_MEMALIGN, 1, 3, 0)
#define FREE HEAP_SHAPE(HEAP_FREE, 1, 0, 0)

/* In the order of allocator_shim(). */
static const step_u64 shim_shape[4] = { ALLOC(1), FREE, REALLOC(4), ALLOC(1) };
static const char *const shim_name[4] = { "__rust_alloc", "__rust_dealloc",
	"__rust_realloc", "__rust_alloc_zeroed" };
#define ALL_SHIMS 15U

/* All of a layer's functions; allocators that are linked in have some of them
 * with a prefix. */
static const struct function {
	enum layer layer;
	const char *name;
	step_u64 shape;
} functions[] = {
	{ LIBC, "malloc", ALLOC(1) },
	{ LIBC, "calloc", CALLOC },
	{ LIBC, "realloc", REALLOC(2) },
	{ LIBC, "posix_memalign", MEMALIGN },
	{ LIBC, "aligned_alloc", ALLOC(2) },
	{ LIBC, "memalign", ALLOC(2) },
	{ LIBC, "free", FREE },
	{ JEMALLOC, "malloc", ALLOC(1) },
	{ JEMALLOC, "mallocx", ALLOC(1) },
	{ JEMALLOC, "calloc", CALLOC },
	{ JEMALLOC, "realloc", REALLOC(2) },
	{ JEMALLOC, "rallocx", REALLOC(2) },
	{ JEMALLOC, "posix_memalign", MEMALIGN },
	{ JEMALLOC, "aligned_alloc", ALLOC(2) },
	{ JEMALLOC, "memalign", ALLOC(2) },
	{ JEMALLOC, "sdallocx", FREE },
	{ JEMALLOC, "dallocx", FREE },
	{ JEMALLOC, "free", FREE },
	{ MIMALLOC, "mi_malloc", ALLOC(1) },
	{ MIMALLOC, "mi_zalloc", ALLOC(1) },
	{ MIMALLOC, "mi_calloc", CALLOC },
	{ MIMALLOC, "mi_realloc", REALLOC(2) },
	{ MIMALLOC, "mi_malloc_aligned", ALLOC(1) },
	{ MIMALLOC, "mi_zalloc_aligned", ALLOC(1) },
	{ MIMALLOC, "mi_realloc_aligned", REALLOC(2) },
	{ MIMALLOC, "mi_posix_memalign", MEMALIGN },
	{ MIMALLOC, "mi_free", FREE },
	{ MIMALLOC, "mi_free_size", FREE },
	{ MIMALLOC, "mi_free_size_aligned", FREE },
	{ MIMALLOC, "mi_free_aligned", FREE },
};

/* How jemalloc's functions may be spelled. */
static const char *const prefixes[] = { "", "_rjem_", "je_" };

/* ---- files ------------------------------------------------------------- */

#define SEGMENTS 8 /* executable mappings of a file */

/* A function that was found by its name. */
struct entry {
	const struct function *function;
	uint64_t offset; /* in the file */
};

/* The four of rustc. */
struct shims {
	uint64_t offset[4];
};

struct probe_plan_file {
	struct probe_plan_file *next;
	struct elf_file *obj;
	int fd, rust, symtab;
	char file[40];           /* /proc/self/fd/... */
	char *path;
	const char *name;        /* its last component */
	char *apart;             /* the file that has its symbols instead, or NULL */
	uint64_t dev, ino;
	struct {
		uint64_t start, end, offset;
	} map[SEGMENTS];
	size_t nmap;
	unsigned shims, bodies, wanted; /* __rust_*: bits; bodies do more than jump */
	struct shims shim;              /* by name, */
	struct shims *row;              /* and by how they look where there are no
	                                   names */
	size_t nrow, row_room;
	struct entry *entry;           /* functions of its own */
	size_t nentry, entry_room;
	struct {                       /* that it wants: of LIBC */
		const struct function *function;
		uint64_t slot;
	} want[32];
	size_t nwant;
	const char *linked;            /* an allocator whose names are gone */
};

struct list {
	struct probe **probe;
	size_t *n, room;
};

struct planner {
	struct probe_plan *plan;
	pid_t pid; /* 0: a file alone */
	const struct probe_plan_options *o;
	size_t note_room;
	struct list found, below, guess; /* of the plan's three */
	struct list *to;                 /* where probes are added now */
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

static void
close_file(struct probe_plan_file *f)
{
	elf_file_close(f->obj);
	if (f->fd >= 0)
		close(f->fd);
	free(f->path);
	free(f->apart);
	free(f->entry);
	free(f->row);
	free(f);
}

/* ---- looking at a file ------------------------------------------------- */

struct seeing {
	struct planner *p;
	struct probe_plan_file *f;
};

static const unsigned char *
code_at(const struct probe_plan_file *f, uint64_t offset, size_t *len)
{
	const unsigned char *bytes = elf_file_bytes(f->obj, len);

	if (offset >= *len)
		return NULL;
	*len -= offset;
	return bytes + offset;
}

static int
is_stub(const struct probe_plan_file *f, uint64_t offset)
{
	size_t len;
	const unsigned char *code = code_at(f, offset, &len);
	long long target;

	return code && insn_stub(code, len, &target);
}

static void
see_shim(struct probe_plan_file *f, int shim, uint64_t addr)
{
	uint64_t offset;

	if (addr == 0) {
		f->wanted |= 1U << shim;
		return;
	}
	if (elf_file_addr_to_offset(f->obj, addr, &offset) < 0)
		return;
	f->shims |= 1U << shim;
	f->shim.offset[shim] = offset;
	if (!is_stub(f, offset))
		f->bodies |= 1U << shim;
}

/* A function of jemalloc has a prefix, or none; others none. */
static int
is_named(const struct function *fn, const char *name)
{
	if (fn->layer != JEMALLOC)
		return strcmp(fn->name, name) == 0;
	for (size_t i = 0; i < COUNT(prefixes); i++) {
		size_t len = strlen(prefixes[i]);

		if (strncmp(name, prefixes[i], len) == 0 &&
		    strcmp(name + len, fn->name) == 0)
			return 1;
	}
	return 0;
}

static void
add_entry(struct seeing *s, const struct function *fn, uint64_t offset)
{
	struct probe_plan_file *f = s->f;

	for (size_t i = 0; i < f->nentry; i++)
		if (f->entry[i].function == fn && f->entry[i].offset == offset)
			return;
	if (array_room(&f->entry, f->nentry, &f->entry_room, sizeof *f->entry) < 0) {
		s->p->nomem = 1;
		return;
	}
	f->entry[f->nentry++] = (struct entry){ .function = fn, .offset = offset };
}

static void
see_symbol(void *ctx, const char *table, const struct elf_file_symbol *symbol)
{
	struct seeing *s = ctx;
	int shim = allocator_shim(symbol->name);
	uint64_t offset;

	(void)table;
	if (shim >= 0)
		see_shim(s->f, shim, symbol->addr);
	if (symbol->addr == 0 || elf_file_addr_to_offset(s->f->obj, symbol->addr, &offset) < 0)
		return;
	for (size_t i = 0; i < COUNT(functions); i++)
		if (is_named(&functions[i], symbol->name))
			add_entry(s, &functions[i], offset);
}

static void
see_slot(void *ctx, const char *name, uint64_t slot)
{
	struct probe_plan_file *f = ctx;

	for (size_t i = 0; i < COUNT(functions); i++)
		if (functions[i].layer == LIBC && strcmp(functions[i].name, name) == 0 &&
		    f->nwant < COUNT(f->want)) {
			f->want[f->nwant].function = &functions[i];
			f->want[f->nwant++].slot = slot;
		}
}

/* Strings that allocators keep where their names are gone. */
static const char *
linked_in(const struct elf_file *obj)
{
	static const struct {
		const char *string, *name;
	} known[] = { { "<jemalloc>", "jemalloc" }, { "mimalloc: ", "mimalloc" } };
	struct elf_file_section data = elf_file_section(obj, ".rodata");

	for (size_t i = 0; i < COUNT(known) && data.bytes; i++)
		if (memmem(data.bytes, data.len, known[i].string,
		        strlen(known[i].string)))
			return known[i].name;
	return NULL;
}

static void
see_row(void *ctx, const uint64_t offset[4])
{
	struct seeing *s = ctx;
	struct probe_plan_file *f = s->f;

	if (array_room(&f->row, f->nrow, &f->row_room, sizeof *f->row) < 0) {
		s->p->nomem = 1;
		return;
	}
	memcpy(f->row[f->nrow++].offset, offset, sizeof f->row->offset);
}

/* The symbols that were set apart when the file was stripped. */
static void
look_apart(struct seeing *s)
{
	struct probe_plan_file *f = s->f;
	char root[32] = "", name[DEBUGFILE_NAME];
	const struct debugfile_where w = { .root = root, .path = f->path };
	struct elf_file *apart;

	if (s->p->pid)
		snprintf(root, sizeof root, "/proc/%d/root", (int)s->p->pid);
	apart = debugfile_open(f->obj, &w, name);
	if (apart == NULL)
		return;
	elf_file_symbols(apart, see_symbol, s);
	f->symtab = elf_file_has_symtab(apart);
	f->apart = f->symtab ? strdup(name) : NULL;
	elf_file_close(apart);
}

static void
look(struct planner *p, struct probe_plan_file *f)
{
	struct seeing s = { p, f };

	elf_file_symbols(f->obj, see_symbol, &s);
	got_slots(f->obj, see_slot, f);
	f->symtab = elf_file_has_symtab(f->obj);
	if (!f->symtab)
		look_apart(&s);
	f->rust = elf_file_is_rust(f->obj) || f->wanted || f->shims;
	if (!f->rust)
		return;
	f->linked = linked_in(f->obj);
	if (!f->symtab && !f->shims && !f->wanted)
		rust_stubs_find(f->obj, see_row, &s);
}

/* Take over an open file. */
static struct probe_plan_file *
add_file(struct planner *p, int fd, const char *path)
{
	struct probe_plan_file *f = calloc(1, sizeof *f), **at = &p->plan->inside;
	const char *error;
	struct stat st;

	if (f == NULL || (f->path = strdup(path)) == NULL || fstat(fd, &st) < 0 ||
	    (f->obj = elf_file_open(fd, &error)) == NULL) {
		close(fd);
		if (f)
			free(f->path);
		free(f);
		return NULL;
	}
	f->fd = fd;
	f->name = strrchr(f->path, '/') ? strrchr(f->path, '/') + 1 : f->path;
	f->dev = st.st_dev;
	f->ino = st.st_ino;
	snprintf(f->file, sizeof f->file, "/proc/self/fd/%d", fd);
	while (*at)
		at = &(*at)->next;
	*at = f;
	look(p, f);
	return f;
}

static void
plain_path(char *out, size_t size, const char *path)
{
	static const char gone[] = " (deleted)";
	size_t len = strlen(path), n = sizeof gone - 1;

	if (len > n && strcmp(path + len - n, gone) == 0)
		len -= n;
	snprintf(out, size, "%.*s", (int)len, path);
}

static void
see_map(void *ctx, const struct proc_map *map)
{
	struct planner *p = ctx;
	struct probe_plan_file *f = p->plan->inside;
	char path[4200];
	struct stat st;
	int fd;

	if (map->path[0] != '/')
		return;
	plain_path(path, sizeof path, map->path);
	fd = module_open(p->pid, map, path);
	if (fd < 0 || fstat(fd, &st) < 0)
		return;
	while (f && (f->dev != st.st_dev || f->ino != st.st_ino))
		f = f->next;
	if (f)
		close(fd);
	else
		f = add_file(p, fd, path);
	if (f == NULL || f->nmap == SEGMENTS)
		return;
	f->map[f->nmap].start = map->start;
	f->map[f->nmap].end = map->end;
	f->map[f->nmap++].offset = map->offset;
}

/* ---- where code is ----------------------------------------------------- */

/* What to add to a file's addresses.  A page of a mapping may begin with what
 * is in another segment as well. */
static int
find_bias(const struct probe_plan_file *f, uint64_t *bias)
{
	struct elf_file_segment s;

	for (size_t i = 0; f->nmap && elf_file_exec_segment(f->obj, i, &s) == 0; i++) {
		uint64_t len = f->map[0].end - f->map[0].start;

		if (s.offset + s.len <= f->map[0].offset || s.offset >= f->map[0].offset + len)
			continue;
		*bias = f->map[0].start - f->map[0].offset - (s.addr - s.offset);
		return 0;
	}
	return -1;
}

/* The file and the place in it of an address. */
static struct probe_plan_file *
file_at(const struct planner *p, uint64_t addr, uint64_t *offset)
{
	for (struct probe_plan_file *f = p->plan->inside; f; f = f->next)
		for (size_t i = 0; i < f->nmap; i++)
			if (addr >= f->map[i].start && addr < f->map[i].end) {
				*offset = addr - f->map[i].start + f->map[i].offset;
				return f;
			}
	return NULL;
}

/* C libraries come last when names are looked up, wherever they are mapped. */
static int
is_libc(const struct probe_plan_file *f)
{
	return strncmp(f->name, "libc.", 5) == 0 || strncmp(f->name, "libc-", 5) == 0 ||
	    strncmp(f->name, "ld-", 3) == 0;
}

/* Who defines a function for others to find: the executable, which is first,
 * else a library that replaces the C library's, else that one. */
static struct probe_plan_file *
definer(const struct planner *p, const struct function *fn, uint64_t *offset)
{
	struct probe_plan_file *found = NULL;

	for (struct probe_plan_file *f = p->plan->inside; f; f = f->next)
		for (size_t i = 0; i < f->nentry; i++)
			if (f->entry[i].function == fn &&
			    (found == NULL || (is_libc(found) && !is_libc(f)))) {
				*offset = f->entry[i].offset;
				found = f;
			}
	return found;
}

/* What a slot points at.  One that is not bound yet points into the file's own
 * table of jumps. */
static struct probe_plan_file *
behind_slot(const struct planner *p, const struct probe_plan_file *f, size_t want,
    uint64_t *offset)
{
	struct probe_plan_file *to = NULL;
	uint64_t bias, addr = 0;

	if (p->pid && find_bias(f, &bias) == 0 &&
	    proc_read(p->pid, bias + f->want[want].slot, &addr, sizeof addr) == 0)
		to = file_at(p, addr, offset);
	return to && to != f ? to : definer(p, f->want[want].function, offset);
}

/* ---- probes ------------------------------------------------------------ */

static unsigned
keep_of(step_u64 shape)
{
	unsigned keep = 0;

	if (shape == 0) /* nobody knows what it is */
		return INSN_ARG1 | INSN_ARG2 | INSN_ARG3 | INSN_ARG4 | INSN_STACK;
	for (int i = 4; i < 16; i += 4)
		if (shape >> i & 15)
			keep |= 1U << (shape >> i & 15);
	/* A return probe changes the word that rsp points at. */
	return keep | INSN_STACK;
}

static int
is_there(const struct list *l, const struct probe_plan_file *f, uint64_t entry)
{
	for (size_t i = 0; i < *l->n; i++) {
		const struct probe *p = &(*l->probe)[i];

		if (p->dev == f->dev && p->ino == f->ino && p->entry == entry)
			return 1;
	}
	return 0;
}

static void
add_probe(struct planner *p, const struct probe_plan_file *f, const char *layer,
    const char *function, uint64_t entry, step_u64 shape)
{
	struct list *to = p->to;
	struct probe *new;
	struct insn_place place;
	size_t len;
	const unsigned char *code = code_at(f, entry, &len);

	if (is_there(to, f, entry) || (to == &p->below && (shape & 15) == HEAP_FREE))
		return;
	if (code == NULL || insn_place(code, len, keep_of(shape), &place) < 0) {
		if (to == &p->found)
			note(p, "%s in %s is not probed: the kernel refuses its first "
		    "instruction", function, f->name);
		return;
	}
	if (array_room(to->probe, *to->n, &to->room, sizeof *new) < 0) {
		p->nomem = 1;
		return;
	}
	new = &(*to->probe)[(*to->n)++];
	*new = (struct probe){ .layer = layer, .path = f->path,
		.file = f->file, .dev = f->dev, .ino = f->ino, .entry = entry,
		.offset = entry + place.offset, .shape = shape,
		.stepped = place.stepped };
	snprintf(new->function, sizeof new->function, "%s", function);
}

static void
add_shims(struct planner *p, const struct probe_plan_file *f, const struct shims *shims,
    unsigned which)
{
	for (int i = 0; i < 4; i++)
		if (which & 1U << i)
			add_probe(p, f, layer_name[RUST], shim_name[i], shims->offset[i], shim_shape[i]);
}

/* A file's own functions of a layer.  How many. */
static size_t
add_own(struct planner *p, const struct probe_plan_file *f, enum layer layer)
{
	size_t n = 0;

	for (size_t i = 0; i < f->nentry; i++) {
		const struct entry *e = &f->entry[i];

		if (e->function->layer != layer)
			continue;
		add_probe(p, f, layer_name[layer], e->function->name, e->offset, e->function->shape);
		n++;
	}
	return n;
}

static int
has(const struct probe_plan_file *f, enum layer layer, const char *name)
{
	for (size_t i = 0; i < f->nentry; i++)
		if (f->entry[i].function->layer == layer &&
		    strcmp(f->entry[i].function->name, name) == 0)
			return 1;
	return 0;
}

/* Whose malloc() a file has. */
static enum layer
kind_of(const struct probe_plan_file *f)
{
	if (has(f, JEMALLOC, "mallocx"))
		return JEMALLOC;
	return has(f, MIMALLOC, "mi_malloc") ? MIMALLOC : LIBC;
}

/* ---- choosing ---------------------------------------------------------- */

static int
are_stubs(const struct probe_plan_file *f)
{
	return f->shims == ALL_SHIMS && !f->bodies;
}

/* The file whose __rust_* functions all are stubs, of this one or for it. */
static const struct probe_plan_file *
stubs_for(const struct planner *p, const struct probe_plan_file *f)
{
	if (p->o->no_shims)
		return NULL;
	if (f->shims)
		return are_stubs(f) ? f : NULL;
	for (const struct probe_plan_file *o = p->plan->inside; o && f->wanted; o = o->next)
		if (o != f && are_stubs(o))
			return o;
	return NULL;
}

/* What allocates for a file's __rust_* functions. */
static void
add_below(struct planner *p, const struct probe_plan_file *f)
{
	enum layer kind = kind_of(f);
	const struct probe_plan_file *to;
	uint64_t offset;

	p->to = &p->below;
	if (kind != LIBC || has(f, LIBC, "malloc"))
		add_own(p, f, kind);
	else
		for (size_t i = 0; i < f->nwant; i++)
			if ((to = behind_slot(p, f, i, &offset)))
				add_probe(p, to, layer_name[LIBC], f->want[i].function->name, offset,
				    f->want[i].function->shape);
	p->to = &p->found;
}

static void
choose_rows(struct planner *p, const struct probe_plan_file *f)
{
	for (size_t i = 0; i < f->nrow; i++)
		add_shims(p, f, &f->row[i], ALL_SHIMS);
	add_below(p, f);
	note(p, "%s is stripped, but what its code looks like tells where __rust_alloc "
	    "and the like are, which only jump on: all that Rust allocates in it "
	    "comes by", f->name);
}

/* That its calls do not go where the names say. */
static const char *
bypassed(const struct probe_plan_file *f)
{
	return f->shims ? "; its __rust_alloc is bypassed (LTO, or a "
	                  "#[global_allocator])"
	                : "";
}

/* By what the slots point at. */
static int
choose_imports(struct planner *p, const struct probe_plan_file *f)
{
	const struct probe_plan_file *to = NULL, *first = NULL;
	int has_calloc = 0, n = 0;
	uint64_t offset;

	for (size_t i = 0; i < f->nwant; i++) {
		const struct function *fn = f->want[i].function;

		to = behind_slot(p, f, i, &offset);
		has_calloc |= strcmp(fn->name, "calloc") == 0;
		if (to == NULL)
			continue;
		if (strcmp(fn->name, "malloc") == 0)
			first = to;
		add_probe(p, to, layer_name[LIBC], fn->name, offset, fn->shape);
		n++;
	}
	if (n == 0 && p->pid == 0) {
		note(p, "%s calls malloc and the like of whatever library has them when "
		    "it runs%s", f->name, bypassed(f));
		return 1;
	}
	if (n == 0)
		return 0;
	if (first == NULL)
		first = to;
	note(p, "%s calls malloc and the like of %s%s%s", f->name,
	    first ? first->name : "others",
	    first && kind_of(first) == JEMALLOC       ? " (jemalloc)"
	        : first && kind_of(first) == MIMALLOC ? " (mimalloc)"
	                                              : "",
	    bypassed(f));
	if (f->rust && !has_calloc)
		note(p, "%s does not call calloc, which Rust's own default does: it may "
		    "have an allocator of its own, whose memory is not seen", f->name);
	return 1;
}

/* What stands in a slot of a file, as the file has its addresses. */
struct slots {
	const struct planner *p;
	const struct probe_plan_file *f;
	uint64_t bias;
};

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

/* What is called most is among what may be watched to find out. */
static void
guess(struct planner *p, const struct probe_plan_file *f)
{
	struct slots s = { p, f, 0 };
	struct hot_slot t[GUESSES];
	uint64_t offset;
	size_t n;

	if (p->pid == 0 || p->plan->nguess || find_bias(f, &s.bias) < 0)
		return;
	n = hot_slots(f->obj, read_slot, &s, t, GUESSES);
	p->to = &p->guess;
	for (size_t i = 0; i < n; i++)
		if (elf_file_addr_to_offset(f->obj, t[i].addr, &offset) == 0)
			add_probe(p, f, f->linked ? f->linked : "own", "", offset, 0);
	p->to = &p->found;
}

static void
say_nothing(struct planner *p, const struct probe_plan_file *f)
{
	guess(p, f);
	if (f->linked)
		note(p, "%s is linked into %s, but its symbols were stripped", f->linked,
		    f->name);
	else if (!f->symtab)
		note(p, "%s is stripped, and allocates by no function of a library", f->name);
	else
		note(p, "%s has no function that is known to allocate", f->name);
}

/* Does it have an allocator of its own that leaves only these to libc: what
 * std's threads use? */
static int
has_private(const struct probe_plan_file *f)
{
	return f->linked != NULL;
}

static void
choose(struct planner *p, const struct probe_plan_file *f)
{
	const struct probe_plan_file *stubs = stubs_for(p, f);

	if (stubs) {
		add_shims(p, stubs, &stubs->shim, ALL_SHIMS);
		add_below(p, stubs);
		note(p, "__rust_alloc and the like of %s only jump on: all that Rust "
		    "allocates in %s comes by", stubs->name, f->name);
	} else if (f->nrow && !p->o->no_shims) {
		choose_rows(p, f);
	} else if (has(f, JEMALLOC, "mallocx") && add_own(p, f, JEMALLOC)) {
		note(p, "jemalloc is linked into %s%s", f->name, bypassed(f));
	} else if (has(f, MIMALLOC, "mi_malloc") && add_own(p, f, MIMALLOC)) {
		note(p, "mimalloc is linked into %s%s", f->name, bypassed(f));
	} else if (has_private(f)) {
		say_nothing(p, f);
	} else if (has(f, LIBC, "malloc") && add_own(p, f, LIBC)) {
		note(p, "malloc and the like are linked into %s%s", f->name, bypassed(f));
	} else if (f->nwant && choose_imports(p, f)) {
		return;
	} else if (f->shims) {
		add_shims(p, f, &f->shim, f->shims);
		note(p, "%s has an allocator of its own in Rust, which is inlined: at "
		    "most a part of what it allocates is seen", f->name);
	} else {
		say_nothing(p, f);
	}
}

/* Of replaced functions the replacement's, too: jemalloc's and mimalloc's have
 * more ways in than libc's names. */
static void
complete(struct planner *p)
{
	for (const struct probe_plan_file *f = p->plan->inside; f; f = f->next) {
		enum layer kind = kind_of(f);
		int used = 0;

		for (size_t i = 0; i < p->plan->nprobe && kind != LIBC; i++)
			used |= p->plan->probe[i].ino == f->ino &&
			    p->plan->probe[i].dev == f->dev;
		if (used)
			add_own(p, f, kind);
	}
}

/* ---- plans ------------------------------------------------------------- */

/* Would names help? */
static int
is_stripped(const struct planner *p)
{
	for (const struct probe_plan_file *f = p->plan->inside; f; f = f->next)
		if (f->rust && !f->symtab)
			return 1;
	return 0;
}

static int
choose_all(struct planner *p, char *why, size_t size)
{
	size_t rust = 0;

	for (const struct probe_plan_file *f = p->plan->inside; f; f = f->next) {
		if (!f->rust)
			continue;
		rust++;
		if (f->apart)
			note(p, "%s is stripped: its symbols are those of %s", f->name,
			    f->apart);
		choose(p, f);
	}
	if (rust == 0 && p->o->all_callers && p->plan->inside)
		choose(p, p->plan->inside);
	complete(p);
	errno = 0;
	if (p->plan->nprobe || p->plan->nguess || (p->pid == 0 && rust))
		return 0;
	if (rust == 0 && !p->o->all_callers)
		snprintf(why, size, "nothing to probe: it does not look like a Rust "
		    "program (-c counts what other code allocates)");
	else
		snprintf(why, size, "nothing to probe: %s%s",
		    p->plan->nnote ? p->plan->note[0] : "no file could be read",
		    is_stripped(p) ? PROBE_PLAN_ADVICE : "");
	return -1;
}

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
probe_plan_process(pid_t pid, const struct probe_plan_options *o, char *why, size_t size)
{
	struct planner p = { .plan = calloc(1, sizeof *p.plan), .pid = pid, .o = o };
	int error;

	init(&p);
	if (p.plan && proc_maps(pid, see_map, &p) == 0)
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
	snprintf(why, size, "%s", fd < 0 ? strerror(error) : "it is no program for x86-64");
	probe_plan_free(p.plan);
	errno = error;
	return NULL;
}

int
probe_plan_adopt(struct probe_plan *p, const uint64_t *shape)
{
	struct planner planner = { .plan = p };
	const struct probe_plan_file *f = p->inside;
	size_t before = p->nprobe;

	init(&planner);
	while (p->nguess && (f->dev != p->guess->dev || f->ino != p->guess->ino))
		f = f->next;
	/* They stand elsewhere now that some arguments do not matter. */
	for (size_t i = 0; i < p->nguess; i++)
		if (shape[i])
			add_probe(&planner, f, p->guess[i].layer, "", p->guess[i].entry,
			    shape[i]);
	return planner.nomem ? -1 : (int)(p->nprobe - before);
}

void
probe_plan_free(struct probe_plan *p)
{
	if (p == NULL)
		return;
	for (struct probe_plan_file *f = p->inside, *next; f; f = next) {
		next = f->next;
		close_file(f);
	}
	for (size_t i = 0; i < p->nnote; i++)
		free(p->note[i]);
	free(p->note);
	free(p->probe);
	free(p->below);
	free(p->guess);
	free(p);
}

void
probe_plan_print(FILE *out, const struct probe_plan *p)
{
	for (size_t i = 0; i < p->nprobe; i++) {
		const struct probe *q = &p->probe[i];

		fprintf(out, "%-8s  %-20s  %s+0x%" PRIx64 "%s\n", q->layer,
		    q->function[0] ? q->function : "-", q->path, q->offset,
		    q->stepped ? "  (executed in single steps: slow)" : "");
	}
	for (size_t i = 0; i < p->nnote; i++)
		fprintf(out, "%s\n", p->note[i]);
}
