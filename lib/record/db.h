/*
 * SQLite, and the recording that rsprof-store(1) describes (schema.sql).
 * Errors are strings for a person that name the file; they stay valid until
 * the next call.
 */
#ifndef DB_H
#define DB_H

#include <stddef.h>
#include <stdint.h>

#define DB_SCHEMA 4 /* that is written; all up to it can be read */

struct db;
struct db_stmt;

enum db_mode {
	DB_READ,    /* an existing recording; also while it is written */
	DB_CREATE,  /* a new file; fails where one exists */
	DB_REPLACE, /* as DB_CREATE, but an existing *recording* is replaced */
	DB_APPEND   /* an existing recording, or a new file */
};

/*
 * Open a recording.  NULL: *error says why and needs no free; the file is
 * untouched, and errno is EEXIST where DB_CREATE met a recording.  What is
 * not a recording is never written to or replaced.  A recording has at most
 * one writer; a new one appears under its name when its schema is complete.
 *
 * While a writer is there the recording is FILE, FILE-wal and FILE-shm.  The
 * writer's close makes it one file again; where a reader is in the way the
 * last reader's close does that, also after a writer that was killed.
 */
struct db *db_open(const char *path, enum db_mode mode, const char **error);

/* Statements must be finalized before.  What was not committed is undone.
 * -1: the last of it stayed in FILE-wal and could not be moved to FILE. */
int db_close(struct db *db);

const char *db_error(const struct db *db);

/* For a module that works for the db: db_error() tells of memory.  -1. */
int db_no_memory(struct db *db);

/* 1: a writer has the recording open now.  For DB_READ. */
int db_live(const struct db *db);

/* The version of the recording's schema, which a writer that continues it
 * brings up to DB_SCHEMA; -1 and db_error(). */
int64_t db_schema(struct db *db);

/* A value of the table meta, or NULL; valid until the next call of this. */
const char *db_meta(struct db *db, const char *key);

/* ---- statements ------------------------------------------------------- */

/* SQL without results, such as BEGIN.  0, or -1 and db_error(). */
int db_exec(struct db *db, const char *sql);

void db_undo(struct db *db); /* ROLLBACK; db_error() stays as it is */

/* NULL: db_error() says why.  The statement is the caller's. */
struct db_stmt *db_prepare(struct db *db, const char *sql);
void db_finalize(struct db_stmt *s);

/* The same for n of them; s is zeroed.  0, or -1: db_finalize_all() is to be
 * called in either case. */
int db_prepare_all(struct db *db, struct db_stmt **s, const char *const *sql,
    size_t n);
void db_finalize_all(struct db_stmt **s, size_t n);

/*
 * Give a statement its parameters, one letter of `types` for each: 'i' an
 * int64_t, 'r' an int64_t that refers to a row (0 is stored as NULL), 't' a
 * string (NULL is stored as NULL), which must stay until the statement's last
 * row or its next start.  db_run() also runs it; it is for what has no rows.
 * 0, or -1 and db_error().
 */
int db_start(struct db_stmt *s, const char *types, ...);
int db_run(struct db_stmt *s, const char *types, ...);

/* The next row: 1, or 0 after the last one, or -1 and db_error(). */
int db_step(struct db_stmt *s);
void db_reset(struct db_stmt *s); /* no more rows are wanted */

/* Its columns, from 0.  NULL is 0, and NULL. */
int db_is_null(struct db_stmt *s, int column);
int64_t db_int(struct db_stmt *s, int column);
const char *db_text(struct db_stmt *s, int column); /* until the next step */

int64_t db_last_id(const struct db *db); /* of the last row inserted */

/* A column's name. */
const char *db_name(struct db_stmt *s, int column);

/*
 * Run somebody's SQL: any number of statements, none of which changes or
 * attaches anything.  head(), unless NULL, is told of each statement that has
 * columns, row() of each of its rows; both return 0 to go on, and what else
 * they return is returned.  0, or -1 and db_error().
 */
typedef int db_row(void *ctx, struct db_stmt *s, int columns);
int db_query(struct db *db, const char *sql, db_row *head, db_row *row,
    void *ctx);

#endif
