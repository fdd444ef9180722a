/*
 * The file that a recording is in: whether it is one, who writes it, and how
 * it is made, so that nobody ever sees half of one.
 *
 * Where something fails *why says so, without the file's name; it needs no
 * free and is valid until the next call.
 */
#ifndef DB_FILE_H
#define DB_FILE_H

#include <stddef.h>

/* Zeroed but for the path, which is the caller's, and an fd of -1.  The fd
 * must be closed after SQLite has closed the file: closing any descriptor of
 * a file drops SQLite's locks. */
struct db_file {
	const char *path;
	int fd; /* holds or tests the writer's lock */
};

/* Open an existing recording at fd: 1; 0: there is no file of that name; -1:
 * it cannot be opened, or is no recording, and was not touched. */
int db_file_open(struct db_file *f, int writable, const char **why);

/* Make an empty recording of these bytes, for which the lock is held before
 * anybody can see it.  Where there is one at fd that takes its place.  -1: the
 * old one is still there unless even the last step has failed. */
int db_file_make(struct db_file *f, const void *image, size_t len,
    const char **why);

void db_file_close(struct db_file *f);

/* Become the only writer, until the fd is closed.  0, or -1. */
int db_file_lock(const struct db_file *f, const char **why);

/* 1: there is a writer. */
int db_file_locked(const struct db_file *f);

/* 1: what has the name now is still the file at fd. */
int db_file_current(const struct db_file *f);

/* 1: there are bytes beside the file that only SQLite can bring into it. */
int db_file_has_log(const struct db_file *f);

#endif
