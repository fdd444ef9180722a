/*
 * A probe at a function that allocates or frees.
 */
#ifndef PROBE_H
#define PROBE_H

#include <stdint.h>

struct probe {
	char function[32];     /* its name; "" where it has none */
	const char *layer;     /* as above */
	const char *path;      /* the file, as the process names it */
	const char *file;      /* opens that very file, as long as the plan is there */
	uint64_t dev, ino;
	uint64_t entry;        /* the function's offset in the file, */
	uint64_t offset;       /* and the probe's */
	uint64_t shape;        /* HEAP_SHAPE() of bpf/heap.h */
	int stepped;           /* see elf/insn.h */
};

#endif
