#include "symbol/category.h"

#include <stddef.h>
#include <string.h>

#include "symbol/srcpath.h"

/*
 * Tables assign categories to crates, to functions without a crate, and to
 * modules, the first match winning.  A method in "<type as trait>::method"
 * belongs to the crate of the type or of the trait, whichever may implement
 * it: tables of blanket implementations and provided methods decide for the
 * traits of std.  Crates in no table are told apart by their source path.
 */

enum category_number {
	CATEGORY_USER,
	CATEGORY_DEP,
	CATEGORY_STD,
	CATEGORY_ALLOC,
	CATEGORY_RUNTIME,
	CATEGORY_LIBC,
	CATEGORY_KERNEL,
	CATEGORY_OTHER,
	CATEGORY_N
};

static const char *const words[CATEGORY_N] = {
	"user", "dep", "std", "alloc", "runtime", "libc", "kernel", "other"
};

/* ---- tables ------------------------------------------------------------- */

struct entry {
	const char *name;
	enum category_number category;
};

/* Crates.  One that std is built from may also be a dependency (SHARED): its source path
 * decides. */
#define SHARED CATEGORY_N

static const struct entry crates[] = {
	{ "alloc", CATEGORY_STD },
	{ "compiler_builtins", CATEGORY_STD },
	{ "core", CATEGORY_STD },
	{ "panic_abort", CATEGORY_STD },
	{ "panic_unwind", CATEGORY_STD },
	{ "proc_macro", CATEGORY_STD },
	{ "rustc_std_workspace_alloc", CATEGORY_STD },
	{ "rustc_std_workspace_core", CATEGORY_STD },
	{ "std", CATEGORY_STD },
	{ "std_detect", CATEGORY_STD },
	{ "unwind", CATEGORY_STD },
	{ "addr2line", SHARED },
	{ "adler", SHARED },
	{ "adler2", SHARED },
	{ "gimli", SHARED },
	{ "hashbrown", SHARED },
	{ "memchr", SHARED },
	{ "miniz_oxide", SHARED },
	{ "object", SHARED },
	{ "rustc_demangle", SHARED },
	{ "jemalloc_sys", CATEGORY_ALLOC },
	{ "jemallocator", CATEGORY_ALLOC },
	{ "libmimalloc_sys", CATEGORY_ALLOC },
	{ "mimalloc", CATEGORY_ALLOC },
	{ "rpmalloc", CATEGORY_ALLOC },
	{ "snmalloc", CATEGORY_ALLOC },
	{ "snmalloc_rs", CATEGORY_ALLOC },
	{ "tcmalloc", CATEGORY_ALLOC },
	{ "tikv_jemalloc_sys", CATEGORY_ALLOC },
	{ "tikv_jemallocator", CATEGORY_ALLOC },
	{ "async_executor", CATEGORY_RUNTIME },
	{ "async_global_executor", CATEGORY_RUNTIME },
	{ "async_io", CATEGORY_RUNTIME },
	{ "async_std", CATEGORY_RUNTIME },
	{ "async_task", CATEGORY_RUNTIME },
	{ "blocking", CATEGORY_RUNTIME },
	{ "crossbeam_deque", CATEGORY_RUNTIME },
	{ "futures", CATEGORY_RUNTIME },
	{ "futures_channel", CATEGORY_RUNTIME },
	{ "futures_core", CATEGORY_RUNTIME },
	{ "futures_executor", CATEGORY_RUNTIME },
	{ "futures_lite", CATEGORY_RUNTIME },
	{ "futures_task", CATEGORY_RUNTIME },
	{ "futures_util", CATEGORY_RUNTIME },
	{ "mio", CATEGORY_RUNTIME },
	{ "rayon", CATEGORY_RUNTIME },
	{ "rayon_core", CATEGORY_RUNTIME },
	{ "smol", CATEGORY_RUNTIME },
	{ "threadpool", CATEGORY_RUNTIME },
	{ "tokio", CATEGORY_RUNTIME },
	{ "tokio_stream", CATEGORY_RUNTIME },
	{ "tokio_util", CATEGORY_RUNTIME },
};

