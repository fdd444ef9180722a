/*
 * A uprobe at a function that allocates or frees.
 */
#ifndef PROBE_H
#define PROBE_H

#include <stdint.h>

#include "elf/usdt.h"

struct probe {
	char function[32]; /* name; "" if unknown */
	const char *layer; /* "rust", "libc", "jemalloc", "mimalloc", "own", "otel_memory" */
	const char *path;  /* the file, as the process names it */
	const char *file;  /* a path that opens that very file while its plan exists */
	uint64_t dev, ino;
	uint64_t entry;  /* the function's offset in the file */
	uint64_t offset; /* the probe's offset in the file */
	uint64_t shape;  /* HEAP_SHAPE() of bpf/heap.h; 0: unknown */
	int stepped;     /* the kernel single-steps the probed instruction: slow */
	/* Of a static probe, whose shape is HEAP_WEIGHED or HEAP_RELEASED: */
	uint64_t semaphore;     /* offset of its semaphore in the file; 0: it has none */
	struct usdt_arg arg[3];
};

#endif
