/*
 * The files that code is executed from, each with its identity and unwind
 * table, opened once however many processes map it.
 *
 * Tables are compiled, or taken from the cache of unwind/cache.h, by a thread of
 * their own: first those that are waited for, then those wanted, then of main
 * executables, then the others, small files before big ones.  Until then parts of them
 * are made where they are asked for (unwind/early).
 */
#ifndef MODULE_H
#define MODULE_H

#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "elf/elf_file.h"
#include "unwind/unwind.h"

struct early;
struct module_job;
struct proc_map;

struct module {
	uint64_t id;          /* as in rsprof-records(5) */
	uint32_t number;      /* from 0, in the order that they came */
	char *path;           /* or [vdso], [kernel], [anon] */
	char buildid[ELF_FILE_BUILDID_MAX]; /* "" where it is not known */
	int gate;             /* code that rsprof-guard(1) has mapped into the process */
	int absolute;         /* offsets are addresses: no file stands behind */
	int written;          /* for the caller: records that it has emitted */
	int asked;            /* module_first_time() was called */
	uint64_t ino;
	uint32_t major, minor;
	struct stat st;       /* of the file; zeroed where there is none */
	int unopened;         /* its file cannot be opened: what it is otherwise is unknown */
	struct module *next;
	struct module_job *job; /* the job that makes the table, or has made it */
	struct early *early;    /* its parts that are known before that; NULL: none */
	int parted;             /* for the caller: the kernel has only parts of it */

	/* Only once module_ready() says so: */
	struct unwind_table table;
	int rust;             /* looks like rustc's work */
	const char *problem;  /* why there is no table; NULL: there is one */
};

struct modules;

struct modules *modules_new(void); /* NULL: errno says why */

/* Free all modules.  Tables that are being compiled are given up. */
void modules_free(struct modules *m);

/*
 * Returns the module of a mapping in a process.  Its file is the one that the process
 * has mapped, even if another has its name by now: if that cannot be opened its parts in
 * the process' memory stand in.  A file that was overwritten in place is another module.
 * NULL: out of memory.
 */
struct module *modules_get(struct modules *m, pid_t pid,
    const struct proc_map *map);

/* Returns the module of the kernel's code; NULL: out of memory. */
struct module *modules_kernel(struct modules *m);

/* Returns 1 the first time that it is called for a module, then 0. */
int module_first_time(const struct module *m);

/* Returns the newest module; `next' leads to the older ones. */
struct module *modules_first(const struct modules *m);

/* Returns whether the table has been made, or turned out to be impossible.  Any thread
 * may call this, module_want() and module_wait(). */
int module_ready(const struct module *m);

/* Find the rule for a file offset in the parts of the table, and make the one that has
 * it.  Returns -1 if there are none any more, or only the whole table tells.  For the
 * thread that owns the list. */
int module_early(struct module *m, uint64_t offset, uint32_t *rule);

/* Free the parts of modules whose tables are ready, but where the kernel has only parts. */
void modules_settle(struct modules *m);

/* Have a table made before those that were not asked for. */
void module_want(struct module *m);

/* Wait until a table is ready. */
void module_wait(struct module *m);

/* Returns a descriptor for poll(2): readable when modules have become ready since the
 * last modules_news(), which returns whether any have. */
int modules_fd(const struct modules *m);
int modules_news(struct modules *m);

#endif
