#include "symbol/perfmap.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/array.h"
#include "os/proc.h"

#define MAX_BYTES (64 << 20) /* bytes of a file that are read */
#define OVERLAPS 16     /* entries that are searched backwards */

struct entry {
	uint64_t start, size;
	uint32_t name;  /* offset in text */
	uint32_t order; /* of its line */
};

struct perfmap {
	pid_t pid;
	off_t size; /* of the file when it was last read */
	char *text;
	struct entry *entry; /* by start, then by order */
	size_t n, room;
};

struct perfmap *
perfmap_open(pid_t pid)
{
	struct perfmap *m = calloc(1, sizeof *m);

	if (m)
		m->pid = pid;
	return m;
}

void
perfmap_close(struct perfmap *m)
{
	if (m == NULL)
		return;
	free(m->text);
	free(m->entry);
	free(m);
}

/* Returns the pid of a process in its own namespace, the last number of NSpid. */
static long
own_pid(pid_t pid)
{
	char path[64], line[256];
	long own = pid;
	FILE *f;

	snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof line, f))
		if (strncmp(line, "NSpid:", 6) == 0)
			own = strtol(strrchr(line, '\t') ? strrchr(line, '\t') : line + 6, NULL, 10);
	if (f)
		fclose(f);
	return own;
}

/* Open the file if its owner is trusted, because any user may write to /tmp. */
static int
open_trusted(pid_t pid, struct stat *st)
{
	char path[128];
	struct stat owner;
	int fd;

	snprintf(path, sizeof path, "/proc/%d", (int)pid);
	if (stat(path, &owner) < 0)
		return -1;
	snprintf(path, sizeof path, "/proc/%d/root/tmp/perf-%ld.map", (int)proc_shown(pid),
	    own_pid(pid));
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		return -1;
	if (fstat(fd, st) == 0 && S_ISREG(st->st_mode) &&
	    (st->st_uid == owner.st_uid || st->st_uid == 0))
		return fd;
	close(fd);
	return -1;
}

static int
by_start(const void *va, const void *vb)
{
	const struct entry *a = va, *b = vb;

	if (a->start != b->start)
		return a->start < b->start ? -1 : 1;
	return a->order < b->order ? -1 : a->order > b->order;
}

/* Parse the complete lines of the text. */
static void
parse(struct perfmap *m)
{
	char *line = m->text, *end, *at;

	for (m->n = 0; (end = strchr(line, '\n')); line = end + 1) {
		struct entry e = { .order = (uint32_t)m->n };

		*end = '\0';
		e.start = strtoull(line, &at, 16);
		e.size = strtoull(at, &at, 16);
		if (*at != ' ' || at[1] == '\0' || e.size == 0)
			continue;
		e.name = (uint32_t)(at + 1 - m->text);
		if (array_room(&m->entry, m->n, &m->room, sizeof e) < 0)
			break;
		m->entry[m->n++] = e;
	}
	if (m->n)
		qsort(m->entry, m->n, sizeof *m->entry, by_start);
}

static size_t
read_all(int fd, char *to, size_t size)
{
	size_t got = 0;
	ssize_t n;

	while (got < size && (n = read(fd, to + got, size - got)) > 0)
		got += (size_t)n;
	return got;
}

/* Read the file if its size has changed.  Returns whether it was read. */
static int
refresh(struct perfmap *m)
{
	struct stat st;
	int fd = open_trusted(m->pid, &st);
	size_t size;
	char *text;

	if (fd < 0 || st.st_size == m->size) {
		if (fd >= 0)
			close(fd);
		return 0;
	}
	size = st.st_size > MAX_BYTES ? MAX_BYTES : (size_t)st.st_size;
	text = malloc(size + 1);
	if (text) {
		text[read_all(fd, text, size)] = '\0';
		free(m->text);
		m->text = text;
		m->size = st.st_size;
		parse(m);
	}
	close(fd);
	return text != NULL;
}

/* Returns the name of the entry with an address that was written last, or NULL. */
static const char *
find(const struct perfmap *m, uint64_t addr)
{
	size_t last = array_upto(m->entry, m->n, sizeof *m->entry, addr);

	for (size_t i = last; i > 0 && last - i < OVERLAPS; i--)
		if (addr - m->entry[i - 1].start < m->entry[i - 1].size)
			return m->text + m->entry[i - 1].name;
	return NULL;
}

const char *
perfmap_lookup(struct perfmap *m, uint64_t addr)
{
	const char *name = find(m, addr);

	return name == NULL && refresh(m) ? find(m, addr) : name;
}
