#include "unwind/cache.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/array.h"
#include "unwind/cache_file.h"

#define UNFINISHED ".new." /* begins the name of a file that is being written */
#define UNFINISHED_OLD 3600 /* seconds: its writer has gone */
#define BLOCK 4096         /* files take whole blocks of a disk */

struct cache {
	int dir;
	uint64_t limit, total; /* bytes; total: of the last scan, and of files written since */
	int scanned;
};

/* ---- the directory ----------------------------------------------------- */

/* Returns whether a file or directory is of a type, and ours alone to write to. */
static int
ours(int fd, mode_t type)
{
	struct stat st;

	return fstat(fd, &st) == 0 && (st.st_mode & S_IFMT) == type &&
	    st.st_uid == geteuid() && (st.st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

/* Open a directory in another one; or -1.  It is made, and may be a link, only in one
 * that is ours. */
static int
enter(int at, const char *name)
{
	int fd, flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;

	if (ours(at, S_IFDIR))
		mkdirat(at, name, 0700);
	else
		flags |= O_NOFOLLOW;
	fd = openat(at, name, flags);
	if (fd >= 0 && ours(fd, S_IFDIR))
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

static int
enter_path(const char *path, const char *name)
{
	int at = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC), fd;

	if (at < 0)
		return -1;
	fd = enter(at, name);
	close(at);
	return fd;
}

static int
enter_xdg(const char *path)
{
	char parent[PATH_MAX], name[PATH_MAX];

	if (strlen(path) >= sizeof parent)
		return -1;
	strcpy(parent, path);
	strcpy(name, path);
	return enter_path(dirname(parent), basename(name));
}

/* Open the directory for caches.  A path that is not absolute does not count: XDG Base
 * Directory Specification 0.8. */
static int
enter_base(void)
{
	const char *xdg = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");

	if (xdg && xdg[0] == '/')
		return enter_xdg(xdg);
	return home && home[0] == '/' ? enter_path(home, ".cache") : -1;
}

struct cache *
cache_open(uint64_t limit)
{
	int base = enter_base(), dir;
	struct cache *c;

	if (base < 0)
		return NULL;
	dir = enter(base, "rsprof");
	close(base);
	c = dir < 0 ? NULL : calloc(1, sizeof *c);
	if (c == NULL) {
		if (dir >= 0)
			close(dir);
		return NULL;
	}
	c->dir = dir;
	c->limit = limit;
	return c;
}

void
cache_close(struct cache *c)
{
	if (c == NULL)
		return;
	close(c->dir);
	free(c);
}

/* ---- how much there is ------------------------------------------------- */

struct entry {
	char name[CACHE_NAME_MAX];
	struct timespec used;
	uint64_t size;
};

/* The files that there are. */
struct scan {
	struct entry *entry;
	size_t n, room;
	uint64_t total;
};

static uint64_t
blocks(uint64_t size)
{
	return (size + BLOCK - 1) / BLOCK * BLOCK;
}

/* Returns whether a name has the form of those that name_of() makes. */
static int
is_name(const char *name)
{
	size_t id = strspn(name, "0123456789abcdef"), n;

	if (id < 16 || name[id] != '.' || strlen(name) >= CACHE_NAME_MAX)
		return 0;
	name += id + 1;
	for (int i = 0; i < 2; i++) {
		n = strspn(name, "0123456789");
		if (n == 0 || name[n] != '.')
			return 0;
		name += n + 1;
	}
	return *name != '\0' && name[strspn(name, "abcdefghijklmnopqrstuvwxyz")] == '\0';
}

/* Add a file of the directory, or delete one that was never finished. */
static void
scan_file(struct cache *c, const char *name, struct scan *s)
{
	struct entry *e;
	struct stat st;

	if (fstatat(c->dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
	    !S_ISREG(st.st_mode))
		return;
	if (strncmp(name, UNFINISHED, strlen(UNFINISHED)) == 0) {
		if (st.st_mtim.tv_sec < time(NULL) - UNFINISHED_OLD)
			unlinkat(c->dir, name, 0);
		return;
	}
	if (!is_name(name) || array_room(&s->entry, s->n, &s->room, sizeof *s->entry) < 0)
		return;
	e = &s->entry[s->n++];
	strcpy(e->name, name);
	e->used = st.st_mtim;
	e->size = blocks((uint64_t)st.st_size);
	s->total += e->size;
}

static int
by_use(const void *a, const void *b)
{
	const struct timespec *x = &((const struct entry *)a)->used;
	const struct timespec *y = &((const struct entry *)b)->used;

	if (x->tv_sec != y->tv_sec)
		return x->tv_sec < y->tv_sec ? -1 : 1;
	return x->tv_nsec < y->tv_nsec ? -1 : x->tv_nsec > y->tv_nsec;
}

/* Delete the files used longest ago, until there is room for a while. */
static void
make_room(struct cache *c, struct scan *s)
{
	qsort(s->entry, s->n, sizeof *s->entry, by_use);
	for (size_t i = 0; i < s->n && s->total > c->limit / 4 * 3; i++)
		if (unlinkat(c->dir, s->entry[i].name, 0) == 0)
			s->total -= s->entry[i].size;
}

/* Sum up the files, and delete some if there are too many bytes. */
static void
scan(struct cache *c)
{
	int fd = openat(c->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct scan s = { 0 };
	struct dirent *e;

	if (d == NULL) {
		if (fd >= 0)
			close(fd);
		return;
	}
	while ((e = readdir(d)))
		scan_file(c, e->d_name, &s);
	closedir(d);
	if (s.total > c->limit)
		make_room(c, &s);
	free(s.entry);
	c->total = s.total;
	c->scanned = 1;
}

/* ---- its files --------------------------------------------------------- */

/* Make the name of a file.  Returns -1 if nothing is kept of that. */
static int
name_of(char name[CACHE_NAME_MAX], const struct cache_key *key,
    const struct cache_kind *kind)
{
	size_t len = strlen(key->buildid);

	if (len < 16 || len > 128 ||
	    strspn(key->buildid, "0123456789abcdef") != len)
		return -1;
	snprintf(name, CACHE_NAME_MAX, "%s.%" PRIu64 ".%u%s", key->buildid, key->size,
	    (unsigned)key->owner, kind->suffix);
	return 0;
}

void *
cache_read(struct cache *c, const struct cache_key *key, const struct cache_kind *kind,
    uint32_t count[CACHE_COUNTS], size_t *len)
{
	char name[CACHE_NAME_MAX];
	struct cache_head h;
	void *body = NULL;
	int fd;

	if (c == NULL || name_of(name, key, kind) < 0)
		return NULL;
	fd = openat(c->dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return NULL;
	if (ours(fd, S_IFREG))
		body = cache_file_read(fd, kind, name, &h, len);
	if (body) {
		memcpy(count, h.count, sizeof h.count);
		futimens(fd, NULL); /* when it was last used */
	}
	close(fd);
	return body;
}

/* Write a file so that other processes see all of it or nothing. */
static int
put(struct cache *c, const char *name, const struct cache_kind *kind,
    const uint32_t count[CACHE_COUNTS], const void *body, size_t len)
{
	char unfinished[64];
	uint64_t number;
	int fd, good;

	if (getrandom(&number, sizeof number, 0) != sizeof number)
		return -1;
	snprintf(unfinished, sizeof unfinished, UNFINISHED "%" PRIx64, number);
	fd = openat(c->dir, unfinished, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
	    0600);
	if (fd < 0)
		return -1;
	good = cache_file_write(fd, kind, name, count, body, len) == 0;
	good = close(fd) == 0 && good &&
	    renameat(c->dir, unfinished, c->dir, name) == 0;
	if (!good)
		unlinkat(c->dir, unfinished, 0);
	return good ? 0 : -1;
}

void
cache_write(struct cache *c, const struct cache_key *key, const struct cache_kind *kind,
    const uint32_t count[CACHE_COUNTS], const void *body, size_t len)
{
	uint64_t size = sizeof(struct cache_head) + len;
	char name[CACHE_NAME_MAX];

	if (c == NULL || name_of(name, key, kind) < 0 || size > c->limit / 2 ||
	    put(c, name, kind, count, body, len) < 0)
		return;
	c->total += blocks(size);
	if (!c->scanned || c->total > c->limit)
		scan(c);
}
