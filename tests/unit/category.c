/*
 * Whose code a frame is: names as the toolchains of several years write them,
 * with their files and without.
 */
#include "symbol/category.h"

#include <stddef.h>
#include <string.h>

#include "tap.h"

#define RUSTC "/rustc/0123456789abcdef0123456789abcdef01234567/"
#define REGISTRY "/home/me/.cargo/registry/src/index.crates.io-6f17d22bba15001f/"

static const struct {
	const char *function, *file, *module, *class;
} cases[] = {
	{ "server::parse_header", "/home/me/server/src/parser.rs", "/srv/server", "user" },
	{ "server::parse_header", NULL, "/srv/server", "user" },
	{ "<server::Thing as core::fmt::Display>::fmt", NULL, "/srv/server", "user" },
	{ "server::main::{{closure}}", "src/main.rs", "/srv/server", "user" },
	{ "main", NULL, "/srv/server", "user" },
	{ "alloc::vec::Vec<T,A>::push",
	    "/rustc/59807616e1fa2540724bfbac14d7976d7e4a3860/library/alloc/src/vec/mod.rs",
	    "/srv/server", "std" },
	{ "alloc::raw_vec::finish_grow", NULL, "/srv/server", "std" },
	{ "<alloc::vec::Vec<T> as core::iter::FromIterator<T>>::from_iter", NULL,
	    "/srv/server", "std" },
	{ "<T as core::convert::Into<U>>::into", NULL, "/srv/server", "std" },
	{ "<&mut dyn core::fmt::Write as core::fmt::Write>::write_str", NULL,
	    "/srv/server", "std" },
	{ "core::ptr::drop_in_place<server::Thing>", NULL, "/srv/server", "std" },
	{ "push<u8>", "/usr/src/rustc-1.63.0/library/alloc/src/vec/mod.rs",
	    "/srv/server", "std" },
	{ "hashbrown::raw::RawTable<T>::reserve_rehash",
	    "/rust/deps/hashbrown-0.15.2/src/raw/mod.rs", "/srv/server", "std" },
	{ "hashbrown::map::HashMap<K,V>::insert",
	    "/root/.cargo/registry/src/index.crates.io-1949cf8c6b5b557f/"
	    "hashbrown-0.14.5/src/map.rs",
	    "/srv/server", "dep" },
	{ "tokio::runtime::task::raw::poll",
	    "/root/.cargo/registry/src/index.crates.io-1949cf8c6b5b557f/"
	    "tokio-1.40.0/src/runtime/task/raw.rs",
	    "/srv/server", "runtime" },
	{ "rayon_core::registry::WorkerThread::wait_until_cold",
	    "/home/me/vendor/rayon-core/src/registry.rs", "/srv/server", "runtime" },
	{ "tokio::runtime::task::raw::poll", NULL, "/srv/server", "runtime" },
	{ "serde::de::Deserialize::deserialize", "/home/me/vendor/serde/src/de.rs",
	    "/srv/server", "dep" },
	{ "regex::exec", "/root/.cargo/git/checkouts/regex-6f7/1a2b/src/exec.rs",
	    "/srv/server", "dep" },
	{ "__rust_alloc", NULL, "/srv/server", "alloc" },
	{ "__rustc::__rust_alloc", NULL, "/srv/server", "alloc" },
	{ "__rdl_alloc", "/rustc/x/library/std/src/alloc.rs", "/srv/server", "alloc" },
	{ "malloc", NULL, "/usr/lib/x86_64-linux-gnu/libc.so.6", "alloc" },
	{ "_rjem_mallocx", NULL, "/srv/server", "alloc" },
	{ "mi_malloc_aligned", NULL, "/usr/lib/libmimalloc.so.2", "alloc" },
	{ "clock_nanosleep", NULL, "/usr/lib/x86_64-linux-gnu/libc.so.6", "libc" },
	{ "libc.so.6+0x891f4", NULL, "/usr/lib/x86_64-linux-gnu/libc.so.6", "libc" },
	{ "__vdso_clock_gettime", NULL, "[vdso]", "libc" },
	{ "schedule", NULL, "[kernel]", "kernel" },
	{ "sqlite3_step", NULL, "/usr/lib/x86_64-linux-gnu/libsqlite3.so.0", "other" },
	{ NULL, NULL, NULL, "other" },
	{ "[unknown]", NULL, "[anon]", "other" },
};

