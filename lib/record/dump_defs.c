#include "record/dump_defs.h"

#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/idmap.h"
#include "record/db.h"
#include "record/dump_out.h"
#include "stream/rec.h"

/*
 * For each kind of definition a map from rows to indexes of an array of ids.  A row is in the
 * map once it has been written, or cannot be; a stack also while its callers are written, with
 * the id 0, which ends the cycles that a damaged recording may have.
 */

enum statement {
	MODULE,
	FRAME,
	STACK,
	ALL_MODULES,
	ALL_FRAMES,
	ALL_STACKS,
	NSTATEMENTS
};

static const char *const sql[NSTATEMENTS] = {
	[MODULE] = "SELECT hash, buildid, path FROM module WHERE id = ?",
	[FRAME] = "SELECT frame.hash, fn.text, fi.text, frame.line, class.class, "
	          "origin.\"column\", crate.text, version.text, folded.text FROM frame "
	          "LEFT JOIN string fn ON fn.id = frame.function "
	          "LEFT JOIN string fi ON fi.id = frame.file "
	          "LEFT JOIN class ON class.frame = frame.id "
	          "LEFT JOIN origin ON origin.frame = frame.id "
	          "LEFT JOIN string crate ON crate.id = origin.crate "
	          "LEFT JOIN string version ON version.id = origin.version "
	          "LEFT JOIN string folded ON folded.id = origin.folded WHERE frame.id = ?",
	[STACK] = "SELECT hash, parent, module, offset, frame, inlined, cut "
	          "FROM stack "
	          "WHERE id = ?",
	[ALL_MODULES] = "SELECT id FROM module ORDER BY id",
	[ALL_FRAMES] = "SELECT id FROM frame ORDER BY id",
	[ALL_STACKS] = "SELECT id FROM stack ORDER BY id",
};

/* What recordings of versions before 4 and before 3 have of a frame. */
static const char without_origin[] =
    "SELECT frame.hash, fn.text, fi.text, frame.line, class.class, NULL, NULL, NULL, NULL "
    "FROM frame LEFT JOIN string fn ON fn.id = frame.function "
    "LEFT JOIN string fi ON fi.id = frame.file "
    "LEFT JOIN class ON class.frame = frame.id WHERE frame.id = ?";
static const char without_class[] =
    "SELECT frame.hash, fn.text, fi.text, frame.line, NULL, NULL, NULL, NULL, NULL "
    "FROM frame LEFT JOIN string fn ON fn.id = frame.function "
    "LEFT JOIN string fi ON fi.id = frame.file WHERE frame.id = ?";

struct table {
	struct idmap rows; /* rows to indexes of id */
	uint64_t *id;
	size_t n, room;
};

struct dump_defs {
	struct db *db;
	struct dump_out *out;
	struct db_stmt *st[NSTATEMENTS];
	struct table modules, frames, stacks;
	int64_t *path; /* rows from a stack outward */
	size_t path_room;
};

/* ---- what has been written ---------------------------------------------- */

/* Returns the place of a row's id, or NULL. */
static uint64_t *
find(const struct table *t, int64_t row)
{
	uint32_t i = idmap_get(&t->rows, (uint64_t)row);

	return i == IDMAP_NONE ? NULL : &t->id[i];
}

/* Returns the id of a row, 0 if it is not in the map. */
static uint64_t
id_of(const struct table *t, int64_t row)
{
	const uint64_t *id = find(t, row);

	return id ? *id : 0;
}

static int
add(struct dump_defs *d, struct table *t, int64_t row, uint64_t id)
{
	if (array_room(&t->id, t->n, &t->room, sizeof *t->id) < 0 ||
	    idmap_put(&t->rows, (uint64_t)row, (uint32_t)t->n) < 0)
		return db_no_memory(d->db);
	t->id[t->n++] = id;
	return 0;
}

/* Start a statement with a row's number.  Returns 1 with its columns, 0 if there is no such
 * row, -1 with db_error(). */
static int
fetch(struct db_stmt *st, int64_t row)
{
	return db_start(st, "i", row) < 0 ? -1 : db_step(st);
}

static int
put(const struct dump_defs *d, const struct rec *r)
{
	return d->out->put(d->out->ctx, r);
}

/* ---- modules and frames ------------------------------------------------- */

int
dump_defs_module(struct dump_defs *d, int64_t row, uint64_t *id)
{
	const uint64_t *known = find(&d->modules, row);
	struct db_stmt *st = d->st[MODULE];
	struct rec r = { .type = REC_MODULE };
	int e = 0;

	*id = known ? *known : 0;
	if (row == 0 || known)
		return 0;
	if ((e = fetch(st, row)) < 0)
		return -1;
	if (e == 1) {
		r.module = (struct rec_module){ (uint64_t)db_int(st, 0), db_text(st, 1),
			db_text(st, 2) };
		/* One without names was referred to and never defined. */
		e = r.module.id && (r.module.buildid || r.module.path) ? put(d, &r) : 0;
		db_reset(st);
	}
	*id = r.module.id;
	return e ? e : add(d, &d->modules, row, *id);
}

/* Read a row of FRAME into *f. */
static void
read_frame(struct db_stmt *st, struct rec_frame *f)
{
	*f = (struct rec_frame){ .id = (uint64_t)db_int(st, 0), .function = db_text(st, 1),
		.file = db_text(st, 2), .line = (uint64_t)db_int(st, 3),
		.class = db_text(st, 4), .column = (uint64_t)db_int(st, 5),
		.crate = db_text(st, 6), .version = db_text(st, 7),
		.folded = db_text(st, 8) };
}

