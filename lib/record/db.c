#include "record/db.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <sqlite3.h>

#include "record/db_file.h"

/*
 * A recording is an SQLite file in WAL mode while it is written, and a plain
 * one before and after.  db_file.c holds the writer's lock and creates the
 * file with its schema in place, so SQLite only ever opens a recording.  A
 * reader falls back from read-only to read-write, to recover an interrupted
 * journal, and then to immutable, for a directory that it cannot write.
 */
static const char schema[] =
#include "schema.h"
    ;

#define READ_TIMEOUT 2000 /* milliseconds */
#define WRITE_TIMEOUT 5000
#define CLOSE_TIMEOUT 200
#define ERROR_SIZE (PATH_MAX + 256)

struct db {
	char *path;
	sqlite3 *sql;
	enum db_mode mode;
	int immutable;
	struct db_file file; /* closed after sql */
	char *meta;          /* the last result of db_meta() */
	struct timespec end; /* of a user's SQL: see db_set_limit() */
	char error[ERROR_SIZE];
};

struct db_stmt {
	struct db *db;
	sqlite3_stmt *st;
};

/* ---- errors ----------------------------------------------------------- */

/* Set the error message.  Returns -1. */
__attribute__((format(printf, 2, 3))) static int
fail(struct db *db, const char *fmt, ...)
{
	va_list ap;
	int n;

	n = snprintf(db->error, sizeof db->error, "%.*s: ", PATH_MAX,
	    db->path);
	va_start(ap, fmt);
	vsnprintf(db->error + n, sizeof db->error - (size_t)n, fmt, ap);
	va_end(ap);
	return -1;
}

/* Set the error message to SQLite's last error, in words for people.  Returns -1. */
static int
fail_sqlite(struct db *db)
{
	int code = sqlite3_errcode(db->sql), e = sqlite3_system_errno(db->sql);
	const char *why = sqlite3_errmsg(db->sql);

	switch (code & 0xff) {
	case SQLITE_FULL:
		return fail(db, "the disk is full");
	case SQLITE_INTERRUPT:
		return fail(db, "the query has taken as long as it may");
	case SQLITE_IOERR:
		return fail(db, "%s: %s", why, e ? strerror(e) : "unknown cause");
	case SQLITE_CANTOPEN:
		return fail(db, "cannot be opened: %s", e ? strerror(e) : why);
	case SQLITE_BUSY:
		return fail(db, "in use by another program");
	case SQLITE_READONLY:
		return fail(db, "cannot be written");
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return fail(db, "damaged: %s", why);
	default:
		return fail(db, "%s", why);
	}
}

const char *
db_error(const struct db *db)
{
	return db->error;
}

int
db_no_memory(struct db *db)
{
	return fail(db, "%s", strerror(ENOMEM));
}

/* ---- opening ---------------------------------------------------------- */

/* Returns "file:PATH?mode=QUERY", in which no path has a special meaning to SQLite; to be
 * freed.  NULL: out of memory. */
static char *
file_uri(const char *path, const char *query)
{
	static const char hex[] = "0123456789ABCDEF";
	char *uri = malloc(3 * strlen(path) + strlen(query) + 16), *p;

	if (uri == NULL)
		return NULL;
	p = stpcpy(uri, *path == '/' ? "file://" : "file:./");
	for (; *path; path++) {
		if (strchr("%?#", *path) == NULL) {
			*p++ = *path;
			continue;
		}
		*p++ = '%';
		*p++ = hex[(unsigned char)*path >> 4];
		*p++ = hex[*path & 15];
	}
	stpcpy(stpcpy(p, "?mode="), query);
	return uri;
}

static int
open_sql(struct db *db, const char *query, int timeout)
{
	char *uri = file_uri(db->path, query);
	int rc;

	if (uri == NULL)
		return db_no_memory(db);
	rc = sqlite3_open_v2(uri, &db->sql,
	    SQLITE_OPEN_READWRITE | SQLITE_OPEN_URI |
	        SQLITE_OPEN_NOMUTEX,
	    NULL);
	free(uri);
	if (db->sql == NULL)
		return db_no_memory(db);
	sqlite3_extended_result_codes(db->sql, 1);
	sqlite3_busy_timeout(db->sql, timeout);
	if (rc != SQLITE_OK)
		return fail_sqlite(db);
	return db_exec(db, "PRAGMA trusted_schema=OFF;"
	                   "PRAGMA cell_size_check=ON");
}

