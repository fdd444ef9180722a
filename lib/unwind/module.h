/*
 * The files that code is executed from, each with its identity and unwind
 * table, opened once however many processes map it.
 *
 * Tables are compiled, or taken from the cache of unwind/cache.h, by a thread of
 * their own: first what is waited for, then what is wanted, then main
 * executables, then the others, small files before big ones.
 */
#ifndef MODULE_H
#define MODULE_H

#include <stdint.h>
#include <sys/types.h>

#include "elf/elf_file.h"
#include "unwind/unwind.h"

struct module_job;
struct proc_map;

struct module {
	uint64_t id;          /* as in rsprof-records(5) */
	uint32_t number;      /* from 0, in the order that they came */
	char *path;           /* or [vdso], [kernel], [anon] */
	char buildid[ELF_FILE_BUILDID_MAX]; /* "" where it is not known */
	int absolute;         /* offsets are addresses: no file stands behind */
	int written, once;    /* for the user: what it has been told of */
	uint64_t ino;
	uint32_t major, minor;
	struct module *next;
	struct module_job *job; /* what makes the rest, or has made it */

	/* Only once module_ready() says so: */
	struct unwind_table table;
	int rust;             /* looks like rustc's work */
	const char *problem;  /* why there is no table; NULL: there is one */
};

struct modules;

struct modules *modules_new(void); /* NULL: errno says why */
/* What is still being compiled is given up. */
void modules_free(struct modules *m);

/*
 * The module of a mapping in a process.  The file is the one that the process
 * has mapped, even if another has its name by now: if that cannot be opened
 * the module has a problem, not another file's table.  NULL: out of memory.
 */
struct module *modules_get(struct modules *m, pid_t pid,
    const struct proc_map *map);

/*
 * Open the file of a mapping: the very one that the process has mapped, even
 * if another has its name by now.  path is that name.  -1: it cannot be.
 */
int module_open(pid_t pid, const struct proc_map *map, const char *path);

/* The kernel's code. */
struct module *modules_kernel(struct modules *m);

/* 1 the first time that this is asked of it, then 0. */
int module_once(const struct module *m);

/* All that there are: the newest, and `next' leads to the older ones. */
struct module *modules_first(const struct modules *m);

/* Has its table been made, or turned out to be impossible?  This and the next
 * two may be asked by any thread. */
int module_ready(const struct module *m);
/* Its table is needed: before those that nobody has asked for. */
void module_want(struct module *m);
/* Its table is needed now: returns when it is ready. */
void module_wait(struct module *m);

/* For poll(2): readable when modules have become ready since the last
 * modules_news(), which says whether any have. */
int modules_fd(const struct modules *m);
int modules_news(struct modules *m);

#endif
