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
#include "unwind/cache_names.h"
#include "unwind/cache_table.h"
#include "unwind/unwind.h"

#define TABLE ".unwind"
#define NAMES ".names"
#define UNFINISHED ".new." /* begins the name of a file that is being written */
#define UNFINISHED_OLD 3600 /* seconds: its writer has gone */
#define BLOCK 4096         /* a file takes whole ones */

struct cache {
	int dir;
	uint64_t limit, total; /* bytes; the total is that of the last look, and */
	int looked;            /* what this process has written since */
};

/* ---- the directory ----------------------------------------------------- */

static int
ours(int fd, mode_t type)
{
	struct stat st;

	return fstat(fd, &st) == 0 && (st.st_mode & S_IFMT) == type &&
	    st.st_uid == geteuid() && (st.st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

/* A directory in another one, or -1.  It is made, and may be a link, only in
 * what is ours. */
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

/* XDG Base Directory Specification 0.8: what is not absolute does not count. */
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

struct look {
	struct entry *entry;
	size_t n, room;
	uint64_t total;
};

static uint64_t
blocks(uint64_t size)
{
	return (size + BLOCK - 1) / BLOCK * BLOCK;
}

static int
has_suffix(const char *name, size_t len, const char *suffix)
{
	return len > strlen(suffix) && len < CACHE_NAME_MAX &&
	    strcmp(name + len - strlen(suffix), suffix) == 0;
}

static void
look_at(struct cache *c, const char *name, struct look *l)
{
	size_t len = strlen(name);
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
	if ((!has_suffix(name, len, TABLE) && !has_suffix(name, len, NAMES)) ||
	    array_room(&l->entry, l->n, &l->room, sizeof *l->entry) < 0)
		return;
	e = &l->entry[l->n++];
	memcpy(e->name, name, len + 1);
	e->used = st.st_mtim;
	e->size = blocks((uint64_t)st.st_size);
	l->total += e->size;
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

/* The oldest ones go until there is room for a while. */
static void
make_room(struct cache *c, struct look *l)
{
	qsort(l->entry, l->n, sizeof *l->entry, by_use);
	for (size_t i = 0; i < l->n && l->total > c->limit / 4 * 3; i++)
		if (unlinkat(c->dir, l->entry[i].name, 0) == 0)
			l->total -= l->entry[i].size;
}

static void
look(struct cache *c)
{
	int fd = openat(c->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct look l = { 0 };
	struct dirent *e;

	if (d == NULL) {
		if (fd >= 0)
			close(fd);
		return;
	}
	while ((e = readdir(d)))
		look_at(c, e->d_name, &l);
	closedir(d);
	if (l.total > c->limit)
		make_room(c, &l);
	free(l.entry);
	c->total = l.total;
	c->looked = 1;
}

/* ---- its files --------------------------------------------------------- */

/* What to write in a file, and how many bytes there are of it. */
struct content {
	const char *suffix;
	uint64_t size;
	const struct unwind_table *table;
	int rust;
	const struct cache_names *names;
};

/* 0, or -1: nothing is kept of such a file. */
static int
name_of(char name[CACHE_NAME_MAX], const struct cache_key *key, const char *suffix)
{
	size_t len = strlen(key->buildid);

	if (len < 16 || len > 128 ||
	    strspn(key->buildid, "0123456789abcdef") != len)
		return -1;
	snprintf(name, CACHE_NAME_MAX, "%s.%" PRIu64 ".%u%s", key->buildid, key->size,
	    (unsigned)key->owner, suffix);
	return 0;
}

/* One that may be believed, or -1; its name. */
static int
open_kept(struct cache *c, const struct cache_key *key, const char *suffix,
    char name[CACHE_NAME_MAX])
{
	int fd;

	if (c == NULL || name_of(name, key, suffix) < 0)
		return -1;
	fd = openat(c->dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0 || ours(fd, S_IFREG))
		return fd;
	close(fd);
	return -1;
}

static void
close_kept(int fd, int good)
{
	if (good)
		futimens(fd, NULL); /* when it was last used */
	close(fd);
}

int
cache_load(struct cache *c, const struct cache_key *key, struct unwind_table *t,
    int *rust)
{
	char name[CACHE_NAME_MAX];
	int fd = open_kept(c, key, TABLE, name), good;

	if (fd < 0)
		return -1;
	good = cache_table_read(fd, name, t, rust) == 0;
	close_kept(fd, good);
	return good ? 0 : -1;
}

struct cache_names *
cache_load_names(struct cache *c, const struct cache_key *key)
{
	char name[CACHE_NAME_MAX];
	int fd = open_kept(c, key, NAMES, name);
	struct cache_names *n;

	if (fd < 0)
		return NULL;
	n = cache_names_read(fd, name);
	close_kept(fd, n != NULL);
	return n;
}

static int
write_content(int fd, const char *name, const struct content *what)
{
	return what->table ? cache_table_write(fd, name, what->table, what->rust) :
			     cache_names_write(fd, name, what->names);
}

/* Other processes see all of a file or nothing. */
static int
put(struct cache *c, const char *name, const struct content *what)
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
	good = write_content(fd, name, what) == 0;
	good = close(fd) == 0 && good &&
	    renameat(c->dir, unfinished, c->dir, name) == 0;
	if (!good)
		unlinkat(c->dir, unfinished, 0);
	return good ? 0 : -1;
}

static void
keep(struct cache *c, const struct cache_key *key, const struct content *what)
{
	char name[CACHE_NAME_MAX];

	if (c == NULL || name_of(name, key, what->suffix) < 0 ||
	    what->size > c->limit / 2 || put(c, name, what) < 0)
		return;
	c->total += blocks(what->size);
	if (!c->looked || c->total > c->limit)
		look(c);
}

void
cache_save(struct cache *c, const struct cache_key *key,
    const struct unwind_table *t, int rust)
{
	const struct content what = { TABLE, cache_table_size(t), t, rust, NULL };

	if (t->nrow > 0)
		keep(c, key, &what);
}

void
cache_save_names(struct cache *c, const struct cache_key *key,
    const struct cache_names *n)
{
	const struct content what = { NAMES, cache_names_size(n), NULL, 0, n };

	if (cache_names_changed(n))
		keep(c, key, &what);
}
