/*
 * Modules are a list, found by device, inode and path of a mapping; each is made
 * once and lives as long as the list.  The main thread opens a module's file and
 * reads its identity; a worker thread makes the table, by a struct module_job that
 * it takes from a queue.  Up to then table, rust and problem are the worker's, and
 * once module_ready() returns 1 they are everybody's to read, and do not change.
 */
#include "unwind/module.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/worker.h"
#include "os/kallsyms.h"
#include "os/proc.h"
#include "unwind/cache.h"
#include "unwind/cache_table.h"
#include "unwind/cfi.h"
#include "unwind/early.h"
#include "unwind/mapping.h"
#include "unwind/tables.h"

struct modules {
	struct module *first;
	struct worker *worker;
	struct cache *cache; /* the worker's */
	int cache_opened;
};

/* The making of a table, of a module whose file has been opened. */
struct module_job {
	struct worker_job worker; /* first */
	struct modules *list;
	struct module *module;
	pid_t pid; /* a process that maps it */
	struct elf_file *elf;
};

/* Ranks of jobs; 0: a table that is waited for or wanted. */
enum { RANK_MAIN = 1, RANK_OTHER };

/* ---- the worker -------------------------------------------------------- */

/* Load a module's table from the cache, or compile it. */
static void
make_table(struct module_job *job, const atomic_int *stop)
{
	struct modules *list = job->list;
	struct module *m = job->module;
	const struct cache_key key = { m->buildid, (uint64_t)m->st.st_size,
		m->st.st_uid };
	int kept = S_ISREG(m->st.st_mode);

	if (kept && cache_table_load(list->cache, &key, &m->table, &m->rust) == 0) {
		/* The debug information may have come since. */
		if (tables_complete(&m->table, job->elf, job->pid, m->path, stop))
			cache_table_save(list->cache, &key, &m->table, m->rust);
		return;
	}
	m->rust = elf_file_is_rust(job->elf);
	m->problem = tables_compile(&m->table, job->elf, job->pid, m->path, stop);
	if (m->problem == NULL && m->table.nrow == 0)
		m->problem = "it has no .eh_frame";
	if (kept && m->problem == NULL)
		cache_table_save(list->cache, &key, &m->table, m->rust);
}

/* Make a table: the worker's thread. */
static void
run(void *ctx, struct worker_job *worker, const atomic_int *stop)
{
	struct module_job *job = (struct module_job *)worker;
	struct modules *list = ctx;

	if (!list->cache_opened) {
		list->cache_opened = 1;
		list->cache = cache_open(CACHE_LIMIT);
	}
	make_table(job, stop);
	elf_file_close(job->elf);
	job->elf = NULL;
}

/* Queue the making of a table.  elf is taken over. */
static void
add_job(struct modules *list, struct module *m, struct elf_file *elf, pid_t pid, int is_main)
{
	struct module_job *job = calloc(1, sizeof *job);

	if (job == NULL) {
		m->problem = "out of memory";
		elf_file_close(elf);
		return;
	}
	job->module = m;
	job->pid = pid;
	job->elf = elf;
	job->worker.rank = is_main ? RANK_MAIN : RANK_OTHER + (uint64_t)m->st.st_size;
	job->list = list;
	m->job = job;
	worker_add(list->worker, &job->worker);
}

struct modules *
modules_new(void)
{
	struct modules *list = calloc(1, sizeof *list);

	if (list == NULL)
		return NULL;
	list->worker = worker_new(run, list);
	if (list->worker)
		return list;
	free(list);
	return NULL;
}

static void
free_module(struct module *m)
{
	if (m->job)
		elf_file_close(m->job->elf);
	free(m->job);
	early_close(m->early);
	unwind_free(&m->table);
	free(m->path);
	free(m);
}

void
modules_free(struct modules *m)
{
	struct module *next;

	if (m == NULL)
		return;
	worker_free(m->worker);
	for (struct module *i = m->first; i; i = next) {
		next = i->next;
		free_module(i);
	}
	cache_close(m->cache);
	free(m);
}

