#include "symbol/symbol.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>

#include "base/array.h"
#include "elf/debugfile.h"
#include "elf/debuginfod.h"
#include "elf/dwarf.h"
#include "elf/elf_file.h"
#include "elf/minidebug.h"
#include "os/kallsyms.h"
#include "os/proc.h"
#include "symbol/cache_names.h"
#include "symbol/crates.h"
#include "symbol/perfmap.h"
#include "unwind/cache.h"
#include "unwind/mapping.h"
#include "unwind/starts.h"

/*
 * A module has one source of names: its ELF file, the kernel's symbols, the maps
 * of just-in-time compilers, or none.  Debug information is in the file or in a
 * separate one; it is sought only when the cache of earlier runs does not have
 * an offset, because reading it is what takes time.  A look-up fills frame[],
 * which grows and is reused, from raw (DWARF) or cached_frame (the cache).
 */
struct symbols {
	char *path;
	char *label;  /* last component of path, for module+offset */
	int absolute; /* offsets are addresses: the module has no file */
	struct elf_file *elf;
	char root[32]; /* /proc/PID/root where the file was found, or "" */
	struct debugfile_where where;
	struct elf_file *separate; /* file with its debug information or symbols, or NULL */
	char separate_path[DEBUGFILE_NAME]; /* "" if that is embedded in elf */
	struct dwarf *dwarf;
	int debug_searched;
	struct crates *crates;
	struct starts *starts; /* of functions, once one without a name is looked up */
	struct cache_names *cached; /* NULL: the module is not cached */
	struct symbol_options o;
	struct kallsyms *kernel;
	struct perfmap **jit; /* one per process, only for [anon] */
	size_t njit, jit_room;
	const char *problem;
	struct dwarf_frame raw[DWARF_DEPTH];
	struct cache_frame cached_frame[CACHE_NAMES_DEPTH];
	struct symbol_frame *frame;
	size_t room;
};

/* ---- finding the file -------------------------------------------------- */

/* Open a file if it is the one that was mapped.  Returns 0 or -1; then *why, unless it is
 * NULL or there is no such file, becomes what is wrong with the file. */
static int
open_mapped(struct symbols *s, const char *name, const char *buildid, const char **why)
{
	const char *error, *ignored;
	char id[ELF_FILE_BUILDID_MAX];

	if (why == NULL)
		why = &ignored;
	s->elf = elf_file_open_path(name, &error);
	if (s->elf == NULL) {
		if (errno == 0)
			*why = error;
		else if (errno != ENOENT)
			*why = mapping_refusal(errno);
		return -1;
	}
	elf_file_buildid(s->elf, id);
	if (buildid && strcmp(id, buildid) == 0)
		return 0;
	*why = "the file at its path is a different one (the build-id differs)";
	elf_file_close(s->elf);
	s->elf = NULL;
	return -1;
}

/* Open the file at a path that should be the module's, or set s->problem. */
static int
try_file(struct symbols *s, const char *name, const char *buildid)
{
	return open_mapped(s, name, buildid, &s->problem);
}

/* Find the file in the directories of another machine's files: below a directory by path, by
 * name, or by build-id. */
static int
find_in_dirs(struct symbols *s, const char *buildid)
{
	char name[8400];

	for (size_t i = 0; i < s->o.ndir; i++) {
		const char *dir = s->o.dir[i];

		snprintf(name, sizeof name, "%s%s", dir, s->path);
		if (try_file(s, name, buildid) == 0)
			return 0;
		snprintf(name, sizeof name, "%s/%s", dir, s->label);
		if (try_file(s, name, buildid) == 0)
			return 0;
		if (buildid == NULL || strlen(buildid) < 3)
			continue;
		snprintf(name, sizeof name, "%s/.build-id/%.2s/%s", dir, buildid, buildid + 2);
		if (try_file(s, name, buildid) == 0)
			return 0;
	}
	return -1;
}

/* Find the file through a process that maps it: by path in its mount namespace; by /proc/PID/exe,
 * which finds a deleted executable; by map_files, which finds a deleted library but needs
 * privileges. */
