/*
 * Names made to fit: what is shown at some widths, in a UTF-8 locale and in
 * another one, and that neither columns nor bytes are ever exceeded.
 */
#include <locale.h>
#include <string.h>

#include "symbol/shorten.h"
#include "tap.h"

struct sample {
	size_t columns;
	const char *name, *want;
};

#define DROP "<alloc::vec::Vec<T,A> as core::ops::drop::Drop>::drop"
#define SERDE "serde::de::<impl serde::Deserialize for (A, B)>::deserialize"
#define FILE_LINE "/src/server/src/parser.rs:142"

static const struct sample functions[] = {
	{ 40, "server::parse_header", "server::parse_header" },
	{ 20, "server::parse_header", "server::parse_header" },
	{ 19, "server::parse_header", "…::parse_header" },
	{ 15, "server::parse_header", "…::parse_header" },
	{ 14, "server::parse_header", "parse_header" },
	{ 12, "server::parse_header", "parse_header" },
	{ 11, "server::parse_header", "parse…eader" },
	{ 2, "server::parse_header", "…r" },
	{ 1, "server::parse_header", "r" },
	{ 0, "server::parse_header", "" },
	/* Arguments go first. */
	{ 34, "core::iter::Map<alloc::vec::IntoIter<u8>, F>::next",
	    "core::iter::Map<..>::next" },
	{ 30, "a::sort::<alloc::string::String, u8>", "a::sort::<..>" },
	{ 12, "a::sort::<alloc::string::String, u8>", "sort::<..>" },
	{ 20, "std::vector<int>::at(unsigned long) const",
	    "…::at(..) const" },
	{ 30, "f<fn(u8) -> core::option::Option<u8>>::g", "f<..>::g" },
	/* Then the modules of types, then the types. */
	{ 52, DROP, "<alloc::vec::Vec<..> as core::ops::drop::Drop>::drop" },
	{ 44, DROP, "<Vec<..> as Drop>::drop" },
	{ 23, DROP, "<Vec<..> as Drop>::drop" },
	{ 22, DROP, "<..>::drop" },
	{ 9, DROP, "…::drop" },
	{ 59, SERDE, "serde::de::<impl Deserialize for (A, B)>::deserialize" },
	{ 45, SERDE, "serde::de::<..>::deserialize" },
	{ 24, SERDE, "…::de::<..>::deserialize" },
	{ 23, SERDE, "…::deserialize" },
	/* As many of the last components as fit; a closure is never alone. */
	{ 24, "tokio::runtime::task::core::poll", "…::task::core::poll" },
	{ 36, "a::b::spawn::{{closure}}::{{closure}}",
	    "…::spawn::{{closure}}::{{closure}}" },
	{ 22, "alpha::beta::spawn::{{closure}}", "…::spawn::{{closure}}" },
	{ 19, "alpha::beta::spawn::{{closure}}", "spawn::{{closure}}" },
	/* What is not what it looks like. */
	{ 10, "operator<<", "operator<<" },
	{ 11, "std::operator<<", "operator<<" },
	{ 9, "operator->", "oper…or->" },
	{ 8, "a<b<c::dddddd", "dddddd" },
	{ 12, "memcpy", "memcpy" },
	{ 6, "", "" },
	{ 10, "::", "::" },
	{ 1, "::", ":" },
	{ 3, ">)<(", ">…(" },
	/* Bytes that a terminal must not get. */
	{ 20, "a\033[31mb\nc\td\177", "a?[31mb?c?d?" },
	{ 20, "a\302\233b\377\342\200c", "a?b???c" },
	{ 20, "x\342\200\256y", "x?y" },
	{ 20, "\355\240\200\364\220\200\200\300\257", "?????????" },
	/* Wide characters count two. */
	{ 9, "crate::日本語", "…::日本語" },
	{ 8, "crate::日本語", "日本語" },
	{ 6, "crate::日本語", "日本語" },
	{ 5, "crate::日本語", "日…語" },
};

