/* Allocation functions by name: rustc's spellings. */
#include <string.h>

#include "heap/allocator.h"
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

int
main(void)
{
	test_names();
	return tap_done();
}