/* Functions without a crate, in any module; a '*' at the end stands for anything. */
static const struct entry functions[] = {
	{ "__rust_alloc", CATEGORY_ALLOC },
	{ "__rust_alloc_zeroed", CATEGORY_ALLOC },
	{ "__rust_dealloc", CATEGORY_ALLOC },
	{ "__rust_realloc", CATEGORY_ALLOC },
	{ "__rust_no_alloc_shim_is_unstable*", CATEGORY_ALLOC },
	{ "__rdl_*", CATEGORY_ALLOC },
	{ "__rg_*", CATEGORY_ALLOC },
	{ "__rust_*", CATEGORY_STD },
	{ "rust_begin_unwind", CATEGORY_STD },
	{ "rust_eh_personality", CATEGORY_STD },
	{ "rust_oom", CATEGORY_STD },
	{ "rust_panic", CATEGORY_STD },
	{ "_rjem_*", CATEGORY_ALLOC },
	{ "rjem_*", CATEGORY_ALLOC },
	{ "je_*", CATEGORY_ALLOC },
	{ "jemalloc_*", CATEGORY_ALLOC },
	{ "mi_*", CATEGORY_ALLOC },
	{ "_mi_*", CATEGORY_ALLOC },
	{ "tc_malloc*", CATEGORY_ALLOC },
	{ "operator new*", CATEGORY_ALLOC },
	{ "operator delete*", CATEGORY_ALLOC },
	{ "malloc", CATEGORY_ALLOC },
	{ "calloc", CATEGORY_ALLOC },
	{ "realloc", CATEGORY_ALLOC },
	{ "reallocarray", CATEGORY_ALLOC },
	{ "free", CATEGORY_ALLOC },
	{ "cfree", CATEGORY_ALLOC },
	{ "memalign", CATEGORY_ALLOC },
	{ "aligned_alloc", CATEGORY_ALLOC },
	{ "posix_memalign", CATEGORY_ALLOC },
	{ "valloc", CATEGORY_ALLOC },
	{ "pvalloc", CATEGORY_ALLOC },
	{ "malloc_usable_size", CATEGORY_ALLOC },
	{ "mallocx", CATEGORY_ALLOC },
	{ "rallocx", CATEGORY_ALLOC },
	{ "dallocx", CATEGORY_ALLOC },
	{ "sdallocx", CATEGORY_ALLOC },
	{ "xallocx", CATEGORY_ALLOC },
	/* inside glibc and musl */
	{ "__libc_malloc*", CATEGORY_ALLOC },
	{ "__libc_calloc*", CATEGORY_ALLOC },
	{ "__libc_realloc*", CATEGORY_ALLOC },
	{ "__libc_free*", CATEGORY_ALLOC },
	{ "__libc_memalign*", CATEGORY_ALLOC },
	{ "__malloc_*", CATEGORY_ALLOC },
	{ "_int_malloc*", CATEGORY_ALLOC },
	{ "_int_free*", CATEGORY_ALLOC },
	{ "_int_realloc*", CATEGORY_ALLOC },
	{ "_int_memalign*", CATEGORY_ALLOC },
	{ "_mid_memalign*", CATEGORY_ALLOC },
	{ "malloc_consolidate*", CATEGORY_ALLOC },
	{ "malloc_hook_ini", CATEGORY_ALLOC },
	{ "sysmalloc*", CATEGORY_ALLOC },
	{ "systrim*", CATEGORY_ALLOC },
	{ "tcache_*", CATEGORY_ALLOC },
	{ "unlink_chunk*", CATEGORY_ALLOC },
	{ "mmap_chunk", CATEGORY_ALLOC },
	{ "munmap_chunk", CATEGORY_ALLOC },
	{ "mremap_chunk", CATEGORY_ALLOC },
	/* libc in static executables */
	{ "__libc_*", CATEGORY_LIBC },
	{ "__pthread_*", CATEGORY_LIBC },
	{ "pthread_*", CATEGORY_LIBC },
	{ "_Unwind_*", CATEGORY_LIBC },
	{ "_start", CATEGORY_LIBC },
	{ "_start_c", CATEGORY_LIBC },
	{ "start_thread", CATEGORY_LIBC },
	{ "clone", CATEGORY_LIBC },
	{ "clone3", CATEGORY_LIBC },
	{ "__clone*", CATEGORY_LIBC },
	{ "__mem*", CATEGORY_LIBC },
	{ "__str*", CATEGORY_LIBC },
	{ "memchr", CATEGORY_LIBC },
	{ "memcmp", CATEGORY_LIBC },
	{ "memcpy", CATEGORY_LIBC },
	{ "memmove", CATEGORY_LIBC },
	{ "memset", CATEGORY_LIBC },
	{ "strdup", CATEGORY_LIBC },
	{ "strlen", CATEGORY_LIBC },
	{ "strndup", CATEGORY_LIBC },
};