void
modules_settle(struct modules *list)
{
	for (struct module *m = list->first; m; m = m->next)
		if (m->early && !m->parted && module_ready(m)) {
			early_close(m->early);
			m->early = NULL;
		}
}

int
modules_fd(const struct modules *m)
{
	return worker_fd(m->worker);
}

int
modules_news(struct modules *m)
{
	return worker_news(m->worker);
}

int
module_ready(const struct module *m)
{
	return m->job == NULL || worker_done(&m->job->worker);
}

int
module_early(struct module *m, uint64_t offset, uint32_t *rule)
{
	const struct unwind_table *table = module_ready(m) ? &m->table : NULL;

	if (m->early == NULL)
		return -1;
	*rule = early_rule(m->early, offset, table);
	return STEP_KIND(*rule) == STEP_LATER ? -1 : 0;
}

void
module_want(struct module *m)
{
	if (!module_ready(m))
		worker_want(m->job->list->worker, &m->job->worker);
}

void
module_wait(struct module *m)
{
	if (!module_ready(m))
		worker_wait(m->job->list->worker, &m->job->worker);
}

/* ---- opening ----------------------------------------------------------- */

/* Open our own vDSO: it is the same code in every process of a kernel. */
static struct elf_file *
open_vdso(const struct proc_map *map, const char **error)
{
	unsigned long addr = getauxval(AT_SYSINFO_EHDR);
	const void *image;

	*error = "there is no vDSO";
	if (addr == 0)
		return NULL;
	memcpy(&image, &addr, sizeof image);
	return elf_file_image(image, map->end - map->start, error);
}

/* Returns whether a path is that of the process' executable. */
static int
is_main(pid_t pid, const char *path)
{
	struct proc_map map = { .path = proc_exe(pid) };
	char plain[MAPPING_PATH];

	if (map.path == NULL)
		return 0;
	mapping_path(plain, &map);
	free((void *)(uintptr_t)map.path);
	return strcmp(plain, path) == 0;
}

/* Open the file of a mapping, or an image of it.  Sets m->problem where neither can be. */
static struct elf_file *
open_file(struct module *m, pid_t pid, const struct proc_map *map)
{
	int fd = mapping_open(pid, map), error = errno;
	struct elf_file *elf;
	const char *ignored;

	if (fd >= 0) {
		fstat(fd, &m->st);
		elf = elf_file_open(fd, &m->problem);
		close(fd);
		if (elf)
			elf_file_buildid(elf, m->buildid);
		return elf;
	}
	m->unopened = m->path[0] == '/';
	elf = mapping_image(pid, map, &ignored);
	if (elf == NULL) {
		m->problem = mapping_refusal(error);
		return NULL;
	}
	elf_file_buildid(elf, m->buildid);
	if (m->buildid[0] == 'h') /* the whole file would have another one */
		m->buildid[0] = '\0';
	return elf;
}

/* Prepare parts of a module's table, by a handle of their own: the other one is the
 * worker's. */
static void
open_early(struct module *m, pid_t pid, const struct proc_map *map)
{
	int fd = mapping_open(pid, map);
	const char *ignored;
	struct elf_file *elf = fd < 0 ? NULL : elf_file_open(fd, &ignored);

	if (fd >= 0)
		close(fd);
	if (elf)
		m->early = early_open(elf);
}

static void
load_file(struct modules *list, struct module *m, pid_t pid,
    const struct proc_map *map)
{
	struct elf_file *elf = open_file(m, pid, map);

	if (elf == NULL)
		return;
	open_early(m, pid, map);
	add_job(list, m, elf, pid, is_main(pid, m->path));
}

/* Returns whether the file of a mapping is still as it was when the module was loaded: it
 * has the same build-id.  Only where its times have changed is that read. */