/* Names alone, as of a release build. */
static const struct {
	const char *class;
	const char *function;
} names[] = {
	/* the program's own */
	{ "user", "server::parse_header" },
	{ "user", "server::main" },
	{ "user", "server::main::{{closure}}" },
	{ "user", "server::main::{closure#0}" },
	{ "user", "<server::Conn>::read" },
	{ "user", "server::conn::<impl server::Read for server::Conn>::read" },
	{ "user", "<server::Conn as core::clone::Clone>::clone" },
	{ "user", "<server::Conn as core::ops::drop::Drop>::drop" },
	{ "user", "<server::Lines as core::iter::traits::iterator::Iterator>::next" },
	{ "user", "<alloc::vec::Vec<u8> as server::Encode>::encode" },
	{ "user", "<alloc::boxed::Box<dyn server::Job> as server::Job>::run" },
	{ "user", "<&T as server::Encode>::encode" },
	{ "user", "<&mut server::Conn as std::io::Read>::read" },
	{ "user", "<dyn server::Job>::name" },
	{ "user", "<dyn for<'a> server::Job<'a> as core::fmt::Debug>::fmt" },
	{ "user", "<T as server::Encode>::encode" },
	{ "user", "<server::main::{closure#0} as core::ops::function::FnOnce<()>>::call_once" },
	{ "user",
	    "<server::a::{closure#0} as core::ops::function::FnOnce<()>>::call_once::{shim:vtable#0}" },
	{ "user", "<server::Map<fn(u8) -> u8> as server::Get>::get" },
	{ "user", "alloc_stats::report" },
	{ "user", "core_engine::start" },
	{ "user", "stdweb::start" },
	/* runtime frames of the standard library */
	{ "std", "alloc::raw_vec::finish_grow" },
	{ "std", "alloc::raw_vec::RawVec<T,A>::reserve::do_reserve_and_handle" },
	{ "std", "<alloc::raw_vec::RawVecInner>::finish_grow" },
	{ "std", "<alloc::raw_vec::RawVec<server::Item>>::grow_one" },
	{ "std", "alloc::vec::Vec<T,A>::push" },
	{ "std", "<alloc::vec::Vec<T> as core::clone::Clone>::clone" },
	{ "std", "<alloc::vec::Vec<server::Item>>::push" },
	{ "std", "<alloc::vec::Vec<server::Item> as core::clone::Clone>::clone" },
	{ "std", "<alloc::vec::Vec<T> as alloc::vec::spec_from_iter::SpecFromIter<T,I>>::from_iter" },
	{ "std", "alloc::alloc::exchange_malloc" },
	{ "std", "<alloc::alloc::Global as core::alloc::Allocator>::allocate" },
	{ "std", "alloc::boxed::Box<T>::new" },
	{ "std", "<alloc::string::String as core::clone::Clone>::clone" },
	{ "std", "alloc::fmt::format::format_inner" },
	{ "std", "<T as alloc::slice::hack::ConvertVec>::to_vec" },
	{ "std", "<server::Item as alloc::slice::hack::ConvertVec>::to_vec::<alloc::alloc::Global>" },
	{ "std", "<T as alloc::string::ToString>::to_string" },
	{ "std", "<server::Id as alloc::string::ToString>::to_string" },
	{ "std", "<server::Id as alloc::string::SpecToString>::spec_to_string" },
	{ "std", "<server::Id as core::convert::Into<alloc::string::String>>::into" },
	{ "std",
	    "<server::Lines as core::iter::traits::iterator::Iterator>::collect::<alloc::vec::Vec<u8>>" },
	{ "std", "core::iter::traits::iterator::Iterator::collect" },
	{ "std", "core::ptr::drop_in_place<server::Conn>" },
	{ "std", "core::ptr::drop_in_place::<alloc::vec::Vec<server::Conn>>" },
	{ "std", "core::ops::function::FnOnce::call_once" },
	{ "std", "core::ops::function::FnOnce::call_once{{vtable.shim}}" },
	{ "std",
	    "core::ops::function::impls::<impl core::ops::function::FnMut<A> for &mut F>::call_mut" },
	{ "std",
	    "<core::iter::adapters::map::Map<I,F> as core::iter::traits::iterator::Iterator>::fold" },
	{ "std", "<alloc::boxed::Box<F,A> as core::ops::function::FnOnce<Args>>::call_once" },
	{ "std", "<[server::Item]>::sort_by::<server::main::{closure#0}>" },
	{ "std", "<[server::Item] as core::fmt::Debug>::fmt" },
	{ "std", "<(server::Id, server::Item) as core::cmp::Ord>::cmp" },
	{ "user", "<[server::Item] as server::Encode>::encode" },
	{ "user", "<&(dyn server::Job + core::marker::Send) as server::Job>::run" },
	{ "std", "<[T] as alloc::borrow::ToOwned>::to_owned" },
	{ "std", "<*mut server::Item>::write_bytes" },
	{ "std", "<str>::replace::<char>" },
	{ "std", "<&T as core::fmt::Debug>::fmt" },
	{ "std", "<F as core::str::pattern::Pattern>::is_contained_in" },
	{ "std", "std::collections::hash::map::HashMap<K,V,S>::insert" },
	{ "std", "hashbrown::raw::RawTable<T,A>::reserve_rehash" },
	{ "std", "<hashbrown::raw::RawTable<server::Item>>::reserve_rehash" },
	{ "std", "std::rt::lang_start::{{closure}}" },
	{ "std", "std::sys_common::backtrace::__rust_begin_short_backtrace" },
	{ "std", "std::thread::Builder::spawn_unchecked_::{{closure}}" },
	{ "std", "__rust_begin_short_backtrace" },
	{ "std", "__rust_alloc_error_handler" },
	{ "std", "__rustc::rust_begin_unwind" },
	{ "std", "rust_eh_personality" },
	{ "std", "std::vector<int, std::allocator<int> >::push_back(int&&)" },
	/* allocators */
	{ "alloc", "__rust_alloc" },
	{ "alloc", "__rust_alloc_zeroed" },
	{ "alloc", "__rust_realloc" },
	{ "alloc", "__rustc::__rust_alloc" },
	{ "alloc", "__rustc::__rdl_alloc" },
	{ "alloc", "__rustc::__rust_no_alloc_shim_is_unstable_v2" },
	{ "alloc", "__rdl_realloc" },
	{ "alloc", "__rg_alloc" },
	{ "alloc", "malloc" },
	{ "alloc", "calloc" },
	{ "alloc", "posix_memalign@@GLIBC_2.2.5" },
	{ "alloc", "_int_malloc" },
	{ "alloc", "__libc_malloc_impl" },
	{ "alloc", "_rjem_je_arena_malloc_hard" },
	{ "alloc", "_rjem_mallocx" },
	{ "alloc", "je_malloc" },
	{ "alloc", "mi_malloc_aligned" },
	{ "alloc", "_mi_page_malloc" },
	{ "alloc", "operator new(unsigned long)" },
	{ "alloc", "<tikv_jemallocator::Jemalloc as core::alloc::global::GlobalAlloc>::alloc" },
	{ "alloc", "<server::Counting as core::alloc::global::GlobalAlloc>::alloc" },
	{ "alloc", "<std::alloc::System as core::alloc::global::GlobalAlloc>::realloc" },
	{ "alloc", "tikv_jemallocator::layout_to_flags" },
	{ "alloc", "tcmalloc::CentralFreeList::Populate()" },
	/* what runs the others */
	{ "runtime", "tokio::runtime::task::harness::Harness<T,S>::poll" },
	{ "runtime",
	    "<tokio::runtime::blocking::task::BlockingTask<T> as core::future::future::Future>::poll" },
	{ "runtime", "rayon_core::registry::ThreadBuilder::run" },
	{ "runtime", "<futures_util::stream::Map<S,F> as futures_core::stream::Stream>::poll_next" },
	{ "runtime", "<F as futures_core::future::TryFuture>::try_poll" },
	{ "runtime", "async_executor::Executor::run::{{closure}}" },
	{ "runtime", "smol::spawn" },
	{ "user", "<server::Task as futures_core::stream::Stream>::poll_next" },
	/* what is not a crate's */
	{ "libc", "_start" },
	{ "libc", "__libc_start_main" },
	{ "libc", "memcpy" },
	{ "libc", "__memmove_avx_unaligned_erms" },
	{ "libc", "start_thread" },
	{ "user", "SSL_read" },
	{ "user", "main" },
	{ "user", "libfoo.so+0x1f2" },
	{ "user", "[unknown]" },
	{ "user", "" },
	/* hardly names */
	{ "user", "<server::Broken as" },
	{ "std", "<" },
	{ "std", "<<<<<<<<" },
	{ "user", "::" },
	{ "user", ">" },
};