/* Modules, without their directories. */
static const struct entry modules[] = {
	{ "[kernel]", CATEGORY_KERNEL },
	{ "[vdso]", CATEGORY_LIBC },
	{ "[vsyscall]", CATEGORY_LIBC },
	{ "[anon]", CATEGORY_OTHER },
	{ "memfd:rsprof-gate", CATEGORY_ALLOC },
	{ "libjemalloc.*", CATEGORY_ALLOC },
	{ "libmimalloc*", CATEGORY_ALLOC },
	{ "libtcmalloc*", CATEGORY_ALLOC },
	{ "libstd-*", CATEGORY_STD },
	{ "libc.so*", CATEGORY_LIBC },
	{ "libc-2.*", CATEGORY_LIBC },
	{ "libc.musl-*", CATEGORY_LIBC },
	{ "ld-*", CATEGORY_LIBC },
	{ "libdl.so*", CATEGORY_LIBC },
	{ "libdl-2.*", CATEGORY_LIBC },
	{ "libm.so*", CATEGORY_LIBC },
	{ "libm-2.*", CATEGORY_LIBC },
	{ "libpthread*", CATEGORY_LIBC },
	{ "librt.so*", CATEGORY_LIBC },
	{ "librt-2.*", CATEGORY_LIBC },
	{ "libgcc_s.*", CATEGORY_LIBC },
};

/* Traits with blanket implementations, all in the standard library. */
static const struct entry blanket[] = {
	{ "alloc::borrow::ToOwned", CATEGORY_STD },
	{ "alloc::slice::hack::ConvertVec", CATEGORY_STD },
	{ "alloc::string::Spec*", CATEGORY_STD },
	{ "alloc::string::ToString", CATEGORY_STD },
	{ "alloc::vec::*", CATEGORY_STD },
	{ "core::any::Any", CATEGORY_STD },
	{ "core::convert::Into*", CATEGORY_STD },
	{ "core::convert::TryInto*", CATEGORY_STD },
};

/* Provided methods of the standard library's traits.  A program's own version is recognised
 * by its source path. */
static const struct {
	const char *trait, *method;
} provided[] = {
	{ "core::fmt::Write", "write_fmt" },
	{ "core::iter::traits::iterator::Iterator", "chain" },
	{ "core::iter::traits::iterator::Iterator", "cloned" },
	{ "core::iter::traits::iterator::Iterator", "collect" },
	{ "core::iter::traits::iterator::Iterator", "enumerate" },
	{ "core::iter::traits::iterator::Iterator", "filter" },
	{ "core::iter::traits::iterator::Iterator", "for_each" },
	{ "core::iter::traits::iterator::Iterator", "map" },
	{ "core::iter::traits::iterator::Iterator", "partition" },
	{ "core::iter::traits::iterator::Iterator", "sum" },
	{ "core::iter::traits::iterator::Iterator", "unzip" },
	{ "std::io::Read", "read_to_end" },
	{ "std::io::Read", "read_to_string" },
	{ "std::io::Write", "write_all" },
	{ "std::io::Write", "write_fmt" },
};

