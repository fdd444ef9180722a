/*
 * The crate of a source file and its version, by the path where cargo, rustup or a
 * distribution keeps its source.
 */
#ifndef SRCPATH_H
#define SRCPATH_H

#include <stddef.h>

enum srcpath_kind {
	SRCPATH_OWN, /* any other path: the program or its workspace */
	SRCPATH_DEP, /* from a registry, a git checkout, or vendored */
	SRCPATH_STD  /* the standard library or a crate that it was built from */
};

struct srcpath_text {
	const char *s; /* within the path */
	size_t len;    /* 0: unknown */
};

struct srcpath {
	enum srcpath_kind kind;
	struct srcpath_text crate;   /* as its directory is named: tokio-util */
	struct srcpath_text version; /* in a checkout the commit, as cargo cuts it; in
	                                the standard library rustc's, or its commit */
	const char *shown;           /* the part for people: from the crate's directory
	                                on, else the whole path */
};

/*
 * Set *out from one of these paths, or to SRCPATH_OWN:
 *
 *   .../registry/src/INDEX/serde-1.0.1/src/de.rs      cargo
 *   /usr/share/cargo/registry/serde-1.0.1/src/de.rs   Debian
 *   .../git/checkouts/regex-3f1b2c/a1b2c3d/src/re.rs  cargo
 *   .../vendor/serde-1.0.1/src/de.rs, .../vendor/serde/src/de.rs
 *   /rustc/COMMIT/library/std/src/io/mod.rs           rustup
 *   .../lib/rustlib/src/rust/library/std/src/io/mod.rs
 *   /usr/src/rustc-1.63.0/library/std/src/io/mod.rs   Debian
 *   /rust/deps/hashbrown-0.14.5/src/map.rs            a dependency of std
 */
void srcpath_of(const char *path, struct srcpath *out);

#endif
