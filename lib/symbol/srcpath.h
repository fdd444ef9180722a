/*
 * What the path of a source file tells: the crate and its version, where cargo,
 * rustup or a distribution has put its source.
 */
#ifndef SRCPATH_H
#define SRCPATH_H

#include <stddef.h>

enum srcpath_kind {
	SRCPATH_OWN, /* nothing is told: the program's, or a workspace's */
	SRCPATH_DEP, /* a registry's, a git checkout, vendored */
	SRCPATH_STD  /* the standard library, or what it was built with */
};

struct srcpath_text {
	const char *s; /* within the path */
	size_t len;    /* 0: not told */
};

struct srcpath {
	enum srcpath_kind kind;
	struct srcpath_text crate;   /* as its directory is named: tokio-util */
	struct srcpath_text version; /* of a checkout the commit, as cargo cuts it; of
	                               the standard library rustc's, or its commit */
	const char *shown;          /* what is worth reading: from the crate's
	                               directory on, else the path */
};

/*
 *   .../registry/src/INDEX/serde-1.0.1/src/de.rs      cargo
 *   /usr/share/cargo/registry/serde-1.0.1/src/de.rs   Debian
 *   .../git/checkouts/regex-3f1b2c/a1b2c3d/src/re.rs  cargo
 *   .../vendor/serde-1.0.1/src/de.rs, .../vendor/serde/src/de.rs
 *   /rustc/COMMIT/library/std/src/io/mod.rs           rustup
 *   .../lib/rustlib/src/rust/library/std/src/io/mod.rs
 *   /usr/src/rustc-1.63.0/library/std/src/io/mod.rs   Debian
 *   /rust/deps/hashbrown-0.14.5/src/map.rs            what std was built with
 */
void srcpath_of(const char *path, struct srcpath *out);

#endif
