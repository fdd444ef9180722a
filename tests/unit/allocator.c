/* Allocation functions by name: rustc's spellings, and what follows of them. */
#include <string.h>

#include "allocator.h"
#include "tap.h"

#define COUNT(a) (sizeof a / sizeof *a)

static void
test_names(void)
{
	static const struct {
		const char *symbol;
		int shim;
	} names[] = {
		{ "__rust_alloc", 0 },
		{ "__rust_dealloc", 1 },
		{ "__rust_realloc", 2 },
		{ "__rust_alloc_zeroed", 3 },
		{ "_RNvCsfLfy6EI15iL_7___rustc12___rust_alloc", 0 },
		{ "_RNvCsfLfy6EI15iL_7___rustc14___rust_dealloc", 1 },
		{ "_RNvCsfLfy6EI15iL_7___rustc14___rust_realloc", 2 },
		{ "_RNvCsfLfy6EI15iL_7___rustc19___rust_alloc_zeroed", 3 },
		{ "_RNvCsfLfy6EI15iL_7___rustc12___rust_alloc.llvm.1234", 0 },
		{ "_ZN7__rustc12__rust_alloc17h0123456789abcdefE", 0 },
		{ "_ZN8___rustc13___rust_alloc17h0123456789abcdefE", 0 },
		{ "_ZN7__rustc19__rust_alloc_zeroed17h0123456789abcdefE", 3 },
		/* neighbours */
		{ "_RNvCsfLfy6EI15iL_7___rustc26___rust_alloc_error_handler", -1 },
		{ "_RNvCsfLfy6EI15iL_7___rustc35___rust_no_alloc_shim_is_unstable_v2", -1 },
		{ "_RNvCsfLfy6EI15iL_7___rustc11___rdl_alloc", -1 },
		{ "__rust_alloc_error_handler", -1 },
		{ "__rust_alloc2", -1 },
		{ "my__rust_alloc", -1 },
		{ "_RNvCs_3foo112___rust_alloc", -1 },
		{ "_RNvCs_3foo14my__rust_alloc", -1 },
		{ "_ZN3foo12__rust_alloc3bar17h0123456789abcdefE", -1 },
		/* not whole */
		{ "_ZN", -1 },
		{ "_ZN12__rust_alloc", -1 },
		{ "_ZN12__rust_allocE", -1 },
		{ "_ZN99999999999999999999999__rust_alloc17h0E", -1 },
		{ "_R12___rust_alloc", 0 },
		{ "_R", -1 },
		{ "", -1 },
	};

	for (size_t i = 0; i < COUNT(names); i++)
		ok(allocator_shim(names[i].symbol) == names[i].shim, "name \"%s\"",
		    names[i].symbol);
}

enum { MALLOC = 1, CALLOC = 2, FREE = 32, SHIMS = 15 };

#define LIBC { .file = "libc.so.6", .exports = MALLOC | CALLOC | FREE }

static void
judged(const struct allocator_look *look, size_t n, size_t i, int found,
    const char *part, const char *what)
{
	char why[1024];
	const char *remedy;

	ok(allocator_judge(look, n, i, why, sizeof why, &remedy) == found &&
	        strstr(why, part) != NULL,
	    "%s: %s", what, why);
}

static void
test_judging(void)
{
	const struct allocator_look stubs[] = { { .file = "a", .rust = 1,
		.shims = SHIMS, .stubs = SHIMS, .table = ".symtab",
		.imports = MALLOC | CALLOC }, LIBC };
	const struct allocator_look three[] = { { .file = "a", .rust = 1,
		.shims = SHIMS, .stubs = SHIMS - 1, .table = ".symtab",
		.imports = MALLOC | CALLOC }, LIBC };
	const struct allocator_look wants[] = { { .file = "a", .rust = 1,
		.wanted = SHIMS, .imports = 0 }, LIBC, { .file = "libstd.so", .rust = 1,
		.shims = SHIMS, .stubs = SHIMS, .table = ".dynsym" } };
	const struct allocator_look preload[] = { { .file = "a", .rust = 1,
		.imports = MALLOC | CALLOC }, LIBC, { .file = "libjemalloc.so.2",
		.exports = MALLOC | CALLOC | FREE, .linked = "jemalloc" } };
	const struct allocator_look launcher[] = { { .file = "rustc", .rust = 1,
		.exports = MALLOC | CALLOC | FREE, .linked = "jemalloc" },
		{ .file = "driver.so", .rust = 1, .imports = MALLOC | CALLOC,
		.shims = SHIMS, .stubs = 0 }, LIBC };
	const struct allocator_look bump[] = { { .file = "a", .rust = 1,
		.imports = MALLOC | FREE, .symtab = 1, .shims = SHIMS }, LIBC };
	const struct allocator_look nameless[] = { { .file = "a", .rust = 1,
		.imports = MALLOC | FREE, .linked = "mimalloc", .nameless = 1 }, LIBC };
	const struct allocator_look alone[] = { { .file = "a", .rust = 1 } };
	const struct allocator_look fixed[] = { { .file = "a", .rust = 1,
		.local = MALLOC | CALLOC | FREE, .symtab = 1 } };
	const struct allocator_look own[] = { { .file = "a", .rust = 1, .symtab = 1,
		.shims = SHIMS } };

	judged(stubs, 2, 0, 1, "are jump stubs in a (.symtab)", "all four are stubs");
	judged(three, 2, 0, 1, "of libc.so.6; its __rust_alloc is bypassed",
	    "one is not a stub");
	judged(wants, 3, 0, 1, "are jump stubs in libstd.so (.dynsym)",
	    "they are in another file");
	judged(preload, 3, 0, 1, "of libjemalloc.so.2 (jemalloc)",
	    "a library stands before the C library");
	judged(launcher, 3, 1, 1, "of rustc (jemalloc); its __rust_alloc is bypassed",
	    "the executable stands before it");
	judged(bump, 2, 0, 0, "not calloc", "malloc without calloc");
	judged(nameless, 2, 0, 0, "mimalloc is linked into a, but",
	    "its symbols were stripped");
	judged(alone, 1, 0, 0, "is stripped", "no names at all");
	judged(fixed, 1, 0, 1, "are linked into a", "a static program");
	judged(own, 1, 0, 0, "an allocator of its own in Rust", "Rust alone");
}

int
main(void)
{
	test_names();
	test_judging();
	return tap_done();
}