static int
is_same_file(struct module *m, pid_t pid, const struct proc_map *map)
{
	struct module now = { .path = m->path };
	struct elf_file *elf;

	if (m->absolute || m->st.st_ino == 0 || mapping_stat(pid, map, &now.st) < 0 ||
	    (now.st.st_size == m->st.st_size &&
	        memcmp(&now.st.st_mtim, &m->st.st_mtim, sizeof m->st.st_mtim) == 0 &&
	        memcmp(&now.st.st_ctim, &m->st.st_ctim, sizeof m->st.st_ctim) == 0))
		return 1;
	elf = open_file(&now, pid, map);
	elf_file_close(elf);
	if (elf == NULL || strcmp(now.buildid, m->buildid) != 0)
		return 0;
	m->st = now.st;
	return 1;
}

static void
load_vdso(struct modules *list, struct module *m, const struct proc_map *map)
{
	struct elf_file *elf = open_vdso(map, &m->problem);

	if (elf == NULL)
		return;
	elf_file_buildid(elf, m->buildid);
	add_job(list, m, elf, 0, 0);
}

/* ---- the list ---------------------------------------------------------- */

/* Add a module of a path.  NULL: out of memory. */
static struct module *
add(struct modules *list, const char *path)
{
	struct module *m = calloc(1, sizeof *m);

	if (m)
		m->path = strdup(path);
	if (m == NULL || m->path == NULL) {
		free(m);
		return NULL;
	}
	m->gate = mapping_is_gate(path);
	m->number = list->first ? list->first->number + 1 : 0;
	m->next = list->first;
	list->first = m;
	return m;
}

struct module *
modules_first(const struct modules *list)
{
	return list->first;
}

int
module_first_time(const struct module *m)
{
	struct module *own = (struct module *)m; /* no reader sees this member */

	return own->asked++ == 0;
}

static void
identify(struct module *m)
{
	uint64_t h = hash_str(HASH_INIT, m->buildid[0] ? m->buildid : NULL);

	m->id = hash_id(hash_str(h, m->path));
}

static struct module *
find(const struct modules *list, const struct proc_map *map, const char *path)
{
	for (struct module *m = list->first; m; m = m->next)
		if (m->ino == map->ino && m->major == map->major &&
		    m->minor == map->minor && (strcmp(m->path, path) == 0 || (m->absolute && m->ino)))
			return m;
	return NULL;
}

/* Make a module one without a file, in which offsets are addresses. */
static void
set_anonymous(struct module *m)
{
	snprintf(m->path, strlen(m->path) + 1, "[anon]");
	m->buildid[0] = '\0';
	m->absolute = 1;
	m->problem = "no file stands behind it";
}

struct module *
modules_get(struct modules *list, pid_t pid, const struct proc_map *map)
{
	static const struct proc_map nofile;
	char path[MAPPING_PATH];
	struct module *m;

	mapping_path(path, map);
	m = find(list, path[0] == '[' ? &nofile : map, path);
	if (m && (path[0] == '[' || is_same_file(m, pid, map)))
		return m;
	m = add(list, path);
	if (m == NULL)
		return NULL;
	if (path[0] == '/') {
		m->ino = map->ino;
		m->major = map->major;
		m->minor = map->minor;
		load_file(list, m, pid, map);
		if (m->job == NULL && mapping_is_nameless(map))
			set_anonymous(m);
	} else if (strcmp(path, "[vdso]") == 0) {
		load_vdso(list, m, map);
	} else {
		set_anonymous(m);
	}
	identify(m);
	return m;
}

struct module *
modules_kernel(struct modules *list)
{
	static const struct proc_map nofile;
	struct module *m = find(list, &nofile, "[kernel]");

	if (m || (m = add(list, "[kernel]")) == NULL)
		return m;
	m->absolute = 1;
	m->problem = "the kernel walks its own stacks";
	kallsyms_buildid(m->buildid);
	identify(m);
	return m;
}