static void
close_sql(struct db *db)
{
	sqlite3_close(db->sql);
	db->sql = NULL;
}

int64_t
db_schema(struct db *db)
{
	struct db_stmt *s = db_prepare(db, "PRAGMA user_version");
	int64_t version = -1;

	if (s && db_step(s) == 1)
		version = db_int(s, 0);
	db_finalize(s);
	return version;
}

/* Check that the file has a schema that this version can read. */
static int
check_schema(struct db *db)
{
	int64_t version = db_schema(db);

	if (version == -1)
		return -1;
	if (version > DB_SCHEMA)
		return fail(db, "recording of a newer rsprof (schema %lld, "
		                "this one reads %d)",
		    (long long)version, DB_SCHEMA);
	if (version < 1)
		return fail(db, "damaged: it has no schema version");
	return db_exec(db, "SELECT count(*) FROM sqlite_master");
}

/* Returns the bytes of an empty recording, to be freed with sqlite3_free(). */
static unsigned char *
empty_recording(size_t *len)
{
	unsigned char *image = NULL;
	sqlite3_int64 size = 0;
	sqlite3 *sql;

	if (sqlite3_open(":memory:", &sql) == SQLITE_OK &&
	    sqlite3_exec(sql, schema, NULL, NULL, NULL) == SQLITE_OK)
		image = sqlite3_serialize(sql, "main", &size, 0);
	sqlite3_close(sql);
	*len = (size_t)size;
	return image;
}

/* Open the file for reading in one of SQLite's modes. */
static int
try_read(struct db *db, const char *query)
{
	close_sql(db);
	if (open_sql(db, query, READ_TIMEOUT) < 0)
		return -1;
	return check_schema(db);
}

/*
 * Open the file for reading: read-only if possible.  An interrupted change of
 * the journal mode needs a connection that may write, to undo it.  A recording
 * whose writer was killed, in a directory that cannot be written, is read as
 * immutable.
 */
static int
open_read(struct db *db)
{
	const char *why = strerror(ENOENT);
	int code;

	if (db_file_open(&db->file, 0, &why) != 1)
		return fail(db, "%s", why);
	if (try_read(db, "ro") == 0)
		return 0;
	code = db->sql ? sqlite3_errcode(db->sql) & 0xff : SQLITE_NOMEM;
	if (code != SQLITE_CANTOPEN && code != SQLITE_READONLY)
		return -1;
	if (access(db->path, W_OK) == 0 && try_read(db, "rw") == 0)
		return db_exec(db, "PRAGMA query_only=ON");
	if (db_file_has_log(&db->file))
		return fail(db, "was not closed, and can be read only in a "
		                "directory that can be written: copy %s and %s-wal "
		                "to one",
		    db->path, db->path);
	db->immutable = 1;
	return try_read(db, "ro&immutable=1");
}

/* Create the file, replacing an old recording if one is open. */
static int
create(struct db *db)
{
	const char *why;
	unsigned char *image;
	size_t len;
	int r;

	if ((image = empty_recording(&len)) == NULL)
		return db_no_memory(db);
	r = db_file_make(&db->file, image, len, &why);
	sqlite3_free(image);
	return r < 0 ? fail(db, "%s", why) : 0;
}

/* Open or create the file and lock it for writing. */
static int
open_file(struct db *db)
{
	const char *why;
	int old = db_file_open(&db->file, 1, &why);

	if (old == 1 && db->mode == DB_CREATE) {
		fail(db, "a recording exists already");
		errno = EEXIST;
		return -1;
	}
	if (old < 0 || (old && db_file_lock(&db->file, &why) < 0))
		return fail(db, "%s", why);
	return old && db->mode == DB_APPEND ? 0 : create(db);
}

/* Bring a recording of an older version up to the current schema. */
static int
upgrade(struct db *db)
{
	if (db_schema(db) == DB_SCHEMA)
		return 0;
	if (db_exec(db, "BEGIN IMMEDIATE") < 0 ||
	    db_exec(db, schema) < 0) {
		db_undo(db);
		return -1;
	}
	return db_exec(db, "COMMIT");
}

static int
open_write(struct db *db)
{
	if (open_file(db) < 0 || open_sql(db, "rw", WRITE_TIMEOUT) < 0 ||
	    check_schema(db) < 0 || upgrade(db) < 0)
		return -1;
	return db_exec(db, "PRAGMA journal_mode=WAL;"
	                   "PRAGMA synchronous=NORMAL");
}

