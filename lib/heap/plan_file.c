#include "heap/plan_file.h"

#include <stdio.h>
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
#include "heap/rust_stubs.h"
#include "os/proc.h"
#include "unwind/mapping.h"

#define COUNT(a) (sizeof a / sizeof *a)

/* ---- functions that allocate ------------------------------------------- */

#define ALLOC(size) HEAP_SHAPE(HEAP_ALLOC, 0, size, 0)
#define CALLOC HEAP_SHAPE(HEAP_ALLOC, 0, 2, 1)
#define REALLOC(size) HEAP_SHAPE(HEAP_REALLOC, 1, size, 0)
#define MEMALIGN HEAP_SHAPE(HEAP_MEMALIGN, 1, 3, 0)
#define FREE HEAP_SHAPE(HEAP_FREE, 1, 0, 0)

/* Functions of each layer; jemalloc's may have a prefix. */
static const struct plan_function functions[] = {
	{ PLAN_LIBC, "malloc", ALLOC(1) },
	{ PLAN_LIBC, "calloc", CALLOC },
	{ PLAN_LIBC, "realloc", REALLOC(2) },
	{ PLAN_LIBC, "posix_memalign", MEMALIGN },
	{ PLAN_LIBC, "aligned_alloc", ALLOC(2) },
	{ PLAN_LIBC, "memalign", ALLOC(2) },
	{ PLAN_LIBC, "free", FREE },
	{ PLAN_JEMALLOC, "malloc", ALLOC(1) },
	{ PLAN_JEMALLOC, "mallocx", ALLOC(1) },
	{ PLAN_JEMALLOC, "calloc", CALLOC },
	{ PLAN_JEMALLOC, "realloc", REALLOC(2) },
	{ PLAN_JEMALLOC, "rallocx", REALLOC(2) },
	{ PLAN_JEMALLOC, "posix_memalign", MEMALIGN },
	{ PLAN_JEMALLOC, "aligned_alloc", ALLOC(2) },
	{ PLAN_JEMALLOC, "memalign", ALLOC(2) },
	{ PLAN_JEMALLOC, "sdallocx", FREE },
	{ PLAN_JEMALLOC, "dallocx", FREE },
	{ PLAN_JEMALLOC, "free", FREE },
	{ PLAN_MIMALLOC, "mi_malloc", ALLOC(1) },
	{ PLAN_MIMALLOC, "mi_zalloc", ALLOC(1) },
	{ PLAN_MIMALLOC, "mi_calloc", CALLOC },
	{ PLAN_MIMALLOC, "mi_realloc", REALLOC(2) },
	{ PLAN_MIMALLOC, "mi_malloc_aligned", ALLOC(1) },
	{ PLAN_MIMALLOC, "mi_zalloc_aligned", ALLOC(1) },
	{ PLAN_MIMALLOC, "mi_realloc_aligned", REALLOC(2) },
	{ PLAN_MIMALLOC, "mi_posix_memalign", MEMALIGN },
	{ PLAN_MIMALLOC, "mi_free", FREE },
	{ PLAN_MIMALLOC, "mi_free_size", FREE },
	{ PLAN_MIMALLOC, "mi_free_size_aligned", FREE },
	{ PLAN_MIMALLOC, "mi_free_aligned", FREE },
};

/* Prefixes of jemalloc's functions. */
static const char *const prefixes[] = { "", "_rjem_", "je_" };

/* ---- reading a file ----------------------------------------------------- */

const unsigned char *
plan_file_code(const struct plan_file *f, uint64_t offset, size_t *len)
{
	const unsigned char *bytes = elf_file_bytes(f->elf, len);

	if (offset >= *len)
		return NULL;
	*len -= offset;
	return bytes + offset;
}

static int
is_stub(const struct plan_file *f, uint64_t offset)
{
	size_t len;
	const unsigned char *code = plan_file_code(f, offset, &len);
	long long target;

	return code && insn_stub(code, len, &target);
}

/* Record the __rust_* function number shim: defined at addr, or imported if that
 * is 0. */
static void
on_shim(struct plan_file *f, int shim, uint64_t addr)
{
	uint64_t offset;

	if (addr == 0) {
		f->wanted_shims |= 1U << shim;
		return;
	}
	if (elf_file_addr_to_offset(f->elf, addr, &offset) < 0)
		return;
	f->shims |= 1U << shim;
	f->shim.offset[shim] = offset;
	if (!is_stub(f, offset))
		f->with_body |= 1U << shim;
}