#define SIZE(table) (sizeof(table) / sizeof(table)[0])

/* Returns whether a string matches a name of the tables. */
static int
fits(const char *s, size_t len, const char *pattern)
{
	size_t n = strlen(pattern);

	if (n > 0 && pattern[n - 1] == '*')
		return len >= n - 1 && memcmp(s, pattern, n - 1) == 0;
	return len == n && memcmp(s, pattern, n) == 0;
}

/* Returns the first entry that matches, or NULL. */
static const struct entry *
find_entry(const struct entry *table, size_t n, const char *s, size_t len)
{
	size_t i = 0;

	while (i < n && !fits(s, len, table[i].name))
		i++;
	return i < n ? &table[i] : NULL;
}

/* ---- names -------------------------------------------------------------- */

/* Part of a name. */
struct part {
	const char *s;
	size_t len;
};

static int
is_word(char c)
{
	return c == '_' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
	    (c >= 'A' && c <= 'Z') || (c & 0x80);
}

/* Skip a prefix if it is there. */
static const char *
skip(const char *s, const char *prefix)
{
	size_t n = strlen(prefix);

	return strncmp(s, prefix, n) == 0 ? s + n : s;
}

/* Skip what precedes the path of a type, as in "&mut dyn for<'a> my::T". */
static const char *
skip_marks(const char *s)
{
	const char *before;

	do {
		before = s;
		if (*s == '&' || *s == '<' || strncmp(s, "(dyn ", 5) == 0)
			s++;
		if (*s == '\'')
			s += 1 + strcspn(s + 1, " >");
		s = skip(s, " ");
		s = skip(skip(skip(s, "mut "), "dyn "), "impl ");
		if (strncmp(s, "for<", 4) == 0)
			s += strcspn(s, " ");
	} while (s != before);
	return s;
}

/* Returns the crate that a path begins with; empty if s is not a path. */
static struct part
crate_of(const char *s)
{
	struct part crate = { s, 0 };

	while (is_word(s[crate.len]))
		crate.len++;
	if (strncmp(s + crate.len, "::", 2) != 0)
		crate.len = 0;
	return crate;
}

/* Returns the bracket that closes the one at s, or the end.  Sets *as to the " as " between
 * them, or NULL. */
static const char *
find_closing(const char *s, const char **as)
{
	size_t depth = 0;

	*as = NULL;
	for (; *s; s++) {
		if (*s == '<' || *s == '(' || *s == '[')
			depth++;
		else if ((*s == '>' && s[-1] != '-') || *s == ')' || *s == ']')
			depth--;
		else if (depth == 1 && *as == NULL && strncmp(s, " as ", 4) == 0)
			*as = s;
		if (depth == 0)
			break;
	}
	return s;
}

/* The parts of "<type as trait>::method", of "<type>::method", or of a path. */
struct owner {
	struct part type, trait; /* their crates; empty if there are none */
	struct part method;
	const char *path; /* of the trait, "" if there is none */
	int bracket;      /* the name begins with one */
};

/* Split a function's name. */
static struct owner
parse(const char *name)
{
	struct owner o = { .path = "" };
	const char *end, *as;

	o.bracket = *name == '<';
	o.type = crate_of(skip_marks(name));
	if (!o.bracket)
		return o;
	end = find_closing(name, &as);
	if (as) {
		o.path = as + 4;
		o.trait = crate_of(o.path);
	}
	end = skip(end, ">::");
	o.method = (struct part){ end, 0 };
	while (is_word(end[o.method.len]))
		o.method.len++;
	return o;
}

static const struct entry *
find_crate(struct part crate)
{
	return find_entry(crates, SIZE(crates), crate.s, crate.len);
}

/* Returns how far a crate is from std.  A crate cannot implement traits of a higher layer. */
static int
layer(struct part crate)
{
	const struct entry *e = find_crate(crate);

	if (crate.len == 0 || (e && e->category == CATEGORY_STD))
		return 0;
	return e && e->category == SHARED ? 1 : 2;
}

