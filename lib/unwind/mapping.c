/*
 * Mappings are collected in the order of addresses, because what an anonymous one is
 * shows by its neighbours: the loader maps the segments of a file side by side, at
 * distances that its program headers give.
 */
#include "unwind/mapping.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/array.h"
#include "base/page.h"
#include "elf/elf_file.h"
#include "os/proc.h"

#define COMPARED 16             /* pages of copied code */
#define IMAGE_MOST (1ULL << 31) /* bytes of a file */

/* ---- names ------------------------------------------------------------- */

static int
begins(const char *s, const char *with)
{
	return strncmp(s, with, strlen(with)) == 0;
}

int
mapping_is_nameless(const struct proc_map *map)
{
	return begins(map->path, "/memfd:");
}

int
mapping_is_gate(const char *path)
{
	return begins(path, "/memfd:" MAPPING_GATE);
}

void
mapping_path(char out[MAPPING_PATH], const struct proc_map *map)
{
	static const char gone[] = " (deleted)";
	size_t len;

	snprintf(out, MAPPING_PATH, "%s", map->path);
	len = strlen(out);
	if (len >= sizeof gone && strcmp(out + len - (sizeof gone - 1), gone) == 0)
		out[len - (sizeof gone - 1)] = '\0';
	if (strcmp(out, "[vdso]") == 0)
		return;
	if (out[0] != '/' || begins(out, "//anon") || begins(out, "/dev/zero") ||
	    begins(out, "/SYSV") || begins(out, "/anon_hugepage"))
		snprintf(out, MAPPING_PATH, "[anon]");
}

/* ---- opening ----------------------------------------------------------- */

/* Open a path if it is a regular file with this inode (0: any).  Device numbers are
 * not compared: those in maps and stat differ on btrfs and overlayfs. */
static int
open_same(const char *path, uint64_t ino)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd >= 0 && (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) ||
	                   (ino && (uint64_t)st.st_ino != ino))) {
		close(fd);
		errno = ENOENT;
		return -1;
	}
	return fd;
}

int
mapping_open(pid_t pid, const struct proc_map *map)
{
	char name[MAPPING_PATH + 64], path[MAPPING_PATH];
	int shown = (int)proc_shown(pid), fd, error = ENOENT;

	mapping_path(path, map);
	/* Names the very file, but takes CAP_CHECKPOINT_RESTORE. */
	snprintf(name, sizeof name, "/proc/%d/map_files/%" PRIx64 "-%" PRIx64, shown,
	    map->start, map->end);
	fd = open_same(name, 0);
	if (fd >= 0)
		return fd;
	snprintf(name, sizeof name, "/proc/%d/root%s", shown, path);
	fd = open_same(name, map->ino);
	if (fd >= 0)
		return fd;
	if (errno != ENOENT)
		error = errno;
	snprintf(name, sizeof name, "/proc/%d/exe", shown);
	fd = open_same(name, map->ino);
	/* When the process is gone already. */
	if (fd < 0)
		fd = open_same(path, map->ino);
	errno = error;
	return fd;
}

int
mapping_stat(pid_t pid, const struct proc_map *map, struct stat *st)
{
	char name[MAPPING_PATH + 64], path[MAPPING_PATH];
	int shown = (int)proc_shown(pid);

	snprintf(name, sizeof name, "/proc/%d/map_files/%" PRIx64 "-%" PRIx64, shown,
	    map->start, map->end);
	if (stat(name, st) == 0)
		return 0;
	mapping_path(path, map);
	snprintf(name, sizeof name, "/proc/%d/root%s", shown, path);
	return stat(name, st) == 0 && (uint64_t)st->st_ino == map->ino ? 0 : -1;
}

const char *
mapping_refusal(int error)
{
	if (error == EACCES && geteuid() == 0)
		return "the file cannot be opened: permission denied, as on a file system "
		       "that another user has mounted (FUSE: mount it with -o allow_other)";
	if (error == EACCES || error == EPERM)
		return "the file cannot be opened: permission denied";
	if (error == EMFILE || error == ENFILE)
		return "the file cannot be opened: too many open files (ulimit -n)";
	return "the file cannot be opened";
}

