/*
 * SQLite, and the recording that rsprof-store(1) describes (schema.sql).
 * Error messages are for people and name the file; they are valid until the
 * next call.
 */
#ifndef DB_H
#define DB_H

#include <stddef.h>
#include <stdint.h>

#define DB_SCHEMA 5 /* the version written; all up to it can be read */

struct db;
struct db_stmt;

enum db_mode {
	DB_READ,    /* an existing recording, also while it is being written */
	DB_CREATE,  /* a new file; fails if one exists */
	DB_REPLACE, /* as DB_CREATE, but an existing *recording* is replaced */
	DB_APPEND   /* an existing recording, or a new file */
};

/*
 * Open a recording.  Returns NULL on failure: *error says why and needs no
 * free, the file is untouched, and errno is EEXIST if DB_CREATE found a
 * recording.  A file that is not a recording is never written to or replaced.
 * A recording has at most one writer; a new one appears under its name when
 * its schema is complete.
 *
 * While it is being written a recording is FILE, FILE-wal and FILE-shm.  The
 * writer's close makes it one file again.  If a reader prevents that, or the
 * writer was killed, the last reader's close does it.
 */
struct db *db_open(const char *path, enum db_mode mode, const char **error);

/* Close a recording, or nothing for NULL, and roll back an open transaction.
 * Statements must have been finalized.  Returns -1 if the last transactions
 * could not be moved from FILE-wal to FILE. */
int db_close(struct db *db);

/* Returns the last error. */
const char *db_error(const struct db *db);

/* Set the error to "out of memory", for modules that write to the db.  Returns
 * -1. */
int db_no_memory(struct db *db);

/* Returns whether a writer has the recording open now.  For DB_READ. */
int db_live(const struct db *db);

/* Returns the version of the recording's schema, or -1 with db_error().  A
 * writer that continues a recording brings it up to DB_SCHEMA. */
int64_t db_schema(struct db *db);

/* Returns a value of the table meta, or NULL; valid until the next db_meta(). */
const char *db_meta(struct db *db, const char *key);

/* ---- statements ------------------------------------------------------- */

/* Run SQL without results, such as BEGIN.  Returns 0, or -1 with db_error(). */
int db_exec(struct db *db, const char *sql);

/* Roll back the open transaction, if any.  Leaves db_error() alone. */
void db_undo(struct db *db);

/* Prepare a statement, which is the caller's to finalize.  Returns NULL with
 * db_error() on failure. */
struct db_stmt *db_prepare(struct db *db, const char *sql);
void db_finalize(struct db_stmt *s);

/* Prepare n statements into the zeroed array s.  Returns 0, or -1 with
 * db_error(); call db_finalize_all() in either case. */
int db_prepare_all(struct db *db, struct db_stmt **s, const char *const *sql,
    size_t n);
void db_finalize_all(struct db_stmt **s, size_t n);

/*
 * Bind a statement's parameters, one letter of `types` for each: 'i' an
 * int64_t, 'r' an int64_t that refers to a row (0 is stored as NULL), 't' a
 * string (NULL is stored as NULL), which must stay valid until the statement's
 * last row or its next start.  db_run() also runs the statement, which must
 * return no rows.  Returns 0, or -1 with db_error().
 */
int db_start(struct db_stmt *s, const char *types, ...);
int db_run(struct db_stmt *s, const char *types, ...);

/* Go to the next row.  Returns 1, or 0 after the last row, or -1 with
 * db_error(). */
int db_step(struct db_stmt *s);
/* End a statement before its last row. */
void db_reset(struct db_stmt *s);

/* Return a column of the current row, from 0.  SQL's NULL is 0, or NULL.  The
 * text is valid until the next step. */
int db_is_null(struct db_stmt *s, int column);
int db_is_number(struct db_stmt *s, int column);
int64_t db_int(struct db_stmt *s, int column);
const char *db_text(struct db_stmt *s, int column);

/* Returns the id of the row inserted last. */
int64_t db_last_id(const struct db *db);

/* Returns a column's name. */
const char *db_name(struct db_stmt *s, int column);

/*
 * Run a user's SQL: any number of statements, none of which may change or
 * attach anything.  head(), unless NULL, is called for each statement that has
 * columns, and row() for each of its rows.  Both return 0 to go on; any other
 * value ends the query and is returned.  Returns 0, or -1 with db_error().
 */
typedef int db_row(void *ctx, struct db_stmt *s, int columns);
int db_query(struct db *db, const char *sql, db_row *head, db_row *row,
    void *ctx);

/* Have the user's SQL fail once it has taken so long from now on. */
void db_set_limit(struct db *db, uint64_t ns);

#endif