/* Returns whether the method is a provided one of its trait. */
static int
is_provided(const struct owner *o)
{
	size_t i, n;

	for (i = 0; i < SIZE(provided); i++) {
		n = strlen(provided[i].trait);
		if (strncmp(o->path, provided[i].trait, n) == 0 &&
		    !is_word(o->path[n]) &&
		    fits(o->method.s, o->method.len, provided[i].method))
			return 1;
	}
	return 0;
}

/* Returns whether the method is of a global allocator, which may be the program's own. */
static int
is_allocator(const struct owner *o)
{
	return strncmp(o->path, "core::alloc::global::GlobalAlloc", 32) == 0 ||
	    strncmp(o->path, "alloc::alloc::GlobalAlloc", 25) == 0;
}

static size_t
path_length(const char *s)
{
	size_t n = 0;

	while (is_word(s[n]) || s[n] == ':')
		n++;
	return n;
}

/* Returns the crate that a method belongs to, the type's or the trait's. */
static struct part
owner_crate(const struct owner *o)
{
	if (o->trait.len == 0)
		return o->type;
	if (o->type.len == 0 || layer(o->type) < layer(o->trait) ||
	    find_entry(blanket, SIZE(blanket), o->path, path_length(o->path)) ||
	    is_provided(o))
		return o->trait;
	return o->type;
}

/* ---- crates ------------------------------------------------------------- */

/* Copy a string, or nothing if it does not fit. */
static void
set(char *out, size_t size, const char *s, size_t len)
{
	if (len >= size)
		len = 0;
	memcpy(out, s, len);
	out[len] = '\0';
}

/* The origin of a frame's code. */
struct origin {
	struct srcpath source;
	const char *file, *module;
	int exact; /* the line is known, so file is the function's own */
	const struct crates *named;
	struct category *out;
};

/* Set the crate from the source path, or else from the name. */
static void
set_crate(const struct origin *o, struct part crate)
{
	const struct srcpath_text *from_path = &o->source.crate;
	struct category *out = o->out;

	if (from_path->len && (o->exact || crate.len == 0))
		crate = (struct part){ from_path->s, from_path->len };
	set(out->crate, sizeof out->crate, crate.s, crate.len);
	for (char *p = out->crate; *p; p++)
		if (*p == '-')
			*p = '_';
}

/* Returns whether a crate is part of the standard library, and so has rustc's version. */
static int
is_std(const char *crate)
{
	const struct entry *e = find_entry(crates, SIZE(crates), crate, strlen(crate));

	return e && e->category == CATEGORY_STD;
}

static int
is_commit(const struct srcpath_text *t)
{
	return t->len == 40 && strspn(t->s, "0123456789abcdef") >= 40;
}

/* Set the version of the crate, if known. */
static void
set_version(const struct origin *o)
{
	const struct srcpath_text *v = &o->source.version;
	const char *named = NULL;

	if (o->out->crate[0] == '\0')
		return;
	if (!v->len || !o->exact)
		named = is_std(o->out->crate) ? crates_rustc(o->named, NULL, 0)
		                              : crates_version(o->named, o->out->crate);
	else if (o->source.kind == SRCPATH_STD)
		named = crates_rustc(o->named, v->s, v->len);
	if (named)
		set(o->out->version, sizeof o->out->version, named, strlen(named));
	else if (v->len && o->exact && is_commit(v))
		set(o->out->version, sizeof o->out->version, v->s, 9); /* as rustc -V */
	else if (v->len && o->exact)
		set(o->out->version, sizeof o->out->version, v->s, v->len);
}

static int
is_runtime(const char *crate)
{
	const struct entry *e = find_entry(crates, SIZE(crates), crate, strlen(crate));

	return e && e->category == CATEGORY_RUNTIME;
}

/* Returns the category of a crate that is in no table. */
static enum category_number
category_of_origin(const struct origin *o)
{
	if (o->source.kind != SRCPATH_DEP &&
	    crates_version(o->named, o->out->crate) == NULL)
		return CATEGORY_USER;
	return is_runtime(o->out->crate) ? CATEGORY_RUNTIME : CATEGORY_DEP;
}

