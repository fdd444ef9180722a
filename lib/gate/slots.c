/*
 * Each mapped file gives three things: the functions that it defines, its slots
 * with a relocation that names a function, and the words of its .got.  A slot is
 * taken by name, or because its word is the address of a function that some file
 * defines: an allocator that is linked in is called through such words, which have
 * no name.
 */
#include "gate/slots.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/array.h"
#include "elf/elf_file.h"
#include "elf/got.h"
#include "gate/abi.h"
#include "os/proc.h"
#include "unwind/mapping.h"

#define COUNT(a) (sizeof a / sizeof *a)
#define GOTS 2    /* .got and .got.plt */
#define WORDS 512 /* that are read at once */
#define LOOKS 10  /* at a file whose slots may not be relocated yet */

static const struct {
	const char *name;
	uint32_t kind;
} functions[] = {
	{ "malloc", GATE_ALLOC },
	{ "calloc", GATE_CALLOC },
	{ "realloc", GATE_REALLOC },
	{ "posix_memalign", GATE_MEMALIGN },
	{ "aligned_alloc", GATE_ALIGNED },
	{ "memalign", GATE_ALIGNED },
	{ "free", GATE_FREE },
	{ "reallocarray", GATE_FREE },
	{ "mallocx", GATE_ALLOC },
	{ "rallocx", GATE_REALLOC },
	{ "sdallocx", GATE_FREE },
	{ "dallocx", GATE_FREE },
	{ "mi_malloc", GATE_ALLOC },
	{ "mi_zalloc", GATE_ALLOC },
	{ "mi_calloc", GATE_CALLOC },
	{ "mi_realloc", GATE_REALLOC },
	{ "mi_malloc_aligned", GATE_ALLOC },
	{ "mi_zalloc_aligned", GATE_ALLOC },
	{ "mi_realloc_aligned", GATE_REALLOC },
	{ "mi_posix_memalign", GATE_MEMALIGN },
	{ "mi_free", GATE_FREE },
	{ "mi_free_size", GATE_FREE },
	{ "mi_free_size_aligned", GATE_FREE },
	{ "mi_free_aligned", GATE_FREE },
};

/* Text that an allocator has in it, and a function that must be known where it is: where
 * that has no name, blocks go that nobody has seen, or the allocator is not seen at all. */
static const struct {
	const char *text, *function;
} allocators[] = {
	{ "<jemalloc>: ", "sdallocx" },
	{ "mimalloc: ", "mi_free" },
};

/* How jemalloc's functions may be spelled. */
static const char *const prefixes[] = { "", "_rjem_", "je_" };

struct defined {
	uint64_t addr; /* in the process */
	uint32_t function; /* in the table above */
};

struct wanted {
	uint64_t slot; /* in the process */
	uint32_t function;
};

struct slots_file {
	struct slots_file *next;
	struct elf_file *elf;
	char *name;
	uint64_t dev, ino, bias;
	uint64_t start, end; /* of its code, in the process */
	int rust, skip;      /* skip: a C library, whose slots stay as they are */
	int permanent;       /* the executable, or needed by it */
	int nameless;        /* there is an allocator in it whose functions have no names */
	int looks;           /* that are left */
	struct defined *defined;
	size_t ndefined, defined_room;
	struct wanted *wanted;
	size_t nwanted, wanted_room;
	struct {
		uint64_t start, end;
	} got[GOTS];
};

struct finder {
	struct slots *s;
	pid_t pid;
	int all, nomem;
	slots_behind *behind;
	void *ctx;
};

/* ---- files ------------------------------------------------------------- */

/* Returns the index of a function by its name, -1 if it is none of these. */
static int
find_function(const char *name)
{
	for (size_t p = 0; p < COUNT(prefixes); p++) {
		size_t len = strlen(prefixes[p]);

		if (strncmp(name, prefixes[p], len) != 0)
			continue;
		for (size_t i = 0; i < COUNT(functions); i++)
			if (strcmp(name + len, functions[i].name) == 0)
				return (int)i;
	}
	return -1;
}

struct reading {
	struct finder *find;
	struct slots_file *file;
};