/* Returns whether name is a name of fn, with a prefix if it is jemalloc's. */
static int
is_named(const struct plan_function *fn, const char *name)
{
	if (fn->layer != PLAN_JEMALLOC)
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
add_entry(struct plan_file *f, const struct plan_function *fn, uint64_t offset)
{
	for (size_t i = 0; i < f->nentry; i++)
		if (f->entry[i].function == fn && f->entry[i].offset == offset)
			return;
	if (array_room(&f->entry, f->nentry, &f->entry_room, sizeof *f->entry) < 0) {
		f->nomem = 1;
		return;
	}
	f->entry[f->nentry++] = (struct plan_entry){ .function = fn, .offset = offset };
}

/* Record a symbol that names an allocation function. */
static void
on_symbol(void *ctx, const char *table, const struct elf_file_symbol *symbol)
{
	struct plan_file *f = ctx;
	int shim = allocator_shim(symbol->name);
	uint64_t offset;

	(void)table;
	if (shim >= 0)
		on_shim(f, shim, symbol->addr);
	f->loads |= symbol->addr == 0 && strcmp(symbol->name, "dlopen") == 0;
	if (symbol->addr == 0 || elf_file_addr_to_offset(f->elf, symbol->addr, &offset) < 0)
		return;
	for (size_t i = 0; i < COUNT(functions); i++)
		if (is_named(&functions[i], symbol->name))
			add_entry(f, &functions[i], offset);
}

/* Record a slot for an imported allocation function. */
static void
on_slot(void *ctx, const char *name, uint64_t slot)
{
	struct plan_file *f = ctx;

	for (size_t i = 0; i < COUNT(functions); i++)
		if (is_named(&functions[i], name)) {
			if (f->nimport == COUNT(f->import))
				return;
			f->import[f->nimport].function = &functions[i];
			f->import[f->nimport++].slot = slot;
			return; /* a name that two have is libc's */
		}
}

/* Record a static probe of a sampler, if it can be used. */
static void
on_note(void *ctx, const struct usdt_note *note)
{
	struct plan_file *f = ctx;
	struct plan_usdt u = { .shape = HEAP_WEIGHED };
	const unsigned char *code;
	int n, want = 3;
	size_t len;

	if (strcmp(note->provider, PLAN_OTEL) != 0)
		return;
	if (strcmp(note->name, "free") == 0) {
		u.shape = HEAP_RELEASED;
		want = 1;
	} else if (strcmp(note->name, "alloc") != 0) {
		return;
	}
	n = usdt_args(note->args, u.arg, 3);
	if (n < want || f->nusdt == PLAN_USDTS ||
	    elf_file_addr_to_offset(f->elf, note->addr, &u.offset) < 0 ||
	    (note->semaphore &&
	        elf_file_addr_to_offset(f->elf, note->semaphore, &u.semaphore) < 0) ||
	    (code = plan_file_code(f, u.offset, &len)) == NULL || !insn_marks(code, len)) {
		f->bad_usdt = 1;
		return;
	}
	f->usdt[f->nusdt++] = u;
}

int
plan_file_samples(const struct plan_file *f)
{
	unsigned kinds = 0;

	for (size_t i = 0; i < f->nusdt; i++)
		kinds |= 1U << f->usdt[i].shape;
	return !f->bad_usdt && kinds == (1U << HEAP_WEIGHED | 1U << HEAP_RELEASED);
}

/* Returns the allocator whose strings the file contains, for one without
 * symbols. */
static const char *
find_hidden_allocator(const struct elf_file *elf)
{
	static const struct {
		const char *string, *name;
	} known[] = { { "<jemalloc>", "jemalloc" }, { "mimalloc: ", "mimalloc" } };
	struct elf_file_section data = elf_file_section(elf, ".rodata");

	for (size_t i = 0; i < COUNT(known) && data.bytes; i++)
		if (memmem(data.bytes, data.len, known[i].string,
		        strlen(known[i].string)))
			return known[i].name;
	return NULL;
}

static void
on_stub_row(void *ctx, const uint64_t offset[4])
{
	struct plan_file *f = ctx;

	if (array_room(&f->stub_row, f->nstub_row, &f->stub_row_room, sizeof *f->stub_row) < 0) {
		f->nomem = 1;
		return;
	}
	memcpy(f->stub_row[f->nstub_row++].offset, offset, sizeof f->stub_row->offset);
}

/* Read the symbols from the debug file that they were moved to by strip(1). */
static void
read_debug_file(struct plan_file *f, pid_t pid)
{
	char root[32] = "", name[DEBUGFILE_NAME];
	const struct debugfile_where w = { .root = root, .path = f->path };
	struct elf_file *debug;

	if (pid)
		snprintf(root, sizeof root, "/proc/%d/root", (int)pid);
	debug = debugfile_open(f->elf, &w, name);
	if (debug == NULL)
		return;
	elf_file_symbols(debug, on_symbol, f);
	f->symtab = elf_file_has_symtab(debug);
	f->debug_path = f->symtab ? strdup(name) : NULL;
	elf_file_close(debug);
}

/* Read all there is to know about the file. */
static void
read_file(struct plan_file *f, pid_t pid)
{
	elf_file_symbols(f->elf, on_symbol, f);
	got_slots(f->elf, on_slot, f);
	usdt_notes(f->elf, on_note, f);
	f->symtab = elf_file_has_symtab(f->elf);
	if (!f->symtab)
		read_debug_file(f, pid);
	f->rust = elf_file_is_rust(f->elf) || f->wanted_shims || f->shims;
	if (!f->rust)
		return;
	f->hidden = find_hidden_allocator(f->elf);
	if (!f->symtab && !f->shims && !f->wanted_shims)
		rust_stubs_find(f->elf, on_stub_row, f);
}

/* ---- files ------------------------------------------------------------- */

static void
set_fd(struct plan_file *f, int fd)
{
	f->fd = fd;
	snprintf(f->file, sizeof f->file, "/proc/self/fd/%d", fd);
}

struct plan_file *
plan_file_open(int fd, const char *path, pid_t pid)
{
	struct plan_file *f = calloc(1, sizeof *f);
	const char *error;
	struct stat st;

	if (f == NULL || (f->path = strdup(path)) == NULL || fstat(fd, &st) < 0 ||
	    (f->elf = elf_file_open(fd, &error)) == NULL) {
		close(fd);
		if (f)
			free(f->path);
		free(f);
		return NULL;
	}
	f->name = strrchr(f->path, '/') ? strrchr(f->path, '/') + 1 : f->path;
	f->dev = st.st_dev;
	f->ino = st.st_ino;
	set_fd(f, fd);
	read_file(f, pid);
	return f;
}

void
plan_file_release(struct plan_file *f)
{
	if (f->rust || f->nentry || f->nusdt)
		return;
	close(f->fd);
	f->fd = -1;
	f->file[0] = '\0';
}

int
plan_file_keep(struct plan_file *f, pid_t pid)
{
	struct proc_map map = { .start = f->map[0].start, .end = f->map[0].end, .ino = f->ino,
		.path = f->path };
	struct stat st;
	int fd;

	if (f->fd >= 0)
		return 0;
	if (pid == 0 || f->nmap == 0)
		return -1;
	fd = mapping_open(pid, &map);
	if (fd < 0)
		return -1;
	if (fstat(fd, &st) < 0 || st.st_dev != f->dev || st.st_ino != f->ino) {
		close(fd);
		return -1;
	}
	set_fd(f, fd);
	return 0;
}

void
plan_file_close(struct plan_file *f)
{
	elf_file_close(f->elf);
	if (f->fd >= 0)
		close(f->fd);
	free(f->path);
	free(f->debug_path);
	free(f->entry);
	free(f->stub_row);
	free(f);
}

int
plan_file_bias(const struct plan_file *f, uint64_t *bias)
{
	struct elf_file_segment s;

	for (size_t i = 0; f->nmap && elf_file_exec_segment(f->elf, i, &s) == 0; i++) {
		uint64_t len = f->map[0].end - f->map[0].start;

		if (s.offset + s.len <= f->map[0].offset || s.offset >= f->map[0].offset + len)
			continue;
		*bias = f->map[0].start - f->map[0].offset - (s.addr - s.offset);
		return 0;
	}
	return -1;
}

int
plan_file_has(const struct plan_file *f, enum plan_layer layer, const char *name)
{
	for (size_t i = 0; i < f->nentry; i++)
		if (f->entry[i].function->layer == layer &&
		    strcmp(f->entry[i].function->name, name) == 0)
			return 1;
	return 0;
}

enum plan_layer
plan_file_allocator(const struct plan_file *f)
{
	if (plan_file_has(f, PLAN_JEMALLOC, "mallocx"))
		return PLAN_JEMALLOC;
	return plan_file_has(f, PLAN_MIMALLOC, "mi_malloc") ? PLAN_MIMALLOC : PLAN_LIBC;
}
