#include "record/rotate.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/array.h"
#include "record/db_file.h"

#define SECOND 1000000000
#define STAMP "-20000101T000000Z" /* digits stand for digits */

/* Returns where the ending of a path's last component begins: ".db", or nothing. */
static const char *
ending(const char *path)
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
	const char *dot = strrchr(name, '.');

	return dot && dot > name ? dot : path + strlen(path);
}

int
rotate_name(char *buf, size_t size, const char *path, int64_t wall)
{
	const char *end = ending(path);
	time_t seconds = (time_t)(wall / SECOND);
	char stamp[64];
	struct tm tm;
	int n;

	if (wall < 0 || gmtime_r(&seconds, &tm) == NULL || tm.tm_year + 1900 > 9999)
		return -1;
	strftime(stamp, sizeof stamp, "-%Y%m%dT%H%M%SZ", &tm);
	n = snprintf(buf, size, "%.*s%s%s", (int)(end - path), path, stamp, end);
	return n < 0 || (size_t)n >= size ? -1 : 0;
}

int64_t
rotate_next(int64_t wall, int64_t interval)
{
	int64_t next;

	return __builtin_add_overflow(wall - wall % interval, interval, &next) ? INT64_MAX : next;
}

/* ---- the files that there are -------------------------------------------- */

struct files {
	char **name;
	size_t n, room;
};

/* Returns whether a name is that of a file of stem and ending. */
static int
is_ours(const char *name, const char *stem, size_t len, const char *end)
{
	if (strncmp(name, stem, len) != 0)
		return 0;
	name += len;
	for (const char *p = STAMP; *p; p++, name++)
		if (*p >= '0' && *p <= '9' ? *name < '0' || *name > '9' : *name != *p)
			return 0;
	return strcmp(name, end) == 0;
}

static int
is_recording(const char *path)
{
	struct db_file f = { path, -1 };
	const char *why;
	int is = db_file_open(&f, 0, &why) == 1;

	db_file_close(&f);
	return is;
}

static int
by_name(const void *a, const void *b)
{
	char *const *x = a, *const *y = b;

	return strcmp(*x, *y);
}

/* List the recordings of a directory that are ours, sorted; dir ends in a slash, or is empty.
 * Returns -1 with errno. */
static int
list(const char *dir, const char *stem, size_t len, const char *end, struct files *f)
{
	DIR *d = opendir(*dir ? dir : ".");
	const struct dirent *e;
	char *path;
	int failed = d == NULL;

	while (!failed && (e = readdir(d)) != NULL) {
		if (!is_ours(e->d_name, stem, len, end))
			continue;
		if (asprintf(&path, "%s%s", dir, e->d_name) < 0) {
			failed = 1;
		} else if (!is_recording(path)) {
			free(path);
		} else if (array_room(&f->name, f->n, &f->room, sizeof *f->name) < 0) {
			free(path);
			failed = 1;
		} else {
			f->name[f->n++] = path;
		}
	}
	if (d)
		closedir(d);
	if (!failed && f->n > 1)
		qsort(f->name, f->n, sizeof *f->name, by_name);
	return failed ? -1 : 0;
}

/* Returns whether a program is writing a recording. */
static int
is_locked(const char *path)
{
	struct db_file f = { path, -1 };
	const char *why;
	int is = db_file_open(&f, 0, &why) == 1 && db_file_locked(&f);

	db_file_close(&f);
	return is;
}

/* Remove a recording and its log.  Returns -1 with errno. */
static int
remove_recording(const char *path)
{
	static const char *const suffix[] = { "-wal", "-shm" };
	char *name;

	if (is_locked(path)) {
		errno = EBUSY;
		return -1;
	}
	if (unlink(path) < 0 && errno != ENOENT)
		return -1;
	for (size_t i = 0; i < sizeof suffix / sizeof *suffix; i++) {
		if (asprintf(&name, "%s%s", path, suffix[i]) < 0)
			return -1;
		unlink(name);
		free(name);
	}
	return 0;
}

int
rotate_purge(const char *path, uint64_t keep, const char **why)
{
	static char text[512];
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
	const char *end = ending(path);
	char *dir = strndup(path, (size_t)(name - path));
	struct files f = { 0 };
	int r = dir ? list(dir, name, (size_t)(end - name), end, &f) : -1;

	if (r < 0)
		snprintf(text, sizeof text, "%s: its directory cannot be read: %s", path,
		    strerror(errno));
	for (size_t i = 0; r == 0 && f.n - i > keep; i++)
		if ((r = remove_recording(f.name[i])) < 0)
			snprintf(text, sizeof text, "%s: cannot be removed: %s", f.name[i],
			    strerror(errno));
	for (size_t i = 0; i < f.n; i++)
		free(f.name[i]);
	free(f.name);
	free(dir);
	*why = text;
	return r;
}