static int
find_in_process(struct symbols *s, const char *buildid, const struct symbol_user *u)
{
	char name[4200];
	int shown = u->pid > INT32_MAX ? 0 : (int)proc_shown((pid_t)u->pid);

	snprintf(s->root, sizeof s->root, "/proc/%d/root", shown);
	snprintf(name, sizeof name, "%s%s", s->root, s->path);
	if (try_file(s, name, buildid) == 0)
		return 0;
	snprintf(name, sizeof name, "/proc/%d/exe", shown);
	if (open_mapped(s, name, buildid, NULL) == 0)
		return 0;
	snprintf(name, sizeof name, "/proc/%d/map_files/%" PRIx64 "-%" PRIx64, shown, u->start,
	    u->end);
	return open_mapped(s, name, buildid, NULL);
}

/* Find the file on a server of debuginfod. */
static void
find_on_server(struct symbols *s, const char *buildid)
{
	char name[4200];

	if (buildid && buildid[0] != 'h' &&
	    debuginfod_find(DEBUGINFOD_EXECUTABLE, buildid, name, sizeof name) == 0)
		try_file(s, name, buildid);
}

/* Find the module's file, or set s->problem. */
static void
find_file(struct symbols *s, const char *buildid, const struct symbol_user *user,
    size_t nuser)
{
	s->problem = mapping_refusal(ENOENT);
	for (size_t i = 0; i < nuser; i++)
		if (find_in_process(s, buildid, &user[i]) == 0)
			return;
	s->root[0] = '\0';
	if (try_file(s, s->path, buildid) < 0 && find_in_dirs(s, buildid) < 0)
		find_on_server(s, buildid);
}

/* Returns the size of this process's own vDSO. */
static size_t
vdso_size(unsigned long addr)
{
	unsigned long start, end;
	char line[512];
	FILE *f = fopen("/proc/self/maps", "re");
	size_t size = 0;

	while (f && fgets(line, sizeof line, f))
		if (sscanf(line, "%lx-%lx", &start, &end) == 2 && start == addr)
			size = end - start;
	if (f)
		fclose(f);
	return size;
}

/* Use this process's vDSO, if it is the same. */
static void
find_vdso(struct symbols *s, const char *buildid)
{
	unsigned long addr = getauxval(AT_SYSINFO_EHDR);
	char id[ELF_FILE_BUILDID_MAX];
	const char *error;
	const void *image;

	memcpy(&image, &addr, sizeof image);
	s->elf = addr ? elf_file_image(image, vdso_size(addr), &error) : NULL;
	if (s->elf)
		elf_file_buildid(s->elf, id);
	if (s->elf && buildid && strcmp(id, buildid) == 0)
		return;
	s->problem = "it is of another kernel";
	elf_file_close(s->elf);
	s->elf = NULL;
}

/* Find debug information in the file or in a separate one, or set s->problem. */
static void
find_debug(struct symbols *s)
{
	struct dwarf_options o = { .memory = s->o.memory, .where = &s->where };

	s->debug_searched = 1;
	s->where = (struct debugfile_where){ .root = s->root, .path = s->path, .dir = s->o.dir,
		.ndir = s->o.ndir };
	s->dwarf = dwarf_open(s->elf, &o);
	if (s->dwarf)
		return;
	s->separate = debugfile_open(s->elf, &s->where, s->separate_path);
	if (s->separate == NULL)
		s->separate_path[0] = '\0';
	o.path = s->separate_path;
	s->dwarf = s->separate ? dwarf_open(s->separate, &o) : NULL;
	if (s->dwarf)
		return;
	if (s->separate == NULL && !elf_file_has_symtab(s->elf))
		s->separate = minidebug_open(s->elf);
	if (elf_file_has_symtab(s->elf) || (s->separate && elf_file_has_symtab(s->separate)))
		s->problem = "it has no debug information: no lines, no inlined calls";
	else
		s->problem = "it is stripped: only names of exported functions are known";
}