static int
ensure_frame(struct dump_defs *d, int64_t row, uint64_t *id)
{
	const uint64_t *known = find(&d->frames, row);
	struct db_stmt *st = d->st[FRAME];
	struct rec r = { .type = REC_FRAME };
	int e = 0;

	*id = known ? *known : 0;
	if (row == 0 || known)
		return 0;
	if ((e = fetch(st, row)) < 0)
		return -1;
	if (e == 1) {
		read_frame(st, &r.frame);
		/* One that was never defined looks like one without names. */
		e = r.frame.id ? put(d, &r) : 0;
		db_reset(st);
	}
	*id = r.frame.id;
	return e ? e : add(d, &d->frames, row, *id);
}

/* ---- stacks ------------------------------------------------------------- */

/* Read the caller of the stack in the current row of STACK. */
static void
read_caller(struct dump_defs *d, struct db_stmt *st, struct rec_ref *caller)
{
	uint64_t parent = id_of(&d->stacks, db_int(st, 1));

	*caller = (struct rec_ref){ 0, NULL };
	if (db_is_null(st, 1)) {
		caller->cut = db_text(st, 6);
	} else if (parent) {
		caller->id = parent;
	} else {
		caller->cut = "damaged";
		d->out->damaged++;
	}
}

/* Returns whether the current row of STACK was referred to and never defined. */
static int
is_undefined(struct db_stmt *st)
{
	const char *cut = db_text(st, 6);

	return db_is_null(st, 1) && db_is_null(st, 2) && cut && strcmp(cut, "undefined") == 0;
}

/* Write a stack whose callers have been written. */
static int
put_stack(struct dump_defs *d, int64_t row)
{
	struct db_stmt *st = d->st[STACK];
	uint64_t *id = find(&d->stacks, row);
	struct rec r = { .type = REC_STACK };
	int e = fetch(st, row);

	if (e != 1 || id == NULL)
		return e;
	r.stack.id = (uint64_t)db_int(st, 0);
	r.stack.offset = (uint64_t)db_int(st, 3);
	r.stack.inlined = db_int(st, 5) != 0;
	if (r.stack.id && !is_undefined(st)) {
		read_caller(d, st, &r.stack.caller);
		e = dump_defs_module(d, db_int(st, 2), &r.stack.module);
		if (e == 0)
			e = ensure_frame(d, db_int(st, 4), &r.stack.frame);
		if (e == 0)
			e = put(d, &r);
	} else {
		e = 0;
	}
	db_reset(st);
	*id = r.stack.id;
	return e;
}

/* Collect the rows from a stack outward that have not been written, in d->path.  Returns their
 * number, or -1 with db_error(). */
static int64_t
collect(struct dump_defs *d, int64_t row)
{
	struct db_stmt *st = d->st[STACK];
	size_t n = 0;

	while (row && find(&d->stacks, row) == NULL) {
		if (add(d, &d->stacks, row, 0) < 0)
			return -1;
		if (array_room(&d->path, n, &d->path_room, sizeof *d->path) < 0)
			return db_no_memory(d->db);
		d->path[n++] = row;
		switch (fetch(st, row)) {
		case 1: row = db_int(st, 1); break;
		case 0: row = 0; break;
		default: return -1;
		}
		db_reset(st);
	}
	return (int64_t)n;
}

int
dump_defs_stack(struct dump_defs *d, int64_t row, uint64_t *id)
{
	int64_t n = collect(d, row);
	int e;

	if (n < 0)
		return -1;
	while (n-- > 0)
		if ((e = put_stack(d, d->path[n])))
			return e;
	*id = row ? id_of(&d->stacks, row) : 0;
	return 0;
}

/* ---- the rest ----------------------------------------------------------- */

static int
rest_of(struct dump_defs *d, enum statement all,
    int (*ensure)(struct dump_defs *d, int64_t row, uint64_t *id))
{
	struct db_stmt *st = d->st[all];
	uint64_t id;
	int e;

	if (db_start(st, "") < 0)
		return -1;
	while ((e = db_step(st)) == 1)
		if ((e = ensure(d, db_int(st, 0), &id))) {
			db_reset(st);
			return e;
		}
	return e;
}

int
dump_defs_rest(struct dump_defs *d)
{
	int e = rest_of(d, ALL_MODULES, dump_defs_module);

	if (e == 0)
		e = rest_of(d, ALL_FRAMES, ensure_frame);
	return e ? e : rest_of(d, ALL_STACKS, dump_defs_stack);
}

/* ---- opening and closing ------------------------------------------------ */

struct dump_defs *
dump_defs_open(struct db *db, struct dump_out *out)
{
	struct dump_defs *d = calloc(1, sizeof *d);
	const char *text[NSTATEMENTS];
	int64_t version = db_schema(db);

	if (d == NULL) {
		db_no_memory(db);
		return NULL;
	}
	d->db = db;
	d->out = out;
	memcpy(text, sql, sizeof text);
	if (version < 4)
		text[FRAME] = version < 3 ? without_class : without_origin;
	if (version >= 0 && db_prepare_all(db, d->st, text, NSTATEMENTS) == 0)
		return d;
	dump_defs_close(d);
	return NULL;
}

static void
clear(struct table *t)
{
	idmap_clear(&t->rows);
	free(t->id);
}

void
dump_defs_close(struct dump_defs *d)
{
	if (d == NULL)
		return;
	db_finalize_all(d->st, NSTATEMENTS);
	clear(&d->modules);
	clear(&d->frames);
	clear(&d->stacks);
	free(d->path);
	free(d);
}