static void
free_db(struct db *db)
{
	close_sql(db);
	db_file_close(&db->file);
	free(db->meta);
	free(db->path);
	free(db);
}

struct db *
db_open(const char *path, enum db_mode mode, const char **error)
{
	static char why[ERROR_SIZE];
	struct db *db = calloc(1, sizeof *db);
	int e;

	*error = why;
	snprintf(why, sizeof why, "%s", strerror(ENOMEM));
	if (db == NULL || (db->path = strdup(path)) == NULL) {
		free(db);
		return NULL;
	}
	db->file = (struct db_file){ db->path, -1 };
	db->mode = mode;
	errno = 0;
	if ((mode == DB_READ ? open_read(db) : open_write(db)) == 0)
		return db;
	e = errno;
	memcpy(why, db->error, sizeof why);
	free_db(db);
	errno = e;
	return NULL;
}

int
db_live(const struct db *db)
{
	return db_file_locked(&db->file);
}

/* ---- closing ---------------------------------------------------------- */

/* Returns whether the recording is in WAL mode. */
static int
is_wal(struct db *db)
{
	struct db_stmt *s = db_prepare(db, "PRAGMA journal_mode");
	const char *mode;
	int r;

	r = s && db_step(s) == 1 && (mode = db_text(s, 0)) &&
	    strcmp(mode, "wal") == 0;
	db_finalize(s);
	return r;
}

/* Leave WAL mode, so that the recording is one plain file.  Returns 0 also if a
 * reader prevents it, which then does it itself. */
static int
make_plain(struct db *db)
{
	int code;

	sqlite3_busy_timeout(db->sql, CLOSE_TIMEOUT);
	if (db_exec(db, "PRAGMA wal_checkpoint(TRUNCATE);"
	                "PRAGMA journal_mode=DELETE") == 0)
		return 0;
	code = sqlite3_errcode(db->sql) & 0xff;
	return code == SQLITE_BUSY || code == SQLITE_LOCKED ? 0 : -1;
}

/* Leave WAL mode for a writer that could not because of this reader, or was killed. */
static void
finish_writer(struct db *db)
{
	if (db->immutable || !is_wal(db) || db_live(db) ||
	    !db_file_current(&db->file) || access(db->path, W_OK) < 0)
		return;
	close_sql(db);
	if (open_sql(db, "rw", 0) == 0)
		make_plain(db);
}

int
db_close(struct db *db)
{
	int r = 0;

	if (db == NULL)
		return 0;
	db_undo(db);
	if (db->mode == DB_READ)
		finish_writer(db);
	else
		r = make_plain(db);
	free_db(db);
	return r;
}

/* ---- statements ------------------------------------------------------- */

int
db_exec(struct db *db, const char *sql)
{
	if (sqlite3_exec(db->sql, sql, NULL, NULL, NULL) != SQLITE_OK)
		return fail_sqlite(db);
	return 0;
}

void
db_undo(struct db *db)
{
	if (!sqlite3_get_autocommit(db->sql))
		sqlite3_exec(db->sql, "ROLLBACK", NULL, NULL, NULL);
}

struct db_stmt *
db_prepare(struct db *db, const char *sql)
{
	struct db_stmt *s = malloc(sizeof *s);

	if (s == NULL) {
		db_no_memory(db);
		return NULL;
	}
	s->db = db;
	if (sqlite3_prepare_v2(db->sql, sql, -1, &s->st, NULL) != SQLITE_OK) {
		fail_sqlite(db);
		free(s);
		return NULL;
	}
	return s;
}

int
db_prepare_all(struct db *db, struct db_stmt **s, const char *const *sql,
    size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if ((s[i] = db_prepare(db, sql[i])) == NULL)
			return -1;
	return 0;
}

void
db_finalize(struct db_stmt *s)
{
	if (s == NULL)
		return;
	sqlite3_finalize(s->st);
	free(s);
}

void
db_finalize_all(struct db_stmt **s, size_t n)
{
	while (n-- > 0)
		db_finalize(s[n]);
}

static int
bind_one(sqlite3_stmt *st, int i, char type, va_list *ap)
{
	const char *text;
	int64_t n;

	if (type == 't') {
		text = va_arg(*ap, const char *);
		return sqlite3_bind_text(st, i, text, -1, SQLITE_STATIC);
	}
	n = va_arg(*ap, int64_t);
	if (type == 'r' && n == 0)
		return sqlite3_bind_null(st, i);
	return sqlite3_bind_int64(st, i, n);
}

