#include "allocator.h"

#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "obj.h"

#define COUNT(a) (sizeof a / sizeof *a)

static const char *const shims[] = {
	"__rust_alloc", "__rust_dealloc", "__rust_realloc", "__rust_alloc_zeroed"
};
#define ALL_SHIMS 15U

static const char *const functions[] = {
	"malloc", "calloc", "realloc", "posix_memalign", "aligned_alloc", "free"
};
#define MALLOC 1U
#define CALLOC 2U

/* Allocators that are linked into programs: a function of theirs, and a string
 * that they keep where they are stripped. */
static const struct kind {
	const char *name, *symbol[3], *string;
} kinds[] = {
	{ "jemalloc", { "_rjem_mallocx", "mallocx", "je_mallocx" }, "<jemalloc>" },
	{ "mimalloc", { "mi_malloc", "mi_malloc_aligned", "mi_free" }, "mimalloc: " },
};

#define KEEP "keep the symbol table: strip = \"debuginfo\" or \"none\" in Cargo.toml's profile"

/* ---- names ------------------------------------------------------------- */

/* Is it the last part of a v0 name: its length in decimal, an underscore
 * because it begins with one, itself?  What follows a point is LLVM's. */
static int
ends_v0(const char *symbol, const char *name)
{
	char part[64];
	size_t n = (size_t)snprintf(part, sizeof part, "%zu_%s", strlen(name), name);
	size_t len = strcspn(symbol, ".");

	return len > n && memcmp(symbol + len - n, part, n) == 0 &&
	    !isdigit((unsigned char)symbol[len - n - 1]);
}

/* The same of a legacy name: _ZN, parts with their lengths, the last of which
 * is a hash, E. */
static int
ends_legacy(const char *symbol, const char *name)
{
	const char *s = symbol + 3, *before = NULL, *last = NULL;
	size_t len = 0, before_len = 0;

	while (isdigit((unsigned char)*s)) {
		char *end;

		before = last;
		before_len = len;
		len = strtoul(s, &end, 10);
		last = end;
		if (len > strlen(end))
			return 0;
		s = end + len;
	}
	if (*s != 'E' || before == NULL || len != 17 || *last != 'h')
		return 0;
	/* A name that begins with an underscore may get one more. */
	if (before_len == strlen(name) + 1 && *before == '_') {
		before++;
		before_len--;
	}
	return before_len == strlen(name) && memcmp(before, name, before_len) == 0;
}

int
allocator_shim(const char *symbol)
{
	for (int i = 0; i < (int)COUNT(shims); i++)
		if (strcmp(symbol, shims[i]) == 0 ||
		    (strncmp(symbol, "_R", 2) == 0 && ends_v0(symbol, shims[i])) ||
		    (strncmp(symbol, "_ZN", 3) == 0 && ends_legacy(symbol, shims[i])))
			return i;
	return -1;
}

/* ---- looking ----------------------------------------------------------- */

struct seeing {
	struct allocator_look *look;
	const struct obj *obj;
};

/* Code that does nothing but jump elsewhere, perhaps through a frame of its
 * own: then everything that is allocated comes by. */
static int
is_stub(const struct obj *obj, uint64_t addr)
{
	static const unsigned char framed[] = { 0x55, 0x48, 0x89, 0xe5, 0x5d, 0xe9 };
	size_t len;
	const unsigned char *bytes = obj_bytes(obj, &len);
	uint64_t offset;

	if (obj_addr_to_offset(obj, addr, &offset) < 0 || offset > len ||
	    len - offset < 16)
		return 0;
	return bytes[offset] == 0xe9 || memcmp(bytes + offset, framed, sizeof framed) == 0;
}

static void
see_shim(const struct seeing *s, const char *table, int shim, uint64_t addr)
{
	unsigned bit = 1U << shim;

	if (addr == 0) {
		s->look->wanted |= bit;
		return;
	}
	s->look->shims |= bit;
	if (s->look->table == NULL)
		s->look->table = table;
	if (is_stub(s->obj, addr))
		s->look->stubs |= bit;
}

static void
see_symbol(void *ctx, const char *table, const struct obj_symbol *symbol)
{
	const struct seeing *s = ctx;
	struct allocator_look *l = s->look;
	int shim = allocator_shim(symbol->name);

	if (shim >= 0)
		see_shim(s, table, shim, symbol->addr);
	/* Imports have a version in .symtab, so .dynsym tells. */
	for (size_t i = 0; i < COUNT(functions); i++)
		if (strcmp(symbol->name, functions[i]) == 0) {
			if (symbol->addr && strcmp(table, ".symtab") == 0)
				l->local |= 1U << i;
			else if (symbol->addr)
				l->exports |= 1U << i;
			else
				l->imports |= 1U << i;
		}
	for (size_t i = 0; i < COUNT(kinds) && symbol->addr; i++)
		for (size_t j = 0; j < COUNT(kinds[i].symbol); j++)
			if (strcmp(symbol->name, kinds[i].symbol[j]) == 0)
				l->linked = kinds[i].name;
}

