/*
 * Read what one file of a process defines and imports of allocation functions,
 * by its symbols, slots and code.
 */
#ifndef PLAN_FILE_H
#define PLAN_FILE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "elf/usdt.h"

struct elf_file;

enum plan_layer { PLAN_RUST, PLAN_LIBC, PLAN_JEMALLOC, PLAN_MIMALLOC, PLAN_LAYERS };

/* A static probe of a sampler in the file: see PLAN_OTEL. */
struct plan_usdt {
	uint64_t shape; /* HEAP_WEIGHED or HEAP_RELEASED */
	uint64_t offset, semaphore; /* in the file; semaphore 0: it has none */
	struct usdt_arg arg[3];
};
#define PLAN_USDTS 32
/* The provider of such probes, and their layer: OpenTelemetry's contract for allocators
 * that sample, design-docs/00003-memory-profiling of opentelemetry-ebpf-profiler. */
#define PLAN_OTEL "otel_memory"


struct plan_function {
	enum plan_layer layer;
	const char *name;
	uint64_t shape;
};

#define PLAN_SEGMENTS 64 /* executable mappings of a file */

/* A function that the file defines by name. */
struct plan_entry {
	const struct plan_function *function;
	uint64_t offset; /* in the file */
};

/* Offsets of the four __rust_* functions, in the order of allocator_shim(). */
struct plan_shims {
	uint64_t offset[4];
};

struct plan_file {
	struct plan_file *next;
	struct elf_file *elf;
	int fd, rust, symtab;
	char file[40]; /* /proc/self/fd/N */
	char *path;
	const char *name; /* last component of path */
	char *debug_path; /* file that its symbols were read from instead, or NULL */
	uint64_t dev, ino;
	struct {
		uint64_t start, end, offset;
	} map[PLAN_SEGMENTS];
	size_t nmap;
	/* Sets of the __rust_* functions, as bits: those that the file defines;
	 * of these, those that do more than jump; those that it imports. */
	unsigned shims, with_body, wanted_shims;
	struct plan_shims shim;                  /* those defined by name */
	struct plan_shims *stub_row;             /* those recognised by their code */
	size_t nstub_row, stub_row_room;
	struct plan_entry *entry; /* functions that the file defines */
	size_t nentry, entry_room;
	struct { /* functions that the file imports */
		const struct plan_function *function;
		uint64_t slot;
	} import[96];
	size_t nimport;
	struct plan_usdt usdt[PLAN_USDTS];
	size_t nusdt;
	int loads;          /* it calls dlopen() */
	int bad_usdt;       /* one of them is not understood: none is to be used */
	const char *hidden; /* name of an allocator linked in without symbols, or NULL */
	int nomem;
};

/* Read the file open as fd, which the process pid (0: none) names path, and take
 * over fd, even on failure.  Close it with plan_file_close().  f->nomem is set
 * if memory was short.  Returns NULL if it cannot be read. */
struct plan_file *plan_file_open(int fd, const char *path, pid_t pid);
void plan_file_close(struct plan_file *f);

/* Close the descriptor of a file that has no function to be probed. */
void plan_file_release(struct plan_file *f);

/* Open the file again, as the process pid has it mapped, if it was released: a function of it is
 * to be probed after all.  Returns -1 if that is not possible. */
int plan_file_keep(struct plan_file *f, pid_t pid);

/* Returns the bytes of f from offset on, *len of them; NULL if it is shorter. */
const unsigned char *plan_file_code(const struct plan_file *f, uint64_t offset,
    size_t *len);

/* Set *bias to what mapping the file added to its virtual addresses.  Returns -1
 * if it is not mapped. */
int plan_file_bias(const struct plan_file *f, uint64_t *bias);

/* Returns whether the file defines a function of a layer by this name. */
int plan_file_has(const struct plan_file *f, enum plan_layer layer, const char *name);

/* Returns whether a sampler in the file tells of what it samples and when that is freed,
 * by static probes. */
int plan_file_samples(const struct plan_file *f);

/* Returns whose malloc() the file defines; PLAN_LIBC if neither of the others. */
enum plan_layer plan_file_allocator(const struct plan_file *f);

#endif
