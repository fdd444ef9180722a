/*
 * The files that code is executed from, each with its identity and unwind
 * table, opened once however many processes map it.
 */
#ifndef MODULE_H
#define MODULE_H

#include <stdint.h>
#include <sys/types.h>

#include "obj.h"
#include "unwind.h"

struct proc_map;

struct module {
	uint64_t id;          /* as in rsprof-records(5) */
	char *path;           /* or [vdso], [kernel], [anon] */
	char buildid[OBJ_BUILDID_MAX]; /* "" where it is not known */
	struct unwind_table table;
	int absolute;         /* offsets are addresses: no file stands behind */
	int rust;             /* looks like rustc's work */
	const char *problem;  /* why there is no table; NULL: there is one */
	int written;          /* for the user: has been told of */
	uint64_t ino;
	uint32_t major, minor;
	struct module *next;
};

struct modules;

struct modules *modules_new(void); /* NULL: out of memory */
void modules_free(struct modules *m);

/*
 * The module of a mapping in a process.  The file is the one that the process
 * has mapped, even if another has its name by now: if that cannot be opened
 * the module has a problem, not another file's table.  NULL: out of memory.
 */
struct module *modules_get(struct modules *m, pid_t pid,
    const struct proc_map *map);

/* The kernel's code. */
struct module *modules_kernel(struct modules *m);

#endif