/* ---- categories --------------------------------------------------------- */

/* Returns the category of a shared crate: std's if built with std or if there is no path. */
static enum category_number
category_of_shared(const struct origin *o)
{
	if (o->file == NULL || o->source.kind == SRCPATH_STD ||
	    strncmp(o->file, "/cargo/registry/", 16) == 0)
		return CATEGORY_STD;
	return o->source.kind == SRCPATH_DEP ? CATEGORY_DEP : CATEGORY_USER;
}

static enum category_number
category_of_crate(const struct owner *owner, struct part crate, const struct origin *o)
{
	const struct entry *e = find_crate(crate);

	if (e && e->category == SHARED)
		return category_of_shared(o);
	if (e && e->category != CATEGORY_RUNTIME)
		return e->category;
	/* std's traits provide this method for any type. */
	if (owner->trait.len && o->source.kind == SRCPATH_STD)
		return CATEGORY_STD;
	return e ? e->category : category_of_origin(o);
}

static int
is_rust(const char *file)
{
	size_t n = strlen(file);

	return n > 3 && strcmp(file + n - 3, ".rs") == 0;
}

static int
is_library(const char *module)
{
	const char *slash = strrchr(module, '/');

	return strstr(slash ? slash : module, ".so") != NULL;
}

/* Returns the category of a function without a crate: C, exported by Rust, or unnamed. */
static enum category_number
category_of_function(const char *name, const struct origin *o)
{
	const struct entry *e = find_entry(functions, SIZE(functions), name,
	    strcspn(name, "(@"));

	if (e)
		return e->category;
	if (o->source.kind == SRCPATH_STD)
		return CATEGORY_STD;
	if (is_library(o->module) && (o->file == NULL || !is_rust(o->file)))
		return CATEGORY_OTHER;
	return category_of_origin(o);
}

static const struct entry *
find_module(const char *module)
{
	const char *slash = module ? strrchr(module, '/') : NULL;

	if (slash)
		module = slash + 1;
	return module ? find_entry(modules, SIZE(modules), module, strlen(module)) : NULL;
}

/* Returns the category of a function in a known module.  libc contains an allocator. */
static enum category_number
category_of_module(const struct entry *e, const char *name)
{
	const struct entry *function;

	if (e->category != CATEGORY_LIBC || name == NULL)
		return e->category;
	function = find_entry(functions, SIZE(functions), name, strcspn(name, "@"));
	return function && function->category == CATEGORY_ALLOC ? CATEGORY_ALLOC : CATEGORY_LIBC;
}

/* Returns the category of a function in a Rust program or library, and sets the crate. */
static enum category_number
category_of_rust(const char *function, const struct origin *o)
{
	struct owner owner;
	struct part crate;

	function = skip(function, "__rustc::");
	owner = parse(function);
	crate = owner_crate(&owner);
	set_crate(o, crate);
	if (is_allocator(&owner))
		return CATEGORY_ALLOC;
	if (crate.len)
		return category_of_crate(&owner, crate, o);
	if (owner.bracket)
		return CATEGORY_STD; /* of a primitive type, or of any type */
	return category_of_function(function, o);
}

static enum category_number
find_category(const char *function, const struct origin *o)
{
	const struct entry *e = find_module(o->module);

	if (e && e->category != CATEGORY_STD)
		return category_of_module(e, function);
	if (e && (function == NULL || strstr(function, "+0x")))
		return e->category;
	if (o->module == NULL)
		return CATEGORY_OTHER;
	return category_of_rust(function ? function : "", o);
}

void
category_of(const struct category_frame *f, const struct crates *named, struct category *out)
{
	const char *file = f->file;
	struct origin o = { .file = file, .module = f->module, .exact = f->line != 0,
		.named = named, .out = out };
	srcpath_of(file ? file : "", &o.source);
	out->crate[0] = out->version[0] = '\0';
	out->word = words[find_category(f->function, &o)];
	set_version(&o);
}