/* Where the file or the module tells more. */
static const struct {
	const char *class;
	const char *function, *file, *module;
} places[] = {
	{ "user", "server::main", "/home/me/server/src/main.rs", "/srv/server" },
	{ "user", "server::main", RUSTC "library/core/src/macros/mod.rs", "/srv/server" },
	{ "dep", "serde_json::to_string", REGISTRY "serde_json-1.0.1/src/ser.rs", "/srv/server" },
	{ "dep", "serde_json::to_string",
	    "/home/me/server/vendor/serde_json/src/ser.rs", "/srv/server" },
	{ "dep", "serde_json::to_string", "vendor/serde_json/src/ser.rs", "/srv/server" },
	{ "dep", "private::f",
	    "/home/me/.cargo/git/checkouts/private-1234/abc/src/lib.rs", "/srv/server" },
	{ "dep", "<server::T as serde::Serialize>::serialize",
	    REGISTRY "serde-1.0.1/src/ser.rs", "/srv/server" },
	{ "user", "<server::T as serde::Serialize>::serialize",
	    "/home/me/server/src/t.rs", "/srv/server" },
	{ "runtime", "<server::Task as futures_util::FutureExt>::map",
	    REGISTRY "futures-util-0.3.30/src/future/mod.rs", "/srv/server" },
	{ "runtime", "tokio::runtime::park",
	    REGISTRY "tokio-1.38.0/src/runtime/park.rs", "/srv/server" },
	{ "std", "alloc::vec::Vec<T,A>::push",
	    RUSTC "library/alloc/src/vec/mod.rs", "/srv/server" },
	{ "std", "<server::Lines as core::iter::traits::iterator::Iterator>::fold",
	    RUSTC "library/core/src/iter/traits/iterator.rs", "/srv/server" },
	{ "std", "push<u8, alloc::alloc::Global>",
	    "/home/me/.rustup/toolchains/stable/lib/rustlib/src/rust/library/alloc/src/vec/mod.rs",
	    "/srv/server" },
	{ "std", "drop_in_place<server::Conn>",
	    RUSTC "library/core/src/ptr/mod.rs", "/srv/server" },
	{ "user", "parse<u8>", "/home/me/server/src/parse.rs", "/srv/server" },
	{ "user", "rust_callback", "/home/me/server/src/ffi.rs", "/srv/server" },
	/* std is built of crates that others use as well */
	{ "std", "hashbrown::raw::RawTable<T,A>::reserve_rehash",
	    "/rust/deps/hashbrown-0.15.2/src/raw/mod.rs", "/srv/server" },
	{ "std", "hashbrown::raw::RawTable<T,A>::reserve_rehash",
	    "/cargo/registry/src/github.com-1ecc6299db9ec823/hashbrown-0.12.3/src/raw/mod.rs",
	    "/srv/server" },
	{ "std", "hashbrown::raw::RawTable<T,A>::reserve_rehash",
	    "/usr/src/rustc-1.63.0/vendor/hashbrown/src/raw/mod.rs", "/srv/server" },
	{ "dep", "hashbrown::raw::RawTable<T,A>::reserve_rehash",
	    REGISTRY "hashbrown-0.14.5/src/raw/mod.rs", "/srv/server" },
	{ "dep", "<hashbrown::map::HashMap<K,V> as core::clone::Clone>::clone",
	    REGISTRY "hashbrown-0.14.5/src/map.rs", "/srv/server" },
	/* C, and what crates bring of it */
	{ "dep", "ZSTD_compress",
	    REGISTRY "zstd-sys-2.0.10/zstd/lib/compress/zstd_compress.c", "/srv/server" },
	{ "other", "ZSTD_compress",
	    "/usr/src/zstd/lib/compress/zstd_compress.c", "/usr/lib/libzstd.so.1" },
	{ "libc", "qsort_r", NULL, "/usr/lib/x86_64-linux-gnu/libc.so.6" },
	{ "libc", "libc.so.6+0x1234", NULL, "/usr/lib/x86_64-linux-gnu/libc.so.6" },
	{ "libc", NULL, NULL, "/lib/ld-musl-x86_64.so.1" },
	{ "alloc", "malloc", NULL, "/usr/lib/x86_64-linux-gnu/libc.so.6" },
	{ "alloc", "sysmalloc", "./malloc/malloc.c", "/usr/lib/x86_64-linux-gnu/libc.so.6" },
	{ "alloc", "libjemalloc.so.2+0x99", NULL, "/usr/lib/libjemalloc.so.2" },
	{ "alloc", "arena_run", NULL, "/usr/lib/libmimalloc.so.2.1" },
	{ "alloc", "rsprof_gate_alloc_0", NULL, "/memfd:rsprof-gate" },
	{ "std", "libstd-0123456789abcdef.so+0x99", NULL, "/rust/lib/libstd-0123456789abcdef.so" },
	{ "alloc", "__rust_alloc", NULL, "/rust/lib/libstd-0123456789abcdef.so" },
	{ "user", "server+0x99", NULL, "/srv/server" },
	{ "other", "libcurl.so.4+0x99", NULL, "/usr/lib/libcurl.so.4" },
	{ "kernel", "do_syscall_64", NULL, "[kernel]" },
	{ "libc", "__vdso_clock_gettime", NULL, "[vdso]" },
	{ "other", "[anon]", NULL, "[anon]" },
	{ "other", NULL, NULL, NULL },
};

