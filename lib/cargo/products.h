/*
 * The executables that cargo has built, by the messages of its --message-format=json.
 */
#ifndef CARGO_PRODUCTS_H
#define CARGO_PRODUCTS_H

#include <stddef.h>

struct cargo_product {
	char *path; /* of the executable */
	char *name; /* of the target in the package */
	char *kind; /* "bin", "example", "test", "bench"; "lib" for any library */
	char *dir;  /* of the package */
	int test;   /* built as a test or a benchmark, also of a bin or a lib */
};

struct cargo_products {
	struct cargo_product *list;
	size_t n, room;
	char *libraries;        /* directories that build scripts named for the linker, by `:` */
	int has_shared_library; /* one that was built, or a procedural macro */
};

/* Read what cargo wrote, one message a line; other lines are skipped. Returns 0, or -1 with
 * *error, a constant string, if a message is damaged or memory is short; p is to be cleared all
 * the same. */
int cargo_products_read(struct cargo_products *p, const char *text, size_t len, const char **error);

/* Keep only products that are tests (test != 0) or not, of a kind unless it is NULL. */
void cargo_products_keep(struct cargo_products *p, int test, const char *kind);

/* Keep only the product `kept`, by its index. */
void cargo_products_choose(struct cargo_products *p, size_t kept);

/* Returns the product that its package says is run by default, by what cargo metadata writes; n if
 * there is none, or more than one. */
size_t cargo_products_default(const struct cargo_products *p, const char *metadata);

/* Returns LD_LIBRARY_PATH for the first product as cargo run sets it, to be freed: directories of
 * the build, the compiler's (sysroot, NULL: not wanted), and those before (old, NULL: none).
 * Returns NULL if the build has no shared libraries, or memory is short. */
char *cargo_products_path(const struct cargo_products *p, const char *sysroot, const char *old);

void cargo_products_clear(struct cargo_products *p);

#endif