/* Get the cache key of the file.  Returns -1 if it is not cached. */
static int
cache_key_of(const struct symbols *s, struct cache_key *key, char id[ELF_FILE_BUILDID_MAX])
{
	size_t size;

	if (s->o.cache == NULL || s->o.hashes || s->elf == NULL || s->path[0] != '/')
		return -1;
	elf_file_buildid(s->elf, id);
	elf_file_bytes(s->elf, &size);
	*key = (struct cache_key){ id, size, elf_file_owner(s->elf) };
	return 0;
}

static void
load_cached(struct symbols *s)
{
	char id[ELF_FILE_BUILDID_MAX];
	struct cache_key key;

	if (cache_key_of(s, &key, id) < 0)
		return;
	s->cached = cache_names_load(s->o.cache, &key);
	if (s->cached == NULL)
		s->cached = cache_names_new();
}

static void
save_cached(struct symbols *s)
{
	char id[ELF_FILE_BUILDID_MAX];
	struct cache_key key;

	if (s->cached && cache_key_of(s, &key, id) == 0)
		cache_names_save(s->o.cache, &key, s->cached);
	cache_names_free(s->cached);
}

/* Find the source of the module's names. */
static void
find_names(struct symbols *s, const char *buildid, const struct symbol_user *user,
    size_t nuser)
{
	if (strcmp(s->path, "[kernel]") == 0)
		s->kernel = kallsyms_open(buildid, s->o.kallsyms, &s->problem);
	else if (strcmp(s->path, "[vdso]") == 0)
		find_vdso(s, buildid);
	else if (s->path[0] == '/')
		find_file(s, buildid, user, nuser);
	if (s->elf == NULL)
		return;
	s->problem = NULL;
	if (s->path[0] == '/') {
		s->crates = crates_read(s->elf);
		load_cached(s);
	}
}

static struct symbols *
new_symbols(const char *path, const struct symbol_options *o)
{
	struct symbols *s = calloc(1, sizeof *s);
	const char *slash;

	if (s == NULL)
		return NULL;
	slash = strrchr(path, '/');
	s->o = *o;
	s->path = strdup(path);
	s->label = strdup(slash ? slash + 1 : path);
	s->room = 8;
	s->frame = calloc(s->room, sizeof *s->frame);
	if (s->path && s->label && s->frame)
		return s;
	symbols_close(s);
	return NULL;
}

struct symbols *
symbols_open(const char *path, const char *buildid, const struct symbol_user *user,
    size_t nuser, const struct symbol_options *o)
{
	struct symbols *s = new_symbols(path, o);

	if (s == NULL)
		return NULL;
	s->absolute = path[0] == '[' && strcmp(path, "[vdso]") != 0;
	find_names(s, buildid, user, nuser);
	for (size_t i = 0; i < nuser; i++)
		symbols_add_process(s, user[i].pid);
	return s;
}

void
symbols_add_process(struct symbols *s, uint64_t pid)
{
	if (strcmp(s->path, "[anon]") != 0 || pid > INT32_MAX ||
	    array_room(&s->jit, s->njit, &s->jit_room, sizeof(struct perfmap *)) < 0)
		return;
	s->jit[s->njit] = perfmap_open((pid_t)pid);
	s->njit += s->jit[s->njit] != NULL;
}

struct symbols *
symbols_of_file(const char *path, const struct symbol_options *o, const char **error)
{
	struct symbols *s = new_symbols(path, o);

	*error = "out of memory";
	if (s == NULL)
		return NULL;
	s->elf = elf_file_open_path(path, error);
	if (s->elf == NULL) {
		if (errno)
			*error = strerror(errno);
		symbols_close(s);
		return NULL;
	}
	find_debug(s);
	return s;
}