/* The crate and its version, by names and by paths. */
static const struct {
	const char *crate, *version;
	const char *function, *file;
	uint64_t line;
} crates_of[] = {
	{ "server", "", "server::main", "/home/me/server/src/main.rs", 7 },
	{ "server", "", "<server::T as core::fmt::Debug>::fmt", NULL, 0 },
	{ "serde", "1.0.1", "<server::T as serde::Serialize>::serialize",
	    REGISTRY "serde-1.0.1/src/ser.rs", 7 },
	{ "tokio_util", "0.7.11", "poll", REGISTRY "tokio-util-0.7.11/src/codec.rs", 7 },
	{ "regex", "a1b2c3d", "regex::exec",
	    "/root/.cargo/git/checkouts/regex-0c1d2e3f4a5b6c7d/a1b2c3d/src/exec.rs", 7 },
	{ "alloc", "012345678", "alloc::vec::Vec<T,A>::push",
	    RUSTC "library/alloc/src/vec/mod.rs", 7 },
	{ "core", "1.63.0", "push<u8>", "/usr/src/rustc-1.63.0/library/core/src/a.rs", 7 },
	{ "hashbrown", "0.15.2", "hashbrown::raw::RawTable<T,A>::reserve_rehash",
	    "/rust/deps/hashbrown-0.15.2/src/raw/mod.rs", 7 },
	/* a row without a line keeps the file of the one before */
	{ "server", "", "server::main", RUSTC "library/alloc/src/alloc.rs", 0 },
	{ "core", "", "<T as core::convert::Into<U>>::into", NULL, 0 },
	{ "", "", "main", "/home/me/server/src/main.rs", 7 },
	{ "", "", "server+0x99", NULL, 0 },
};