static void
on_symbol(void *ctx, const char *table, const struct elf_file_symbol *symbol)
{
	struct reading *r = ctx;
	struct slots_file *f = r->file;
	int fn = symbol->addr ? find_function(symbol->name) : -1;

	(void)table;
	if (fn < 0)
		return;
	for (size_t i = 0; i < f->ndefined; i++)
		if (f->defined[i].addr == symbol->addr + f->bias)
			return;
	if (array_room(&f->defined, f->ndefined, &f->defined_room, sizeof *f->defined) < 0) {
		r->find->nomem = 1;
		return;
	}
	f->defined[f->ndefined++] = (struct defined){ symbol->addr + f->bias, (uint32_t)fn };
}

/* Words outside of the GOT are pointers that the program may compare and copy. */
static int
is_in_got(const struct slots_file *f, uint64_t addr)
{
	for (size_t i = 0; i < GOTS; i++)
		if (addr >= f->got[i].start && addr < f->got[i].end)
			return 1;
	return 0;
}

static void
on_slot(void *ctx, const char *name, uint64_t slot)
{
	struct reading *r = ctx;
	struct slots_file *f = r->file;
	int fn = find_function(name);

	if (fn < 0 || !is_in_got(f, slot + f->bias))
		return;
	if (array_room(&f->wanted, f->nwanted, &f->wanted_room, sizeof *f->wanted) < 0) {
		r->find->nomem = 1;
		return;
	}
	f->wanted[f->nwanted++] = (struct wanted){ slot + f->bias, (uint32_t)fn };
}

static int
defines(const struct slots_file *f, const char *name)
{
	for (size_t i = 0; i < f->ndefined; i++)
		if (strcmp(functions[f->defined[i].function].name, name) == 0)
			return 1;
	return 0;
}

static int
has_nameless_allocator(const struct slots_file *f)
{
	struct elf_file_section text = elf_file_section(f->elf, ".rodata");

	for (size_t i = 0; text.bytes && i < COUNT(allocators); i++)
		if (!defines(f, allocators[i].function) &&
		    memmem(text.bytes, text.len, allocators[i].text, strlen(allocators[i].text)))
			return 1;
	return 0;
}

static int
is_libc(const char *name)
{
	return strncmp(name, "libc.", 5) == 0 || strncmp(name, "libc-", 5) == 0 ||
	    strncmp(name, "ld-", 3) == 0 || strncmp(name, "libpthread", 10) == 0;
}

static void
read_file(struct finder *find, struct slots_file *f)
{
	static const char *const names[GOTS] = { ".got", ".got.plt" };
	struct reading r = { find, f };

	for (size_t i = 0; i < GOTS; i++) {
		struct elf_file_section got = elf_file_section(f->elf, names[i]);

		if (got.bytes == NULL)
			continue;
		f->got[i].start = got.addr + f->bias;
		f->got[i].end = f->got[i].start + got.len;
	}
	f->rust = elf_file_is_rust(f->elf);
	f->skip = !f->rust && is_libc(f->name);
	elf_file_symbols(f->elf, on_symbol, &r);
	f->nameless = f->rust && has_nameless_allocator(f);
	if (!f->skip)
		got_slots(f->elf, on_slot, &r);
}

static int
find_bias(const struct elf_file *elf, const struct proc_map *map, uint64_t *bias)
{
	struct elf_file_segment s;

	for (size_t i = 0; elf_file_exec_segment(elf, i, &s) == 0; i++) {
		if (s.offset + s.len <= map->offset ||
		    s.offset >= map->offset + (map->end - map->start))
			continue;
		*bias = map->start - map->offset - (s.addr - s.offset);
		return 0;
	}
	return -1;
}

static void
free_file(struct slots_file *f)
{
	elf_file_close(f->elf);
	free(f->name);
	free(f->defined);
	free(f->wanted);
	free(f);
}

