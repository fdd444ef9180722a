#include "record/db_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/*
 * A recording is recognised by SQLite's application id in its header, read
 * without SQLite.  Its writer holds an OFD lock on one byte far beyond the
 * end, which ends with the process.  A new recording is filled and locked as
 * a file without a name (O_TMPFILE) and then linked, so that it appears whole;
 * where the file system has no such files it is created under its name.
 */

#define APPLICATION_ID 0x72737066u /* as in schema.sql */
#define HEADER 100                 /* www.sqlite.org/fileformat2.html, 1.3 */
#define HEADER_MAGIC "SQLite format 3"
#define HEADER_APPLICATION_ID 68
#define WRITER_BYTE ((off_t)1 << 62) /* far from the bytes SQLite locks */

static int
fail(const char **why, const char *what)
{
	*why = what;
	return -1;
}

static int
fail_errno(const char **why)
{
	return fail(why, strerror(errno));
}

/* ---- an existing file -------------------------------------------------- */

/* Move a descriptor above standard error: where that was closed, a message must not go
 * into the recording.  Returns the new descriptor, or -1. */
static int
above_stderr(int fd)
{
	int high;

	if (fd < 0 || fd > STDERR_FILENO)
		return fd;
	high = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	close(fd);
	return high;
}

static uint32_t
be32(const unsigned char *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 |
	    (uint32_t)p[2] << 8 | p[3];
}

/* Check that the file is a recording, without SQLite, which may change a file that it
 * opens. */
static int
check_header(int fd, const char **why)
{
	unsigned char h[HEADER];
	ssize_t n = pread(fd, h, sizeof h, 0);

	if (n < 0)
		return fail_errno(why);
	if (n == 0)
		return fail(why, "not a recording: the file is empty");
	if (n < HEADER || memcmp(h, HEADER_MAGIC, sizeof(HEADER_MAGIC)))
		return fail(why, "not a recording: not an SQLite file");
	if (be32(h + HEADER_APPLICATION_ID) != APPLICATION_ID)
		return fail(why, "an SQLite file, but not a recording");
	return 0;
}

int
db_file_open(struct db_file *f, int writable, const char **why)
{
	struct stat st;

	if (stat(f->path, &st) < 0)
		return errno == ENOENT ? 0 : fail_errno(why);
	if (!S_ISREG(st.st_mode))
		return fail(why, S_ISDIR(st.st_mode) ? "is a directory" : "not a regular file");
	f->fd = above_stderr(open(f->path,
	    O_CLOEXEC | (writable ? O_RDWR : O_RDONLY)));
	if (f->fd < 0)
		return fail_errno(why);
	return check_header(f->fd, why) < 0 ? -1 : 1;
}

void
db_file_close(struct db_file *f)
{
	if (f->fd >= 0)
		close(f->fd);
	f->fd = -1;
}

int
db_file_current(const struct db_file *f)
{
	struct stat a, b;

	return fstat(f->fd, &a) == 0 && stat(f->path, &b) == 0 &&
	    a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

int
db_file_has_log(const struct db_file *f)
{
	/* SQLite keeps it beside the target of a symbolic link. */
	char *real = realpath(f->path, NULL), *name = NULL;
	struct stat st;
	int r = 1;

	if (real && asprintf(&name, "%s-wal", real) >= 0) {
		r = stat(name, &st) == 0 && st.st_size > 0;
		free(name);
	}
	free(real);
	return r;
}

/* ---- the writer's lock ------------------------------------------------- */

/* Apply a lock command to the writer's byte; *type is the lock's type, in and out. */
static int
writer_lock(int fd, int command, short *type)
{
	struct flock lock = { .l_type = *type, .l_whence = SEEK_SET };
	int r;

	lock.l_start = WRITER_BYTE;
	lock.l_len = 1;
	r = fcntl(fd, command, &lock);
	*type = lock.l_type;
	return r;
}

int
db_file_lock(const struct db_file *f, const char **why)
{
	short type = F_WRLCK;

	if (writer_lock(f->fd, F_OFD_SETLK, &type) < 0 &&
	    (errno == EAGAIN || errno == EACCES))
		return fail(why, "another program is writing this recording");
	return 0;
}

int
db_file_locked(const struct db_file *f)
{
	short type = F_RDLCK;

	return writer_lock(f->fd, F_OFD_GETLK, &type) == 0 && type != F_UNLCK;
}

/* ---- a new file -------------------------------------------------------- */

static int
write_all(int fd, const char *p, size_t len)
{
	ssize_t n;

	for (; len; p += n, len -= (size_t)n)
		if ((n = write(fd, p, len)) < 0) {
			if (errno != EINTR)
				return -1;
			n = 0;
		}
	return 0;
}

/* Open a file without a name in the directory of the recording.  Returns -1 if the file
 * system does not support that. */
static int
open_nameless(const char *path)
{
	const char *slash = strrchr(path, '/');
	char *dir;
	int fd;

	if (slash == NULL)
		return open(".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0666);
	if ((dir = strndup(path, (size_t)(slash - path + 1))) == NULL)
		return -1;
	fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0666);
	free(dir);
	return fd;
}

/* Remove the old file, and any log or journal that SQLite would apply to the
 * new one. */
static void
remove_old(const char *path, int old)
{
	static const char *const suffix[] = { "-wal", "-shm", "-journal" };
	char *name;
	size_t i;

	if (old)
		unlink(path);
	for (i = 0; i < sizeof suffix / sizeof suffix[0]; i++)
		if (asprintf(&name, "%s%s", path, suffix[i]) >= 0) {
			unlink(name);
			free(name);
		}
}

/* Link a file without a name to path. */
static int
link_name(int fd, const char *path)
{
	char self[64];

	snprintf(self, sizeof self, "/proc/self/fd/%d", fd);
	return linkat(AT_FDCWD, self, AT_FDCWD, path, AT_SYMLINK_FOLLOW);
}

/* Create the file nameless and fill it before it gets its name.  Returns 1, 0 if the file
 * system cannot do that, or -1 on failure. */
static int
make_nameless(struct db_file *f, const char *image, size_t len, int old,
    const char **why)
{
	if ((f->fd = above_stderr(open_nameless(f->path))) < 0)
		return 0;
	if (write_all(f->fd, image, len) < 0)
		return fail_errno(why);
	if (db_file_lock(f, why) < 0)
		return -1;
	remove_old(f->path, old);
	if (link_name(f->fd, f->path) == 0)
		return 1;
	if (errno == EEXIST)
		return fail_errno(why);
	db_file_close(f);
	return 0;
}

/* Create the file under its name.  Returns 0 or -1. */
static int
make_named(struct db_file *f, const char *image, size_t len, int old,
    const char **why)
{
	remove_old(f->path, old);
	f->fd = above_stderr(open(f->path,
	    O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0666));
	if (f->fd < 0)
		return fail_errno(why);
	if (db_file_lock(f, why) < 0)
		return -1;
	if (write_all(f->fd, image, len) == 0)
		return 0;
	fail_errno(why);
	unlink(f->path);
	return -1;
}

int
db_file_make(struct db_file *f, const void *image, size_t len,
    const char **why)
{
	int old = f->fd, r;

	if ((r = make_nameless(f, image, len, old >= 0, why)) == 0)
		r = make_named(f, image, len, old >= 0, why);
	if (old >= 0)
		close(old);
	return r < 0 ? -1 : 0;
}
