/*
 * The file of a recording: checking that it is one, locking it for its writer,
 * and creating it so that no reader ever sees half of one.
 *
 * On failure *why is set to a string without the file's name, which needs no
 * free and is valid until the next call.
 */
#ifndef DB_FILE_H
#define DB_FILE_H

#include <stddef.h>

/* Initialise path, which stays the caller's, and fd to -1.  Close the fd only
 * after SQLite has closed the file: closing any descriptor of a file drops
 * SQLite's locks. */
struct db_file {
	const char *path;
	int fd; /* for holding or testing the writer's lock */
};

/* Open an existing recording as f->fd.  Returns 1 if it is open, 0 if there is
 * no file of that name, -1 if it cannot be opened or is not a recording, which
 * leaves the file untouched. */
int db_file_open(struct db_file *f, int writable, const char **why);

/* Create a recording with the bytes of `image`, locked before it is visible; it
 * replaces the one open as f->fd, if any.  Returns -1 on failure, where the old
 * recording is still there unless only the last step has failed. */
int db_file_make(struct db_file *f, const void *image, size_t len,
    const char **why);

void db_file_close(struct db_file *f);

/* Become the only writer until the fd is closed.  Returns 0 or -1. */
int db_file_lock(const struct db_file *f, const char **why);

/* Returns whether there is a writer. */
int db_file_locked(const struct db_file *f);

/* Returns whether the path still names the file open as fd. */
int db_file_current(const struct db_file *f);

/* Returns whether the file has a write-ahead log with content, which only
 * SQLite can move into it. */
int db_file_has_log(const struct db_file *f);

#endif
