/*
 * A writer that stores records in a recording (schema.sql), in the order in
 * which they come.
 */
#ifndef STORE_H
#define STORE_H

struct db;
struct rec;
struct store;

/* Open a writer that continues the recording in db, which is open for writing
 * and stays the caller's.  Returns NULL on failure; db_error() says why. */
struct store *store_open(struct db *db);

/*
 * Store a record; the first one must be a rsprof record.  Returns 0, or -1
 * with db_error().
 */
int store_record(struct store *s, const struct rec *r);

/*
 * Returns the warnings about the last record, constant strings that end in
 * NULL.  "skipped: ..." means that it was not stored; any other that it was
 * stored as far as possible, so that no sample is lost because something that
 * it refers to is undefined.
 */
const char *const *store_warnings(const struct store *s);

/* Write what has been deferred; required before each COMMIT.  Returns 0, or -1
 * with db_error(). */
int store_flush(struct store *s);

void store_close(struct store *s);

#endif
