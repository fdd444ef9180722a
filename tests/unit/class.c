/*
 * Whose code a frame is.
 */
#include "class.h"

#include <stddef.h>
#include <string.h>

#include "tap.h"

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

int
main(void)
{
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		const char *got = class_of(cases[i].function, cases[i].file, cases[i].module);

		ok(strcmp(got, cases[i].class) == 0, "%s is %s (%s)",
		    cases[i].function ? cases[i].function : "nothing", cases[i].class, got);
	}
	return tap_done();
}
