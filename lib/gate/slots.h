/*
 * The slots (GOT words) by which the files of a process call functions that
 * allocate and free.
 */
#ifndef SLOTS_H
#define SLOTS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct slots_file; /* a mapped file */

struct slot {
	uint64_t addr;     /* of the word */
	uint64_t value;    /* what stood there */
	uint64_t function; /* the function that it leads to */
	uint32_t kind;     /* GATE_ALLOC and so on: the first wrapper of its kind */
	uint32_t protection; /* of its page: PROT_... */
	int sampled;       /* a call by it is one to sample, if it allocates */
	const struct slots_file *file;
};

/*
 * Can the slot's file not be unloaded?  What dlopen() has loaded may be unloaded, and
 * loaded again at the same place, while it is looked at.
 */
int slot_is_permanent(const struct slot *slot);

/* Is this a value that a slot has when its file has been relocated: the function, or what
 * will look it up when it is first called? */
int slot_is_settled(const struct slot *slot, uint64_t value);

struct slots {
	struct slot *slot;
	size_t n, room;
	struct slots_file *file;
};

/* Leads from the address of a wrapper to the function behind it; 0: it is none. */
typedef uint64_t slots_behind(void *ctx, uint64_t addr);

/*
 * Find the slots of a process: those of files with Rust code, or with `all` of
 * all files, and of other files those that free or move blocks.  `s` is zeroed, or
 * has slots that were found before, whose files are not read again: new ones are
 * added at its end.  Returns NULL, or a constant that says what is wrong.
 */
const char *slots_find(struct slots *s, pid_t pid, int all, slots_behind *behind, void *ctx);

/* Returns why not all that Rust code allocates and frees comes by these slots, as far as the
 * files tell; NULL: it does. */
const char *slots_lack(const struct slots *s);

/* Take the pages' protection from the process as it is now.  Slots whose file is
 * not mapped there any more have protection 0. */
int slots_check(struct slots *s, pid_t pid);

void slots_clear(struct slots *s); /* empty again, memory freed */

#endif
