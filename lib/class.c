#include "class.h"

#include <stddef.h>
#include <string.h>

#define COUNT(a) (sizeof a / sizeof *a)

static int
begins(const char *s, const char *with)
{
	return strncmp(s, with, strlen(with)) == 0;
}

static const char *
base(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* ---- by the module ----------------------------------------------------- */

static int
is_libc(const char *module)
{
	static const char *const names[] = { "libc.", "libc-", "ld-linux", "ld-musl",
		"libm.", "libm-", "libpthread", "libdl.", "libdl-", "librt.", "librt-",
		"libgcc_s.", "[vdso]", "[vsyscall]" };
	const char *name = base(module);

	for (size_t i = 0; i < COUNT(names); i++)
		if (begins(name, names[i]))
			return 1;
	return 0;
}

/* ---- by the function --------------------------------------------------- */

int
class_allocates(const char *function)
{
	static const char *const names[] = { "malloc", "calloc", "realloc", "free",
		"posix_memalign", "aligned_alloc", "memalign", "valloc", "pvalloc",
		"mallocx", "rallocx", "sdallocx", "dallocx", "reallocarray" };
	static const char *const prefixes[] = { "__rust_alloc", "__rust_dealloc",
		"__rust_realloc", "__rdl_", "__rg_", "_rjem_", "je_", "mi_", "_mi_",
		"__libc_", "_int_" };

	for (size_t i = 0; i < COUNT(names); i++)
		if (strcmp(function, names[i]) == 0)
			return 1;
	for (size_t i = 0; i < COUNT(prefixes); i++)
		if (begins(function, prefixes[i]))
			return 1;
	return begins(function, "__rustc::__r");
}

/* The path that a name belongs to: of <T as trait>::f that of T, where T is
 * more than a parameter or a basic type, else the trait's. */
static const char *
owner(const char *name)
{
	const char *as, *own = name;

	while (*own == '<' || *own == '&' || *own == '*' || *own == '[' || *own == '(')
		own++;
	for (;;)
		if (begins(own, "mut "))
			own += 4;
		else if (begins(own, "dyn "))
			own += 4;
		else if (begins(own, "const "))
			own += 6;
		else
			break;
	as = strstr(own, " as ");
	if (as && memchr(own, ':', (size_t)(as - own)) == NULL)
		return as + 4;
	return own;
}

static const char *const std_crates[] = { "std::", "core::", "alloc::",
	"proc_macro::", "test::", "std_detect::", "panic_unwind::", "gimli::",
	"addr2line::", "rustc_demangle::", "miniz_oxide::" };

static const char *const runtimes[] = { "tokio", "rayon", "rayon_core",
	"futures_executor", "async_std", "async_executor", "async_io", "smol",
	"crossbeam_deque", "mio", "glommio", "monoio" };

static int
is_std_name(const char *name)
{
	for (size_t i = 0; i < 6; i++)
		if (begins(name, std_crates[i]))
			return 1;
	return begins(name, "rust_begin_unwind") || begins(name, "rust_panic") ||
	    begins(name, "rust_eh_personality");
}

static int
is_runtime_name(const char *name)
{
	for (size_t i = 0; i < COUNT(runtimes); i++)
		if (begins(name, runtimes[i]) && begins(name + strlen(runtimes[i]), "::"))
			return 1;
	return 0;
}

/* ---- by the source file ------------------------------------------------ */

/* Of the compiler's own sources, or crates that std is built with. */
static int
is_std_file(const char *file)
{
	static const char *const parts[] = { "/library/std/", "/library/core/",
		"/library/alloc/", "/library/panic_unwind/", "/library/test/",
		"/library/backtrace/", "/library/proc_macro/", "/library/stdarch/",
		"/rust/deps/", "/rustc/" };

	for (size_t i = 0; i < COUNT(parts); i++)
		if (strstr(file, parts[i]))
			return 1;
	return begins(file, "library/std/") || begins(file, "library/core/") ||
	    begins(file, "library/alloc/");
}

/* The crate's directory in a registry, a git checkout or among vendored ones;
 * NULL: it is in none. */
static const char *
crate_dir(const char *file)
{
	static const char *const parts[] = { "/registry/src/", "/git/checkouts/",
		"/cargo/registry/" };
	const char *at;

	for (size_t i = 0; i < COUNT(parts); i++)
		if ((at = strstr(file, parts[i]))) {
			at += strlen(parts[i]);
			/* The index, before the crate. */
			return i == 0 && strchr(at, '/') ? strchr(at, '/') + 1 : at;
		}
	at = strstr(file, "/vendor/");
	return at ? at + 8 : NULL;
}

static int
is_runtime_dir(const char *dir)
{
	for (size_t i = 0; i < COUNT(runtimes); i++) {
		size_t len = strlen(runtimes[i]), n = 0;

		/* Crates are spelled with hyphens, their names with underscores. */
		while (n < len && (dir[n] == runtimes[i][n] ||
		                      (dir[n] == '-' && runtimes[i][n] == '_')))
			n++;
		if (n == len && (dir[n] == '-' || dir[n] == '/'))
			return 1;
	}
	return 0;
}

/* ---- all of it --------------------------------------------------------- */

static int
is_library(const char *module)
{
	return strstr(base(module), ".so") != NULL;
}

const char *
class_of(const char *function, const char *file, const char *module)
{
	const char *own = function ? owner(function) : "", *dir;

	if (module && strcmp(module, "[kernel]") == 0)
		return "kernel";
	if (module == NULL || strcmp(module, "[anon]") == 0)
		return "other";
	if (function && class_allocates(function))
		return "alloc";
	if (module && is_libc(module))
		return "libc";
	if (file && is_std_file(file))
		return "std";
	dir = file ? crate_dir(file) : NULL;
	if (dir)
		return is_runtime_dir(dir) ? "runtime" : "dep";
	if (is_std_name(own))
		return "std";
	if (is_runtime_name(own))
		return "runtime";
	if (module && is_library(module) && strstr(own, "::") == NULL)
		return "other";
	return "user";
}
