/*
 * Folded names: instances of one function, and the same function by several
 * compilers, become one name.
 */
#include "symbol/generic.h"

#include <string.h>

#include "tap.h"

static const struct {
	const char *name, *folded;
} cases[] = {
	/* of types, v0 and legacy */
	{ "<alloc::vec::Vec<my::T>>::push", "Vec<_>::push" },
	{ "<alloc::vec::Vec<u8, alloc::alloc::Global>>::push", "Vec<_>::push" },
	{ "alloc::vec::Vec<T,A>::push", "Vec<_>::push" },
	{ "<server::conn::Conn>::read", "Conn::read" },
	{ "server::conn::Conn::read", "Conn::read" },
	{ "<server::Conn>::read::{closure#0}", "Conn::read::{closure}" },
	{ "server::Conn::read::{{closure}}", "Conn::read::{closure}" },
	{ "<str>::trim", "str::trim" },
	{ "core::str::<impl str>::trim", "str::trim" },
	{ "<[u8]>::to_vec", "[_]::to_vec" },
	{ "alloc::slice::<impl [T]>::to_vec", "[_]::to_vec" },
	{ "<dyn server::Job + core::marker::Send>::name", "dyn Job + Send::name" },
	/* of traits */
	{ "<my::T as core::fmt::Display>::fmt", "<T as Display>::fmt" },
	{ "my::<impl core::fmt::Display for my::Ty>::fmt", "<Ty as Display>::fmt" },
	{ "core::fmt::num::<impl core::fmt::Display for u32>::fmt",
	    "<u32 as Display>::fmt" },
	{ "<T as core::convert::Into<U>>::into", "<_ as Into<_>>::into" },
	{ "<&mut my::Conn as std::io::Read>::read", "<&mut Conn as Read>::read" },
	{ "<&'a my::Conn as my::Read>::read", "<&'a Conn as Read>::read" },
	{ "<(a::A, b::B) as my::Pair>::swap", "<(A, B) as Pair>::swap" },
	{ "<fn(a::A) -> b::B as my::Call>::call", "<fn(A) -> B as Call>::call" },
	{ "<my::Map<I, fn(u8) -> u8> as core::iter::Iterator>::next",
	    "<Map<_> as Iterator>::next" },
	{ "<alloc::boxed::Box<dyn FnOnce<()> + Send> as FnOnce<()>>::call_once",
	    "<Box<_> as FnOnce<_>>::call_once" },
	{ "<my::run::{closure#0} as core::ops::function::FnOnce<()>>::call_once::{shim:vtable#0}",
	    "<run::{closure} as FnOnce<_>>::call_once::{shim:vtable}" },
	{ "<I as core::iter::traits::collect::IntoIterator>::into_iter",
	    "<_ as IntoIterator>::into_iter" },
	{ "<<my::A as my::B>::C as my::D>::run", "<<A as B>::C as D>::run" },
	/* functions */
	{ "server::http::parse_header", "server::http::parse_header" },
	{ "core::ptr::drop_in_place::<my::T>", "core::ptr::drop_in_place" },
	{ "core::ptr::drop_in_place<my::T>", "core::ptr::drop_in_place" },
	{ "std::thread::spawn::<my::main::{closure#0}, ()>", "std::thread::spawn" },
	{ "my::f::<u8>::{closure#12}::{closure#0}", "my::f::{closure}::{closure}" },
	{ "core::ops::function::FnOnce::call_once{{vtable.shim}}",
	    "FnOnce::call_once{vtable.shim}" },
	{ "<usize as core::iter::traits::accum::Sum>::sum::<core::iter::Map<A, B>>",
	    "<usize as Sum>::sum" },
	{ "push<u8, alloc::alloc::Global>", "push" },
	{ "{impl#3}::fmt", "{impl}::fmt" },
	{ "main", "main" },
	{ "malloc", "malloc" },
	{ "server+0x1f3a2", "server+0x1f3a2" },
	{ "[unknown]", "[unknown]" },
	{ "", "" },
	/* C++ */
	{ "std::vector<int, std::allocator<int> >::push_back(int const&)",
	    "std::vector::push_back" },
	{ "ns::Map<int>::at(int const&) const", "Map<_>::at" },
	{ "my::parse.cold", "my::parse" },
	{ "<my::T as my::Read>::read.warm", "<T as Read>::read" },
	{ "my::parse::{closure#0}.cold", "my::parse::{closure}" },
	{ "quick_sort.constprop.0", "quick_sort" },
	{ "libthing.so+0x12", "libthing.so+0x12" },
	{ ".hidden", ".hidden" },
	{ "f(int, ...)", "f" },
	{ "(anonymous namespace)::helper(int)", "(anonymous namespace)::helper" },
	{ "operator new(unsigned long)", "operator new" },
	{ "ns::operator<<(std::ostream&, ns::T const&)", "ns::operator<<" },
	{ "Matrix::operator()(int, int)", "Matrix::operator()" },
	/* damaged */
	{ "<alloc::vec::Vec<my::T", "<alloc::vec::Vec<my::T" },
	{ "a::b<c", "a::b<c" },
	{ "{closure#0", "{closure}" },
	{ ">>>::x", ">>>::x" },
};

static void
is(const char *name, const char *folded)
{
	char out[4096];

	generic_of(out, sizeof out, name);
	if (!ok(strcmp(out, folded) == 0, "%s", name))
		printf("# got %s\n# not %s\n", out, folded);
}

static void
small_room(void)
{
	static const char name[] = "<alloc::vec::Vec<my::T> as core::clone::Clone>::clone";
	char out[40], whole[40];

	generic_of(whole, sizeof whole, name);
	for (size_t size = 1; size < sizeof out; size++) {
		memset(out, 'x', sizeof out);
		generic_of(out, size, name);
		if (strlen(out) >= size || strncmp(out, whole, strlen(out)) != 0 ||
		    out[size] != 'x')
			break;
		if (size == sizeof out - 1)
			ok(1, "a name is cut where there is no room");
	}
}

static void
deep(void)
{
	static const char *const piece[] = { "<", "(", "[", "{", "a<", "<[", "<&[(", "::<" };
	char name[4096], out[4096];

	for (size_t i = 0; i < sizeof piece / sizeof *piece; i++) {
		name[0] = '\0';
		for (size_t n = 0; n + 8 < sizeof name; n += strlen(piece[i]))
			strcpy(name + n, piece[i]);
		generic_of(out, sizeof out, name);
		ok(strlen(out) <= strlen(name), "%s and so on", piece[i]);
	}
}

int
main(void)
{
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		is(cases[i].name, cases[i].folded);
	small_room();
	deep();
	return tap_done();
}