static struct slots_file *
new_file(struct finder *find, const struct proc_map *map)
{
	struct slots_file *f = calloc(1, sizeof *f);
	const char *error, *slash = strrchr(map->path, '/');
	struct stat st;
	int fd = mapping_open(find->pid, map);

	if (f && fd >= 0 && fstat(fd, &st) == 0 && (f->name = strdup(slash + 1)) &&
	    (f->elf = elf_file_open(fd, &error)) && find_bias(f->elf, map, &f->bias) == 0) {
		f->dev = st.st_dev;
		f->ino = map->ino;
		f->start = map->start;
		f->end = map->end;
		f->looks = LOOKS;
		read_file(find, f);
	} else if (f) {
		free_file(f);
		f = NULL;
	}
	if (fd >= 0)
		close(fd);
	return f;
}

/* A file may be mapped twice (dlmopen), and have several mappings of code. */
static int
is_same(const struct slots_file *f, const struct proc_map *map)
{
	uint64_t bias;

	return find_bias(f->elf, map, &bias) == 0 && bias == f->bias;
}

static void
on_map(void *ctx, const struct proc_map *map)
{
	struct finder *find = ctx;
	struct slots_file **at;

	if (map->path[0] != '/' || mapping_is_gate(map->path))
		return;
	for (at = &find->s->file; *at; at = &(*at)->next)
		if ((*at)->ino == map->ino && is_same(*at, map))
			return;
	*at = new_file(find, map);
}

/* ---- slots ------------------------------------------------------------- */

/* Returns the kind of a function by its address, -1 if no file defines one there. */
static int
kind_at(const struct slots *s, uint64_t addr)
{
	for (const struct slots_file *f = s->file; f; f = f->next)
		for (size_t i = 0; i < f->ndefined; i++)
			if (f->defined[i].addr == addr)
				return (int)functions[f->defined[i].function].kind;
	return -1;
}

/* Returns the address of a function by its name as the dynamic linker finds it, 0
 * if there is none: the C library comes last, whatever is mapped first. */
static uint64_t
definition(const struct slots *s, uint32_t function)
{
	uint64_t found = 0;
	int last = 0;

	for (const struct slots_file *f = s->file; f; f = f->next)
		for (size_t i = 0; i < f->ndefined; i++)
			if (f->defined[i].function == function && (found == 0 || (last && !f->skip))) {
				found = f->defined[i].addr;
				last = f->skip;
			}
	return found;
}

static void
add(struct finder *find, const struct slots_file *f, uint64_t addr, uint64_t value,
    uint64_t function, uint32_t kind)
{
	struct slots *s = find->s;
	int sampled = f->rust || find->all;

	/* Only blocks that go are of interest in other files. */
	if (!sampled && kind != GATE_FREE && kind != GATE_REALLOC)
		return;
	for (size_t i = 0; i < s->n; i++)
		if (s->slot[i].addr == addr)
			return;
	if (array_room(&s->slot, s->n, &s->room, sizeof *s->slot) < 0) {
		find->nomem = 1;
		return;
	}
	s->slot[s->n++] = (struct slot){ .addr = addr, .value = value, .function = function,
		.kind = kind, .sampled = sampled, .file = f };
}

/* Returns the function that a word leads to: through a wrapper, or itself. */
static uint64_t
behind(const struct finder *find, uint64_t value)
{
	uint64_t function = find->behind(find->ctx, value);

	return function ? function : value;
}

static int
is_code(const struct slots *s, uint64_t addr)
{
	for (const struct slots_file *f = s->file; f; f = f->next)
		if (addr >= f->start && addr < f->end)
			return 1;
	return 0;
}

/*
 * A slot that is not bound yet leads into the file's own table of jumps; one that is not
 * relocated yet leads nowhere.  Returns how many of those there are.
 */
static size_t
add_wanted(struct finder *find, const struct slots_file *f)
{
	size_t early = 0;

	for (size_t i = 0; i < f->nwanted; i++) {
		const struct wanted *w = &f->wanted[i];
		uint64_t value, function;

		if (proc_read(find->pid, w->slot, &value, sizeof value) < 0)
			continue;
		function = behind(find, value);
		if (function >= f->start && function < f->end && kind_at(find->s, function) < 0)
			function = definition(find->s, w->function);
		if (kind_at(find->s, function) >= 0 || is_code(find->s, function))
			add(find, f, w->slot, value, function, functions[w->function].kind);
		else
			early++;
	}
	return early;
}

