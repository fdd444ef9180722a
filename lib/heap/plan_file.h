/*
 * What a file of a process has and wants of functions that allocate.
 */
#ifndef PLAN_FILE_H
#define PLAN_FILE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct elf_file;

enum plan_layer { PLAN_RUST, PLAN_LIBC, PLAN_JEMALLOC, PLAN_MIMALLOC, PLAN_LAYERS };

struct plan_function {
	enum plan_layer layer;
	const char *name;
	uint64_t shape;
};

#define PLAN_SEGMENTS 8 /* executable mappings of a file */

/* A function that was found by its name. */
struct plan_entry {
	const struct plan_function *function;
	uint64_t offset; /* in the file */
};

/* The four of rustc. */
struct plan_shims {
	uint64_t offset[4];
};

struct plan_file {
	struct plan_file *next;
	struct elf_file *elf;
	int fd, rust, symtab;
	char file[40];           /* /proc/self/fd/... */
	char *path;
	const char *name;        /* its last component */
	char *debug_path;             /* the file that has its symbols instead, or NULL */
	uint64_t dev, ino;
	struct {
		uint64_t start, end, offset;
	} map[PLAN_SEGMENTS];
	size_t nmap;
	unsigned shims, with_body, wanted_shims; /* __rust_*: bits; bodies do more than jump */
	struct plan_shims shim;              /* by name, */
	struct plan_shims *stub_row;              /* and by how they look where there are no
	                                   names */
	size_t nstub_row, stub_row_room;
	struct plan_entry *entry;           /* functions of its own */
	size_t nentry, entry_room;
	struct {                       /* that it wants: of PLAN_LIBC */
		const struct plan_function *function;
		uint64_t slot;
	} import[32];
	size_t nimport;
	const char *hidden;            /* an allocator whose names are gone */
	int nomem;
};

/* Take over an open file.  NULL: it cannot be read. */
struct plan_file *plan_file_open(int fd, const char *path, pid_t pid);
void plan_file_close(struct plan_file *f);

/* Its code from an offset on; NULL: it has none there. */
const unsigned char *plan_file_code(const struct plan_file *f, uint64_t offset,
    size_t *len);

/* What to add to a file's addresses.  -1: it is not mapped. */
int plan_file_bias(const struct plan_file *f, uint64_t *bias);

int plan_file_has(const struct plan_file *f, enum plan_layer layer, const char *name);

/* Whose malloc() a file has. */
enum plan_layer plan_file_allocator(const struct plan_file *f);

#endif