void
allocator_look(struct allocator_look *l, const struct obj *obj)
{
	struct seeing s = { l, obj };
	struct obj_section text = obj_section(obj, ".rodata");

	obj_symbols(obj, see_symbol, &s);
	l->symtab = obj_section(obj, ".symtab").len > 0;
	for (size_t i = 0; i < COUNT(kinds) && l->rust && l->linked == NULL; i++)
		if (text.bytes && memmem(text.bytes, text.len, kinds[i].string,
		                      strlen(kinds[i].string))) {
			l->linked = kinds[i].name;
			l->nameless = 1;
		}
}

/* ---- judging ----------------------------------------------------------- */

/* C libraries come last when names are looked up, wherever they are mapped. */
static int
is_libc(const char *file)
{
	return strncmp(file, "libc.", 5) == 0 || strncmp(file, "libc-", 5) == 0 ||
	    strncmp(file, "ld-", 3) == 0;
}

/* Whose malloc() another file's calls reach: that of the executable, else of a
 * library that replaces the C library's, else that one.  Which of several such
 * libraries it is, is not known by names.  NULL: nobody's. */
static const struct allocator_look *
malloc_of(const struct allocator_look *look, size_t n)
{
	const struct allocator_look *found = NULL;

	for (size_t i = 0; i < n; i++) {
		if (!(look[i].exports & MALLOC))
			continue;
		if (i == 0)
			return &look[i];
		if (found == NULL || (is_libc(found->file) && !is_libc(look[i].file)))
			found = &look[i];
	}
	return found;
}

/* The file that has the __rust_* functions which another one calls. */
static const struct allocator_look *
shims_of(const struct allocator_look *look, size_t n, const struct allocator_look *l)
{
	if (l->shims || !l->wanted)
		return l;
	for (size_t i = 0; i < n; i++)
		if (look[i].shims)
			return &look[i];
	return l;
}

static int
judge_imports(const struct allocator_look *look, size_t n,
    const struct allocator_look *l, char *why, size_t size, const char **remedy)
{
	const struct allocator_look *owner = malloc_of(look, n);

	if (owner == NULL) {
		snprintf(why, size, "%s calls malloc, but no file exports it", l->file);
		return 0;
	}
	/* Rust's own default needs calloc(), for zeroed memory. */
	if (l->rust && !(l->imports & CALLOC)) {
		snprintf(why, size, "%s calls malloc of %s, but not calloc, which Rust's "
		    "default does: it may have an allocator of its own", l->file,
		    owner->file);
		*remedy = l->symtab ? NULL : KEEP;
		return 0;
	}
	snprintf(why, size, "%s calls malloc and the like of %s%s%s%s", l->file,
	    owner->file, owner->linked ? " (" : "", owner->linked ? owner->linked : "",
	    owner->linked ? ")" : "");
	return 1;
}

/* Without any name that is known. */
static int
judge_nameless(const struct allocator_look *l, char *why, size_t size,
    const char **remedy)
{
	if (l->linked) {
		snprintf(why, size, "%s is linked into %s, but its symbols were "
		    "stripped", l->linked, l->file);
		*remedy = KEEP;
	} else if (l->shims) {
		snprintf(why, size, "%s has an allocator of its own in Rust, which is "
		    "inlined: at most a part of what it allocates could be seen",
		    l->file);
	} else if (!l->symtab) {
		snprintf(why, size, "%s is stripped, and allocates by no function of a "
		    "library", l->file);
		*remedy = KEEP;
	} else {
		snprintf(why, size, "%s has no function that is known to allocate",
		    l->file);
	}
	return 0;
}

/* Calls that the compiler has put in place of __rust_alloc's. */
static void
mention_shims(const struct allocator_look *l, char *why, size_t size)
{
	size_t len = strlen(why);

	if (l->shims)
		snprintf(why + len, size - len, "; its __rust_alloc is bypassed (LTO, "
		    "or a #[global_allocator])");
}

int
allocator_judge(const struct allocator_look *look, size_t n, size_t i, char *why,
    size_t size, const char **remedy)
{
	const struct allocator_look *l = &look[i], *owner = shims_of(look, n, l);
	int found = 1;

	*remedy = NULL;
	if (owner->shims == ALL_SHIMS && owner->stubs == ALL_SHIMS) {
		snprintf(why, size, "__rust_alloc, __rust_dealloc, __rust_realloc and "
		    "__rust_alloc_zeroed are jump stubs in %s (%s)", owner->file,
		    owner->table);
		return 1;
	}
	if (l->linked && !l->nameless)
		snprintf(why, size, "%s is linked into %s", l->linked, l->file);
	else if (l->linked)
		found = judge_nameless(l, why, size, remedy);
	else if ((l->local | l->exports) & MALLOC)
		snprintf(why, size, "malloc and the like are linked into %s", l->file);
	else if (l->imports & MALLOC)
		found = judge_imports(look, n, l, why, size, remedy);
	else
		found = judge_nameless(l, why, size, remedy);
	if (found)
		mention_shims(owner, why, size);
	return found;
}
