/*
 * Names: Rust's two manglings as rustc's book and RFC 2603 give them, C++,
 * what is none of them, and hostile ones, which cost bounded time and space.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "symbol/demangle.h"
#include "tap.h"

static void
is(const char *symbol, const char *name)
{
	char out[DEMANGLE_MAX];

	demangle(out, sizeof out, symbol);
	if (!ok(strcmp(out, name) == 0, "%s", symbol))
		printf("# got %s\n# not %s\n", out, name);
}

static void
is_whole(const char *symbol, const char *name)
{
	char out[DEMANGLE_MAX];

	demangle_whole(out, sizeof out, symbol);
	if (!ok(strcmp(out, name) == 0, "%s, whole", symbol))
		printf("# got %s\n# not %s\n", out, name);
}

/* A number as RFC 2603 writes it: base 62, one less, and an underscore. */
static size_t
base62(char *out, size_t n)
{
	static const char digit[] =
	    "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
	char reversed[16];
	size_t len = 0, i = 0;

	if (n > 0) {
		n--;
		do
			reversed[i++] = digit[n % 62];
		while (n /= 62);
	}
	while (i > 0)
		out[len++] = reversed[--i];
	out[len++] = '_';
	return len;
}

/* a::f::<(u8, u8), (^, ^), (^, ^), ...>: each argument twice the one before,
 * by back references. */
static void
doubling(char *out, int levels)
{
	size_t len, at;

	len = (size_t)sprintf(out, "_RINvC1a1f");
	at = len - 2; /* back references count from behind "_R" */
	len += (size_t)sprintf(out + len, "ThhE");
	for (int i = 0; i < levels; i++) {
		size_t before = at;

		at = len - 2;
		out[len++] = 'T';
		for (int twice = 0; twice < 2; twice++) {
			out[len++] = 'B';
			len += base62(out + len, before);
		}
		out[len++] = 'E';
	}
	strcpy(out + len, "E");
}

static void
test_hostile(void)
{
	char symbol[1024], out[DEMANGLE_MAX], small[64];
	clock_t before = clock();

	doubling(symbol, 2);
	is(symbol, "a::f::<(u8, u8), ((u8, u8), (u8, u8)), "
	           "(((u8, u8), (u8, u8)), ((u8, u8), (u8, u8)))>");
	doubling(symbol, 40); /* would be some 10^13 bytes */
	for (int i = 0; i < 100; i++)
		demangle(out, sizeof out, symbol);
	ok(strlen(out) >= sizeof out - 5 &&
	        strcmp(out + strlen(out) - 3, "...") == 0,
	    "a name of %zu bytes is cut at %zu", strlen(symbol), strlen(out));
	ok(clock() - before < 20 * CLOCKS_PER_SEC, "and that costs little");
	demangle(small, sizeof small, symbol);
	ok(strlen(small) < sizeof small &&
	        strcmp(small + strlen(small) - 3, "...") == 0, "in a small buffer too");
	memset(symbol, 'Y', sizeof symbol - 1);
	memcpy(symbol, "_R", 2);
	symbol[sizeof symbol - 1] = '\0';
	demangle(out, sizeof out, symbol);
	ok(strcmp(out, symbol) == 0, "deep nesting without an end");
}

int
main(void)
{
	is("_ZN4core3fmt5Write9write_fmt17h0123456789abcdefE",
	    "core::fmt::Write::write_fmt");
	is("_ZN4core3fmt5Write9write_fmt17h0123456789abcdefE.llvm.1234",
	    "core::fmt::Write::write_fmt");
	is("_ZN71_$LT$Test$u20$$u2b$$u20$$u27$static$u20$as$u20$foo..Bar$LT$Test$GT"
	   "$$GT$3bar17h930b740aa94f1d3aE",
	    "<Test + 'static as foo::Bar<Test>>::bar");
	is("_ZN4main4main28_$u7b$$u7b$closure$u7d$$u7d$17h0123456789abcdefE",
	    "main::main::{{closure}}");
	is("_ZN3std6thread6Thread4join17hddd6ee66166e6e1dE", "std::thread::Thread::join");
	is("_ZN1a1b17h0000000000000000E.cold", "a::b.cold");
	is("_ZN1a1b17h0000000000000000E.llvm.12", "a::b");
	is("_ZN1a17h000000000000000gE", "a::h000000000000000g"); /* no hash: C++ */
	is_whole("_ZN1a28_$u7b$$u7b$closure$u7d$$u7d$17hddd6ee66166e6e1dE",
	    "a::{{closure}}::hddd6ee66166e6e1d");
	is_whole("_ZN1a1b17h0123456789abcdefE", "a::b::h0123456789abcdef");
	is("_RNvCs1234_7mycrate3foo", "mycrate::foo");
	is("_RNvCs1234_7___rustc12___rust_alloc", "__rustc::__rust_alloc");
	is("_RINvNtC3std3mem8align_ofjE", "std::mem::align_of::<usize>");
	is("_RNCNvC1a4main0", "a::main::{closure#0}");
	is("_RNvMC0INtC8arrayvec8ArrayVechKj7b_E3new",
	    "<arrayvec::ArrayVec<u8, 123>>::new");
	is("_RNvMC0INtC8arrayvec8ArrayVechKnn80000000000000000000000000000000_E3new",
	    "<arrayvec::ArrayVec<u8, -0x80000000000000000000000000000000>>::new");
	is("_RNvCs1234_7mycrate3foo.cold", "mycrate::foo.cold");
	is("_RNvCs1234_7mycrate3foo.llvm.9876543210ABCDEF.cold", "mycrate::foo.cold");
	is("_ZN4main4main17h0123456789abcdefE.1.llvm.12", "main::main.1");
	is_whole("_RNvMC0INtC8arrayvec8ArrayVechKj7b_E3new",
	    "<arrayvec[0]::ArrayVec<u8, 123usize>>::new");
	is_whole("_RINvC1a1fKb1_Kc62_E", "a[0]::f::<true, 'b'>");
	is("_ZN3foo3barEv", "foo::bar()");
	is("_ZNSt6vectorIiSaIiEE9push_backEOi",
	    "std::vector<int, std::allocator<int> >::push_back(int&&)");
	is("malloc", "malloc");
	is("_R", "_R");
	is("_ZN", "_ZN");
	is("", "");
	test_hostile();
	return tap_done();
}
