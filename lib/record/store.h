/*
 * Records into a recording (schema.sql), in the order in which they come.
 */
#ifndef STORE_H
#define STORE_H

struct db;
struct rec;
struct store;

/* A writer for a recording opened for writing, which goes on where the
 * recording ends; the db stays the caller's.  NULL: db_error() says why. */
struct store *store_open(struct db *db);

/*
 * Store a record; the first one must be a rsprof record.  0, or -1 and
 * db_error().
 */
int store_record(struct store *s, const struct rec *r);

/*
 * What was wrong with the last record: constant strings, and NULL at the end.
 * "skipped: ..." was not stored at all; any other was stored as well as
 * possible, so that no sample is lost for want of what it refers to.
 */
const char *const *store_warnings(const struct store *s);

/* Before each COMMIT: what was put off.  0, or -1 and db_error(). */
int store_flush(struct store *s);

void store_close(struct store *s);

#endif