static const struct sample paths[] = {
	{ 29, FILE_LINE, FILE_LINE },
	{ 28, FILE_LINE, "…/server/src/parser.rs:142" },
	{ 20, FILE_LINE, "…/src/parser.rs:142" },
	{ 16, FILE_LINE, "…/parser.rs:142" },
	{ 14, FILE_LINE, "parser.rs:142" },
	{ 11, FILE_LINE, "parse…s:142" },
	{ 5, "a/b/", "a/b/" },
	{ 3, "a/b/", "b/" },
	{ 4, "nodirectory", "n…ry" },
	{ 9, "/日本/語.rs", "…/語.rs" },
	{ 8, "a\nb", "a?b" },
};

#define REGISTRY \
	"/home/me/.cargo/registry/src/index.crates.io-6f17d22bba15001f/serde-1.0.1/src/de.rs:9"

static const struct sample sources[] = {
	{ 80, FILE_LINE, FILE_LINE },
	{ 80, REGISTRY, "serde-1.0.1/src/de.rs:9" },
	{ 15, REGISTRY, "…/src/de.rs:9" },
	{ SIZE_MAX, REGISTRY, REGISTRY },
	{ 80, "/rustc/59807616e1fa/library/core/src/iter/range.rs:1", "core/src/iter/range.rs:1" },
	{ 80, "/usr/lib/x86_64-linux-gnu/libc.so.6", "/usr/lib/x86_64-linux-gnu/libc.so.6" },
};

static const struct sample texts[] = {
	{ 14, "./server -v 80", "./server -v 80" },
	{ 13, "./server -v 80", "./server -v …" },
	{ 1, "./server", "…" },
	{ 0, "./server", "" },
	{ 4, "日本語", "日…" },
};

static const struct sample ascii[] = {
	{ 19, "server::parse_header", "..::parse_header" },
	{ 11, "server::parse_header", "pars..eader" },
	{ 20, "caf\303\251", "caf?" },
};

typedef size_t shorten(char *, size_t, const char *, size_t);

static void
check(shorten *f, const struct sample *s, size_t n)
{
	char out[256];

	for (; n--; s++) {
		f(out, sizeof out, s->name, s->columns);
		if (!ok(strcmp(out, s->want) == 0, "%zu: %s", s->columns,
		    s->want))
			printf("# got %s\n", out);
	}
}

/* Every width and size: nothing exceeded, the returned width true. */
static void
check_bounds(shorten *f, const struct sample *s, size_t n)
{
	size_t columns, size, used, wrong = 0;
	char out[128];

	for (; n--; s++)
		for (columns = 0; columns < 70; columns++)
			for (size = 0; size < 100; size++) {
				memset(out, '#', sizeof out);
				used = f(out, size, s->name, columns);
				wrong += used > columns || out[size] != '#';
				if (size == 0)
					continue;
				wrong += !memchr(out, '\0', size) ||
				    used != shorten_columns(out);
			}
	ok(wrong == 0, "no bounds exceeded at any width and size");
}

#define N(a) (sizeof a / sizeof((a)[0]))

int
main(void)
{
	setlocale(LC_ALL, "C");
	check(shorten_function, ascii, N(ascii));
	check_bounds(shorten_function, functions, N(functions));

	if (setlocale(LC_ALL, "C.UTF-8") == NULL) {
		printf("ok %d # SKIP no C.UTF-8 locale\n", ++tap_count);
		return tap_done();
	}
	check(shorten_function, functions, N(functions));
	check(shorten_path, paths, N(paths));
	check_bounds(shorten_function, functions, N(functions));
	check_bounds(shorten_path, paths, N(paths));
	check(shorten_source, sources, N(sources));
	check_bounds(shorten_source, sources, N(sources));
	check(shorten_text, texts, N(texts));
	check_bounds(shorten_text, functions, N(functions));
	ok(shorten_columns("日本\n") == 5, "columns of a whole name");
	return tap_done();
}
