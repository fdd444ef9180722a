/*
 * The executable mappings of one process, and the walk of a stack in it.
 */
#ifndef ADDRSPACE_H
#define ADDRSPACE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "bpf/step.h"

struct module;
struct unwind_stack;

struct addrspace_map {
	uint64_t start, end;
	uint64_t offset; /* of start in the module's file */
	struct module *module;
	uint32_t born;   /* the version of struct addrspace that it came with */
};

struct addrspace {
	struct addrspace_map *map; /* by start; they do not overlap */
	size_t n, room;
	pid_t pid;             /* the process */
	uint32_t next;         /* the version of sample/walk_maps with which the kernel
	                          will have what is added now */
	int changed;           /* since the kernel was given a version */
	uint32_t last;         /* the version of the last change */
};

/* Add a mapping, in place of those that it covers, or copy all.  A zeroed struct
 * addrspace is empty.  Returns -1: out of memory. */
int addrspace_add(struct addrspace *s, const struct addrspace_map *map);
int addrspace_copy(struct addrspace *to, const struct addrspace *from);
void addrspace_clear(struct addrspace *s);

/* Returns the mapping that an address is in, or NULL. */
const struct addrspace_map *addrspace_find(const struct addrspace *s, uint64_t addr);

#define ADDRSPACE_DEPTH 8192

struct addrspace_frame {
	struct module *module; /* NULL: the address is in no mapping */
	uint64_t offset;       /* as in a stack record of rsprof-records(5) */
};

struct addrspace_walk {
	size_t n;             /* frames, the innermost first */
	const char *cut;      /* why it ended early; NULL: it is complete */
	uint64_t unknown;     /* an address of the walk that is in no mapping; or 0 */
	int no_wait;          /* set by the caller: do not wait for tables */
	struct module *missing; /* the module whose table was not waited for; or NULL */
	struct addrspace_frame frame[ADDRSPACE_DEPTH];
};

/*
 * Make a walk of one that the kernel has made with the mappings of a version: n
 * addresses as bpf/walk.h has them, the innermost first, and why it ended.  It is
 * cut where it went through code that the kernel did not know yet.
 */
void addrspace_walked(const struct addrspace *s, uint32_t version, const uint64_t *addr,
    size_t n, const char *cut, struct addrspace_walk *w);

/* Walk from regs to the thread's first frame.  w->cut is one of the reasons of
 * rsprof-records(5). */
void addrspace_walk(struct addrspace *s, const struct unwind_stack *stack,
    struct step_regs regs, struct addrspace_walk *w);

#endif
