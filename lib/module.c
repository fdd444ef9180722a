#include "module.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cfi.h"
#include "kallsyms.h"
#include "proc.h"
#include "rec.h"

struct modules {
	struct module *first;
};

struct modules *
modules_new(void)
{
	return calloc(1, sizeof(struct modules));
}

void
modules_free(struct modules *m)
{
	struct module *next;

	if (m == NULL)
		return;
	for (struct module *i = m->first; i; i = next) {
		next = i->next;
		unwind_free(&i->table);
		free(i->path);
		free(i);
	}
	free(m);
}

/* ---- opening ----------------------------------------------------------- */

/* Open a path if it is the file that was mapped.  Device numbers are not
 * compared: those in maps and stat differ on btrfs and overlayfs. */
static int
open_same(const char *path, uint64_t ino)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd >= 0 && (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) ||
	                   (ino && (uint64_t)st.st_ino != ino))) {
		close(fd);
		return -1;
	}
	return fd;
}

static int
open_mapped(pid_t pid, const struct proc_map *map, const char *path)
{
	char name[4200];
	int fd;

	/* Names the very file, but takes CAP_CHECKPOINT_RESTORE. */
	snprintf(name, sizeof name, "/proc/%d/map_files/%" PRIx64 "-%" PRIx64,
	    (int)pid, map->start, map->end);
	fd = open_same(name, 0);
	if (fd >= 0)
		return fd;
	snprintf(name, sizeof name, "/proc/%d/root%s", (int)pid, path);
	fd = open_same(name, map->ino);
	if (fd >= 0)
		return fd;
	snprintf(name, sizeof name, "/proc/%d/exe", (int)pid);
	fd = open_same(name, map->ino);
	/* When the process is gone already. */
	return fd >= 0 ? fd : open_same(path, map->ino);
}

/* The vDSO is the same code in every process of a kernel. */
static struct obj *
open_vdso(const struct proc_map *map, const char **error)
{
	unsigned long addr = getauxval(AT_SYSINFO_EHDR);
	const void *image;

	*error = "there is no vDSO";
	if (addr == 0)
		return NULL;
	memcpy(&image, &addr, sizeof image);
	return obj_image(image, map->end - map->start, error);
}

static void
load(struct module *m, struct obj *obj)
{
	obj_buildid(obj, m->buildid);
	m->rust = obj_is_rust(obj);
	m->problem = cfi_compile(&m->table, obj);
	if (m->problem == NULL && m->table.nrow == 0)
		m->problem = "it has no .eh_frame";
	obj_close(obj);
}

static void
load_file(struct module *m, pid_t pid, const struct proc_map *map)
{
	int fd = open_mapped(pid, map, m->path);
	struct obj *obj;

	if (fd < 0) {
		m->problem = "the mapped file cannot be opened";
		return;
	}
	obj = obj_open(fd, &m->problem);
	if (obj)
		load(m, obj);
	close(fd);
}

/* ---- the list ---------------------------------------------------------- */

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
	m->next = list->first;
	list->first = m;
	return m;
}

static void
identify(struct module *m)
{
	uint64_t h = rec_hash_str(REC_HASH, m->buildid[0] ? m->buildid : NULL);

	m->id = rec_id(rec_hash_str(h, m->path));
}

static struct module *
find(const struct modules *list, const struct proc_map *map, const char *path)
{
	for (struct module *m = list->first; m; m = m->next)
		if (m->ino == map->ino && m->major == map->major &&
		    m->minor == map->minor && strcmp(m->path, path) == 0)
			return m;
	return NULL;
}

/* The name that a file had when it was mapped, or a bracketed one. */
static void
plain_path(char *out, size_t size, const char *path)
{
	static const char gone[] = " (deleted)";
	size_t len;

	snprintf(out, size, "%s", path);
	len = strlen(out);
	if (len >= sizeof gone && strcmp(out + len - (sizeof gone - 1), gone) == 0)
		out[len - (sizeof gone - 1)] = '\0';
	if (out[0] != '/' && strcmp(out, "[vdso]") != 0)
		snprintf(out, size, "[anon]");
	else if (strncmp(out, "//anon", 6) == 0 || strncmp(out, "/memfd:", 7) == 0 ||
	    strncmp(out, "/dev/zero", 9) == 0 || strncmp(out, "/SYSV", 5) == 0)
		snprintf(out, size, "[anon]");
}

struct module *
modules_get(struct modules *list, pid_t pid, const struct proc_map *map)
{
	static const struct proc_map nofile;
	char path[4096];
	struct module *m;
	struct obj *obj;

	plain_path(path, sizeof path, map->path);
	m = find(list, path[0] == '[' ? &nofile : map, path);
	if (m)
		return m;
	m = add(list, path);
	if (m == NULL)
		return NULL;
	if (path[0] == '/') {
		m->ino = map->ino;
		m->major = map->major;
		m->minor = map->minor;
		load_file(m, pid, map);
	} else if (strcmp(path, "[vdso]") == 0) {
		obj = open_vdso(map, &m->problem);
		if (obj)
			load(m, obj);
	} else {
		m->absolute = 1;
		m->problem = "no file stands behind it";
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