/* ---- collecting -------------------------------------------------------- */

struct list {
	struct proc_map *map; /* each with a path of its own */
	char (*perms)[8];
	size_t n, room, perms_room;
	int nomem;
};

static void
collect(void *ctx, const struct proc_map *map, const char *perms)
{
	struct list *l = ctx;

	if (array_room(&l->map, l->n, &l->room, sizeof *l->map) < 0 ||
	    array_room(&l->perms, l->n, &l->perms_room, sizeof *l->perms) < 0) {
		l->nomem = 1;
		return;
	}
	l->map[l->n] = *map;
	l->map[l->n].path = strdup(map->path);
	if (l->map[l->n].path == NULL) {
		l->nomem = 1;
		return;
	}
	snprintf(l->perms[l->n], sizeof *l->perms, "%s", perms);
	l->n++;
}

static void
clear(struct list *l)
{
	for (size_t i = 0; i < l->n; i++)
		free((void *)(uintptr_t)l->map[i].path);
	free(l->map);
	free(l->perms);
}

/* Read all mappings.  Returns -1 with errno. */
static int
read_list(pid_t pid, struct list *l)
{
	memset(l, 0, sizeof *l);
	if (proc_all_maps(pid, collect, l) < 0)
		return -1;
	errno = ENOMEM;
	return l->nomem ? -1 : 0;
}

/* ---- copied code ------------------------------------------------------- */

/* Returns whether a mapping is of a file on a file system. */
static int
has_file(const struct proc_map *m)
{
	char path[MAPPING_PATH];

	mapping_path(path, m);
	return path[0] == '/' && m->ino;
}

/* Returns by how much the addresses of a file in memory differ from those in its program
 * headers, if a mapping of it begins with one of its segments.  Returns -1 if not. */
static int
bias_of(const struct elf_file *elf, const struct proc_map *m, int exec, uint64_t *bias)
{
	uint64_t page = page_size();
	struct elf_file_segment s;
	int x;

	for (size_t i = 0; elf_file_load_segment(elf, i, &s, &x) == 0; i++)
		if (x == exec && (s.offset & ~(page - 1)) == m->offset) {
			*bias = m->start - (s.addr & ~(page - 1));
			return 0;
		}
	return -1;
}

/* Find the offset in a file that the code at an address is from by its program headers.
 * Returns -1 if there is none. */
static int
code_offset(const struct elf_file *elf, uint64_t from, uint64_t to, uint64_t *offset)
{
	uint64_t page = page_size();
	struct elf_file_segment s;

	for (size_t i = 0; elf_file_exec_segment(elf, i, &s) == 0; i++)
		if (from >= (s.addr & ~(page - 1)) && to <= ((s.addr + s.len + page - 1) & ~(page - 1))) {
			*offset = from - s.addr + s.offset;
			return 0;
		}
	return -1;
}

/* Returns whether memory has the bytes of a file: some pages are compared. */
static int
is_copy(pid_t pid, const struct elf_file *elf, const struct proc_map *m, uint64_t offset)
{
	uint64_t page = page_size(), len = m->end - m->start, n = len / page, step;
	unsigned char memory[4096];
	size_t size;
	const unsigned char *bytes = elf_file_bytes(elf, &size);

	step = n > COMPARED ? n / COMPARED * page : page;
	for (uint64_t at = 0; at < len; at += step) {
		if (offset + at + sizeof memory > size)
			break;
		if (proc_read(pid, m->start + at, memory, sizeof memory) < 0 ||
		    memcmp(memory, bytes + offset + at, sizeof memory) != 0)
			return 0;
	}
	return 1;
}

/* Make an anonymous mapping one of the file that is mapped at a neighbour, if it has a copy
 * of the code that belongs there.  Returns -1 if it is no such thing. */
static int
adopt(pid_t pid, struct proc_map *m, const struct proc_map *near, int exec)
{
	int fd = mapping_open(pid, near), got = -1;
	struct elf_file *elf = NULL;
	uint64_t bias, offset;
	const char *error;

	if (fd >= 0)
		elf = elf_file_open(fd, &error);
	if (fd >= 0)
		close(fd);
	if (elf && bias_of(elf, near, exec, &bias) == 0 && m->start >= bias &&
	    code_offset(elf, m->start - bias, m->end - bias, &offset) == 0 &&
	    is_copy(pid, elf, m, offset)) {
		m->ino = near->ino;
		m->major = near->major;
		m->minor = near->minor;
		m->offset = offset;
		m->copied = 1;
		got = 0;
	}
	elf_file_close(elf);
	return got;
}