static void
check_crate(size_t i)
{
	const struct category_frame f = { crates_of[i].function, crates_of[i].file,
		"/srv/server", crates_of[i].line };
	struct category got;

	category_of(&f, NULL, &got);
	ok(strcmp(got.crate, crates_of[i].crate) == 0 &&
	        strcmp(got.version, crates_of[i].version) == 0,
	    "%s is of crate '%s' '%s' ('%s' '%s')", f.function, crates_of[i].crate,
	    crates_of[i].version, got.crate, got.version);
}

static void
check(const char *class, const char *function, const char *file,
    const char *module)
{
	const struct category_frame f = { function, file, module, file != NULL };
	struct category got;

	category_of(&f, NULL, &got);
	ok(strcmp(got.word, class) == 0, "%s in %s of %s is %s (%s)",
	    function ? function : "nothing", file ? file : "-",
	    module ? module : "-", class, got.word);
}

int
main(void)
{
	size_t i;

	for (i = 0; i < sizeof cases / sizeof *cases; i++)
		check(cases[i].class, cases[i].function, cases[i].file, cases[i].module);
	for (i = 0; i < sizeof names / sizeof *names; i++)
		check(names[i].class, names[i].function, NULL, "/srv/server");
	for (i = 0; i < sizeof places / sizeof *places; i++)
		check(places[i].class, places[i].function, places[i].file,
		    places[i].module);
	for (i = 0; i < sizeof crates_of / sizeof *crates_of; i++)
		check_crate(i);
	return tap_done();
}