void
symbols_close(struct symbols *s)
{
	if (s == NULL)
		return;
	save_cached(s);
	dwarf_close(s->dwarf);
	crates_free(s->crates);
	starts_free(s->starts);
	elf_file_close(s->separate);
	elf_file_close(s->elf);
	kallsyms_close(s->kernel);
	for (size_t i = 0; i < s->njit; i++)
		perfmap_close(s->jit[i]);
	for (size_t i = 0; s->frame && i < s->room; i++)
		free(s->frame[i].whole);
	free(s->jit);
	free(s->path);
	free(s->label);
	free(s->frame);
	free(s);
}

const char *
symbols_problem(const struct symbols *s)
{
	return s->problem ? s->problem : s->dwarf ? dwarf_problem(s->dwarf) : NULL;
}

const struct crates *
symbols_crates(const struct symbols *s)
{
	return s->crates;
}

const char *
symbols_debug_path(const struct symbols *s)
{
	return s->separate_path[0] ? s->separate_path : NULL;
}

/* ---- looking up -------------------------------------------------------- */

/* Set a frame from a symbol, and from the location that DWARF has. */
static void
set_frame(struct symbols *s, struct symbol_frame *f, const char *symbol,
    const struct dwarf_frame *from)
{
	f->named = 1;
	demangle(f->function, sizeof f->function, symbol);
	if (s->o.hashes && f->whole == NULL)
		f->whole = malloc(sizeof f->function);
	if (f->whole)
		demangle_whole(f->whole, sizeof f->function, symbol);
	f->file = from->file;
	f->line = from->line;
	f->column = from->column;
}

static int
is_mangled(const char *symbol)
{
	return strncmp(symbol, "_Z", 2) == 0 || strncmp(symbol, "_R", 2) == 0;
}

/* Find the offset at which the function begins that has an offset.  Returns -1 if that is
 * not known. */
static int
find_start(struct symbols *s, uint64_t offset, uint64_t *start)
{
	uint64_t addr;

	if (s->elf == NULL || elf_file_offset_to_addr(s->elf, offset, &addr) < 0)
		return -1;
	if (s->starts == NULL)
		s->starts = starts_read(s->elf);
	return s->starts && starts_find(s->starts, addr, &addr) == 0
	    ? elf_file_addr_to_offset(s->elf, addr, start)
	    : -1;
}

/* Name a frame by where its function begins, so that all of it has one name. */
static void
name_by_offset(struct symbols *s, struct symbol_frame *f, uint64_t offset)
{
	uint64_t start;

	if (find_start(s, offset, &start) == 0)
		snprintf(f->function, sizeof f->function, "%s fn+0x%" PRIx64, s->label, start);
	else
		snprintf(f->function, sizeof f->function, "%s+0x%" PRIx64, s->label, offset);
	if (f->whole)
		strcpy(f->whole, f->function);
}

/* Name a frame that is not inlined.  A mangled symbol is better than DWARF's name, which may lack
 * the namespace.  One that is not mangled is used only if DWARF has no name: a C function may have
 * several symbols. */
static void
name_by_symbol(struct symbols *s, uint64_t addr, uint64_t offset,
    const struct dwarf_frame *from, struct symbol_frame *f)
{
	struct elf_file_symbol sym;
	int found = (s->separate && elf_file_symbol(s->separate, addr, &sym) == 0) ||
	    elf_file_symbol(s->elf, addr, &sym) == 0;

	if (found && (from->function == NULL || is_mangled(sym.name))) {
		set_frame(s, f, sym.name, from);
	} else if (from->function) {
		set_frame(s, f, from->function, from);
	} else {
		set_frame(s, f, "", from);
		f->named = 0;
		name_by_offset(s, f, offset);
	}
}

/* Make room for n frames. */
static int
reserve(struct symbols *s, size_t n)
{
	struct symbol_frame *f;

	if (n <= s->room)
		return 0;
	f = reallocarray(s->frame, n, sizeof *f);
	if (f == NULL)
		return -1;
	memset(f + s->room, 0, (n - s->room) * sizeof *f);
	s->frame = f;
	s->room = n;
	return 0;
}