/* Returns m, the i-th of a list, as a mapping of the file that its code is from. */
static struct proc_map
as_file(pid_t pid, const struct list *l, size_t i)
{
	struct proc_map m = l->map[i];
	size_t near = i;

	if (has_file(&m) || m.path[0] == '[')
		return m;
	/* Files lie below and above, perhaps behind more of the same. */
	while (near > 0 && !has_file(&l->map[near]) &&
	    l->map[near - 1].end == l->map[near].start)
		near--;
	if (has_file(&l->map[near]) &&
	    adopt(pid, &m, &l->map[near], l->perms[near][2] == 'x') == 0) {
		m.path = l->map[near].path;
		return m;
	}
	for (near = i; near + 1 < l->n && !has_file(&l->map[near]) &&
	     l->map[near].end == l->map[near + 1].start;)
		near++;
	if (has_file(&l->map[near]) &&
	    adopt(pid, &m, &l->map[near], l->perms[near][2] == 'x') == 0)
		m.path = l->map[near].path;
	return m;
}

int
mapping_code(pid_t pid, void (*fn)(void *ctx, const struct proc_map *map), void *ctx)
{
	struct list l;
	int got = read_list(pid, &l), error = errno;

	for (size_t i = 0; got == 0 && i < l.n; i++)
		if (l.perms[i][2] == 'x') {
			struct proc_map m = as_file(pid, &l, i);

			fn(ctx, &m);
		}
	clear(&l);
	errno = error;
	return got;
}

/* ---- out of memory ----------------------------------------------------- */

/* Returns whether a mapping can be read, and is of the same file as another one. */
static int
is_part(const struct list *l, size_t i, const struct proc_map *m)
{
	const struct proc_map *part = &l->map[i];

	return l->perms[i][0] == 'r' && part->ino == m->ino && part->major == m->major &&
	    part->minor == m->minor && strcmp(part->path, m->path) == 0 &&
	    part->offset + (part->end - part->start) <= IMAGE_MOST;
}

/* Read the parts of a file that a process has mapped, and make an image of them.  Returns
 * its size; 0: there is no beginning, or no memory. */
static size_t
read_image(pid_t pid, const struct list *l, const struct proc_map *m, unsigned char **image)
{
	uint64_t size = 0;
	int begin = 0;

	for (size_t i = 0; i < l->n; i++)
		if (is_part(l, i, m) && l->map[i].offset + (l->map[i].end - l->map[i].start) > size)
			size = l->map[i].offset + (l->map[i].end - l->map[i].start);
	*image = size ? calloc(1, size) : NULL;
	if (*image == NULL)
		return 0;
	/* Code last: where pages belong to two segments it is the unchanged one. */
	for (int exec = 0; exec < 2; exec++)
		for (size_t i = 0; i < l->n; i++) {
			const struct proc_map *part = &l->map[i];

			if (!is_part(l, i, m) || (l->perms[i][1] == 'w') ||
			    (l->perms[i][2] == 'x') != exec)
				continue;
			if (proc_read(pid, part->start, *image + part->offset,
			        part->end - part->start) == 0 && part->offset == 0)
				begin = 1;
		}
	if (begin)
		return size;
	free(*image);
	return 0;
}

struct elf_file *
mapping_image(pid_t pid, const struct proc_map *map, const char **error)
{
	struct elf_file *elf = NULL;
	unsigned char *image;
	struct list l;
	size_t size = 0;

	*error = "its memory cannot be read";
	if (read_list(pid, &l) == 0)
		size = read_image(pid, &l, map, &image);
	clear(&l);
	if (size == 0)
		return NULL;
	elf = elf_file_loaded(image, size, error);
	if (elf == NULL)
		free(image);
	else
		elf_file_own(elf, image);
	return elf;
}