static void
add_values(struct finder *find, const struct slots_file *f)
{
	uint64_t word[WORDS];

	for (size_t i = 0; i < GOTS; i++)
		for (uint64_t at = f->got[i].start; at < f->got[i].end; at += sizeof word) {
			uint64_t n = (f->got[i].end - at) / sizeof *word;

			n = n < WORDS ? n : WORDS;
			if (proc_read(find->pid, at, word, n * sizeof *word) < 0)
				break;
			for (uint64_t j = 0; j < n; j++) {
				uint64_t function = behind(find, word[j]);
				int kind = kind_at(find->s, function);

				if (kind >= 0)
					add(find, f, at + j * sizeof *word, word[j], function,
					    (uint32_t)kind);
			}
		}
}

static int
is_needed(const struct slots *s, const struct slots_file *f)
{
	const char *name = elf_file_soname(f->elf);

	for (const struct slots_file *by = s->file; by; by = by->next)
		if (by->permanent && elf_file_needs(by->elf, name ? name : f->name))
			return 1;
	return 0;
}

/* Find the files that are there from the beginning to the end. */
static void
find_permanent(const struct finder *find)
{
	char path[64];
	struct stat st;
	int more = 1;

	snprintf(path, sizeof path, "/proc/%d/exe", (int)find->pid);
	if (stat(path, &st) < 0)
		return;
	while (more) {
		more = 0;
		for (struct slots_file *f = find->s->file; f; f = f->next)
			if (!f->permanent && (f->ino == st.st_ino || is_needed(find->s, f)))
				f->permanent = more = 1;
	}
}

const char *
slots_find(struct slots *s, pid_t pid, int all, slots_behind *behind_wrapper, void *ctx)
{
	struct finder find = { s, pid, all, 0, behind_wrapper, ctx };

	if (proc_maps(pid, on_map, &find) < 0)
		return "its mappings cannot be read";
	find_permanent(&find);
	for (struct slots_file *f = s->file; f; f = f->next) {
		if (f->looks == 0)
			continue;
		f->looks--;
		if (!f->skip && add_wanted(&find, f) == 0)
			f->looks = 0;
		if (!f->skip && (f->rust || all))
			add_values(&find, f);
	}
	return find.nomem ? "out of memory" : NULL;
}

const char *
slots_lack(const struct slots *s)
{
	int allocates = 0, frees = 0;

	for (const struct slots_file *f = s->file; f; f = f->next)
		if (f->nameless)
			return "the allocator that is linked in has no names (stripped)";
	for (size_t i = 0; i < s->n; i++) {
		if (!s->slot[i].sampled)
			continue;
		allocates |= s->slot[i].kind != GATE_FREE;
		frees |= s->slot[i].kind == GATE_FREE;
	}
	return allocates && frees ? NULL : "its allocation functions are not called by slots";
}

/* ---- as they are now --------------------------------------------------- */

static void
on_page(void *ctx, const struct proc_map *map, const char *perms)
{
	struct slots *s = ctx;

	for (size_t i = 0; i < s->n; i++) {
		struct slot *slot = &s->slot[i];

		if (slot->addr < map->start || slot->addr >= map->end ||
		    slot->file->ino != map->ino || perms[3] != 'p')
			continue;
		slot->protection = (perms[0] == 'r' ? PROT_READ : 0U) |
		    (perms[1] == 'w' ? PROT_WRITE : 0U) | (perms[2] == 'x' ? PROT_EXEC : 0U);
	}
}

int
slots_check(struct slots *s, pid_t pid)
{
	for (size_t i = 0; i < s->n; i++)
		s->slot[i].protection = 0;
	return proc_all_maps(pid, on_page, s);
}

int
slot_is_permanent(const struct slot *slot)
{
	return slot->file->permanent;
}

int
slot_is_settled(const struct slot *slot, uint64_t value)
{
	return value == slot->function ||
	    (value >= slot->file->start && value < slot->file->end);
}

void
slots_clear(struct slots *s)
{
	for (struct slots_file *f = s->file, *next; f; f = next) {
		next = f->next;
		free_file(f);
	}
	free(s->slot);
	*s = (struct slots){ 0 };
}