/* Look up an address in the file.  Returns the number of frames. */
static size_t
lookup_file(struct symbols *s, uint64_t addr, uint64_t offset)
{
	static const struct dwarf_frame unknown;
	size_t n = 0;

	if (!s->debug_searched && s->path[0] == '/')
		find_debug(s);
	if (s->dwarf)
		n = dwarf_lookup(s->dwarf, addr, s->raw);
	if (n == 0)
		s->raw[n++] = unknown;
	if (reserve(s, n) < 0)
		n = s->room;
	for (size_t i = 0; i < n; i++) {
		const struct dwarf_frame *r = &s->raw[i];

		if (r->function == NULL || (i == n - 1 && !r->mangled))
			name_by_symbol(s, addr, offset, r, &s->frame[i]);
		else
			set_frame(s, &s->frame[i], r->function, r);
	}
	return n;
}

/* Look up an offset in the cache.  Returns the number of frames, 0 if it is not there. */
static size_t
lookup_cached(struct symbols *s, uint64_t offset)
{
	size_t n = s->cached ? cache_names_find(s->cached, offset, s->cached_frame) : 0;

	if (reserve(s, n) < 0)
		return 0;
	for (size_t i = 0; i < n; i++) {
		const struct cache_frame *from = &s->cached_frame[i];
		struct symbol_frame *f = &s->frame[i];

		f->named = from->function != NULL;
		if (f->named)
			snprintf(f->function, sizeof f->function, "%s", from->function);
		else
			name_by_offset(s, f, offset);
		f->file = from->file;
		f->line = from->line;
		f->column = from->column;
	}
	return n;
}

/* Add the frames of an offset to the cache, unless something was missing. */
static void
cache_frames(struct symbols *s, uint64_t offset, size_t n)
{
	if (s->cached == NULL || symbols_problem(s) || n > CACHE_NAMES_DEPTH)
		return;
	for (size_t i = 0; i < n; i++) {
		const struct symbol_frame *f = &s->frame[i];

		if (f->line > UINT32_MAX || f->column > UINT32_MAX)
			return;
		s->cached_frame[i] = (struct cache_frame){ f->named ? f->function : NULL, f->file,
			(uint32_t)f->line, (uint32_t)f->column };
	}
	cache_names_add(s->cached, offset, s->cached_frame, n);
}

/* Look up an address in the maps of just-in-time compilers.  The process is not known, so if
 * several have different names there it returns NULL. */
static const char *
find_jit(struct symbols *s, uint64_t addr)
{
	const char *found = NULL, *name;

	for (size_t i = 0; i < s->njit; i++) {
		name = perfmap_lookup(s->jit[i], addr);
		if (name && found && strcmp(name, found) != 0)
			return NULL;
		if (name)
			found = name;
	}
	return found;
}

/* Look up an offset in the kernel or in code of a just-in-time compiler, or name it by its
 * offset. */
static void
lookup_without_file(struct symbols *s, uint64_t offset)
{
	static const struct dwarf_frame unknown;
	struct symbol_frame *f = s->frame;
	const char *name = NULL;

	if (s->kernel)
		name = kallsyms_lookup(s->kernel, offset);
	else if (s->njit)
		name = find_jit(s, offset);
	set_frame(s, f, name ? name : s->absolute ? s->label : "", &unknown);
	f->named = f->function[0] != '\0';
	if (!f->named)
		name_by_offset(s, f, offset);
}

size_t
symbols_lookup(struct symbols *s, uint64_t offset,
    const struct symbol_frame **frame)
{
	size_t n = lookup_cached(s, offset);
	uint64_t addr;

	*frame = s->frame;
	if (n > 0)
		return n;
	if (s->elf && elf_file_offset_to_addr(s->elf, offset, &addr) == 0) {
		n = lookup_file(s, addr, offset);
		cache_frames(s, offset, n);
	} else {
		lookup_without_file(s, offset);
		n = 1;
	}
	*frame = s->frame;
	return n;
}

size_t
symbols_at(struct symbols *s, uint64_t addr, const struct symbol_frame **frame)
{
	size_t n = lookup_file(s, addr, addr);

	*frame = s->frame;
	return n;
}