static int
bind_all(struct db_stmt *s, const char *types, va_list *ap)
{
	int i;

	sqlite3_reset(s->st);
	for (i = 1; *types; types++, i++)
		if (bind_one(s->st, i, *types, ap) != SQLITE_OK)
			return fail_sqlite(s->db);
	return 0;
}

int
db_start(struct db_stmt *s, const char *types, ...)
{
	va_list ap;
	int r;

	va_start(ap, types);
	r = bind_all(s, types, &ap);
	va_end(ap);
	return r;
}

int
db_run(struct db_stmt *s, const char *types, ...)
{
	va_list ap;
	int r;

	va_start(ap, types);
	r = bind_all(s, types, &ap);
	va_end(ap);
	return r < 0 ? -1 : db_step(s);
}

int
db_step(struct db_stmt *s)
{
	int rc = sqlite3_step(s->st);

	if (rc == SQLITE_ROW)
		return 1;
	if (rc != SQLITE_DONE)
		fail_sqlite(s->db);
	sqlite3_reset(s->st);
	return rc == SQLITE_DONE ? 0 : -1;
}

void
db_reset(struct db_stmt *s)
{
	sqlite3_reset(s->st);
}

int
db_is_null(struct db_stmt *s, int column)
{
	return sqlite3_column_type(s->st, column) == SQLITE_NULL;
}

int
db_is_number(struct db_stmt *s, int column)
{
	int type = sqlite3_column_type(s->st, column);

	return type == SQLITE_INTEGER || type == SQLITE_FLOAT;
}

int64_t
db_int(struct db_stmt *s, int column)
{
	return sqlite3_column_int64(s->st, column);
}

const char *
db_text(struct db_stmt *s, int column)
{
	return (const char *)sqlite3_column_text(s->st, column);
}

int64_t
db_last_id(const struct db *db)
{
	return sqlite3_last_insert_rowid(db->sql);
}

const char *
db_meta(struct db *db, const char *key)
{
	struct db_stmt *s;
	const char *value;

	free(db->meta);
	db->meta = NULL;
	s = db_prepare(db, "SELECT value FROM meta WHERE key = ?");
	if (s && db_start(s, "t", key) == 0 && db_step(s) == 1 &&
	    (value = db_text(s, 0)))
		db->meta = strdup(value);
	db_finalize(s);
	return db->meta;
}

const char *
db_name(struct db_stmt *s, int column)
{
	return sqlite3_column_name(s->st, column);
}

/* ---- a user's SQL ----------------------------------------------------- */

/* Pass the rows of one statement to the callbacks. */
static int
query_rows(struct db_stmt *s, db_row *head, db_row *row, void *ctx)
{
	int columns = sqlite3_column_count(s->st), r;

	if (head && columns && (r = head(ctx, s, columns)))
		return r;
	while ((r = db_step(s)) == 1)
		if ((r = row(ctx, s, columns)))
			return r;
	return r;
}

#define STEPS 10000 /* of SQLite's virtual machine, between looks at the clock */

static int
is_over(void *ctx)
{
	const struct db *db = ctx;
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec > db->end.tv_sec ||
	    (now.tv_sec == db->end.tv_sec && now.tv_nsec >= db->end.tv_nsec);
}

void
db_set_limit(struct db *db, uint64_t ns)
{
	clock_gettime(CLOCK_MONOTONIC, &db->end);
	ns += (uint64_t)db->end.tv_nsec;
	db->end.tv_sec += (time_t)(ns / 1000000000);
	db->end.tv_nsec = (long)(ns % 1000000000);
	sqlite3_progress_handler(db->sql, STEPS, is_over, db);
}

int
db_query(struct db *db, const char *sql, db_row *head, db_row *row, void *ctx)
{
	struct db_stmt s = { .db = db };
	int r = 0;

	sqlite3_limit(db->sql, SQLITE_LIMIT_ATTACHED, 0);
	while (r == 0 && *sql) {
		if (sqlite3_prepare_v2(db->sql, sql, -1, &s.st, &sql) !=
		    SQLITE_OK)
			return fail_sqlite(db);
		if (s.st == NULL)
			continue;
		if (sqlite3_stmt_readonly(s.st))
			r = query_rows(&s, head, row, ctx);
		else
			r = fail(db, "a query cannot change it: %s", sqlite3_sql(s.st));
		sqlite3_finalize(s.st);
	}
	return r;
}
