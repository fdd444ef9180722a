/*
 * What paths of source files tell, as toolchains and distributions leave them.
 */
#include "symbol/srcpath.h"

#include <string.h>

#include "tap.h"

#define COMMIT "82e1608dfa6e0b5569232559e3d385fea5a93112"
#define INDEX "index.crates.io-6f17d22bba15001f/"

static const struct {
	enum srcpath_kind kind;
	const char *crate, *version, *shown, *path;
} cases[] = {
	{ SRCPATH_OWN, "", "", "/home/me/server/src/main.rs", "/home/me/server/src/main.rs" },
	{ SRCPATH_OWN, "", "", "src/main.rs", "src/main.rs" },
	{ SRCPATH_OWN, "", "", "", "" },
	{ SRCPATH_DEP, "serde", "1.0.197", "serde-1.0.197/src/de.rs",
	    "/home/me/.cargo/registry/src/" INDEX "serde-1.0.197/src/de.rs" },
	{ SRCPATH_DEP, "sha-1", "0.10.0", "sha-1-0.10.0/src/lib.rs",
	    "/usr/local/cargo/registry/src/" INDEX "sha-1-0.10.0/src/lib.rs" },
	{ SRCPATH_DEP, "tokio", "1.0.0-alpha.1", "tokio-1.0.0-alpha.1/src/lib.rs",
	    "/root/.cargo/registry/src/" INDEX "tokio-1.0.0-alpha.1/src/lib.rs" },
	{ SRCPATH_DEP, "zstd-sys", "2.0.10+zstd.1.5.6", "zstd-sys-2.0.10+zstd.1.5.6/zstd/a.c",
	    "/root/.cargo/registry/src/" INDEX "zstd-sys-2.0.10+zstd.1.5.6/zstd/a.c" },
	{ SRCPATH_DEP, "anyhow", "1.0.69", "anyhow-1.0.69/src/error.rs",
	    "/usr/share/cargo/registry/anyhow-1.0.69/src/error.rs" },
	{ SRCPATH_DEP, "regex", "a1b2c3d", "regex-0c1d2e3f/a1b2c3d/src/re.rs",
	    "/home/me/.cargo/git/checkouts/regex-0c1d2e3f/a1b2c3d/src/re.rs" },
	{ SRCPATH_DEP, "bevy_ecs", "a1b2c3d", "bevy-0c1d2e3f/a1b2c3d/crates/bevy_ecs/src/w.rs",
	    "/home/me/.cargo/git/checkouts/bevy-0c1d2e3f/a1b2c3d/crates/bevy_ecs/src/w.rs" },
	{ SRCPATH_DEP, "serde", "", "serde/src/de.rs", "/home/me/server/vendor/serde/src/de.rs" },
	{ SRCPATH_DEP, "serde", "1.0.1", "serde-1.0.1/src/de.rs", "vendor/serde-1.0.1/src/de.rs" },
	{ SRCPATH_STD, "std", COMMIT, "std/src/io/mod.rs",
	    "/rustc/" COMMIT "/library/std/src/io/mod.rs" },
	{ SRCPATH_STD, "core_simd", COMMIT, "core_simd/src/ops.rs",
	    "/rustc/" COMMIT "/library/portable-simd/crates/core_simd/src/ops.rs" },
	{ SRCPATH_STD, "alloc", "", "alloc/src/vec/mod.rs",
	    "/home/me/.rustup/toolchains/stable/lib/rustlib/src/rust/library/alloc/src/vec/mod.rs" },
	{ SRCPATH_STD, "core", "1.63.0", "core/src/ptr/mod.rs",
	    "/usr/src/rustc-1.63.0/library/core/src/ptr/mod.rs" },
	{ SRCPATH_STD, "hashbrown", "0.12.3", "hashbrown-0.12.3/src/raw/mod.rs",
	    "/usr/src/rustc-1.63.0/vendor/hashbrown-0.12.3/src/raw/mod.rs" },
	{ SRCPATH_STD, "hashbrown", "0.14.5", "hashbrown-0.14.5/src/map.rs",
	    "/rust/deps/hashbrown-0.14.5/src/map.rs" },
	{ SRCPATH_STD, "core", "", "core/src/lib.rs", "library/core/src/lib.rs" },
	/* cut short */
	{ SRCPATH_DEP, "regex", "", "regex-0c1d2e3f", "/git/checkouts/regex-0c1d2e3f" },
	{ SRCPATH_DEP, "", "", "", "/registry/src/" },
	{ SRCPATH_STD, "", "", "/rustc/", "/rustc/" },
};

static int
same(const struct srcpath_text *t, const char *text)
{
	return t->len == strlen(text) && strncmp(t->s ? t->s : "", text, t->len) == 0;
}

static void
check(size_t i)
{
	struct srcpath s;

	srcpath_of(cases[i].path, &s);
	if (!ok(s.kind == cases[i].kind && same(&s.crate, cases[i].crate) &&
	            same(&s.version, cases[i].version) &&
	            strcmp(s.shown, cases[i].shown) == 0,
	        "%s", cases[i].path))
		printf("# got %d '%.*s' '%.*s' '%s'\n", s.kind, (int)s.crate.len, s.crate.s,
		    (int)s.version.len, s.version.s, s.shown);
}

int
main(void)
{
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		check(i);
	return tap_done();
}
