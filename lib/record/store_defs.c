#include "record/store_defs.h"

#include <stdlib.h>

#include "base/array.h"
#include "base/idmap.h"
#include "record/db.h"
#include "record/warnings.h"
#include "stream/rec.h"

enum statement {
	DEFINE_MODULE,
	DEFINE_FRAME,
	REFER_MODULE,
	REFER_FRAME,
	SET_CLASS,
	SET_ORIGIN,
	FIND_STRING,
	ADD_STRING,
	NSTATEMENTS
};

/* An id is defined only once, so a conflict is with a row made by a reference. */
static const char *const sql[NSTATEMENTS] = {
	[DEFINE_MODULE] = "INSERT INTO module(hash, buildid, path) "
	                  "VALUES(?1, ?2, ?3) ON CONFLICT(hash) DO UPDATE "
	                  "SET buildid = ?2, path = ?3",
	[DEFINE_FRAME] = "INSERT INTO frame(hash, function, file, line) "
	                 "VALUES(?1, ?2, ?3, ?4) ON CONFLICT(hash) DO UPDATE "
	                 "SET function = ?2, file = ?3, line = ?4",
	[REFER_MODULE] = "INSERT INTO module(hash) VALUES(?)",
	[REFER_FRAME] = "INSERT INTO frame(hash) VALUES(?)",
	[SET_CLASS] = "REPLACE INTO class SELECT id, ?2 FROM frame WHERE hash = ?1",
	[SET_ORIGIN] =
	    "REPLACE INTO origin SELECT id, ?2, ?3, ?4, ?5 FROM frame WHERE hash = ?1",
	[FIND_STRING] = "SELECT id FROM string WHERE text = ?",
	[ADD_STRING] = "INSERT INTO string(text) VALUES(?)",
};

struct def {
	int64_t row;
	int defined; /* 0: only referred to */
};

/* The modules, or the frames. */
struct def_table {
	struct idmap map; /* ids to indexes */
	struct def *def;
	size_t n, room;
	enum statement refer;  /* adds a row without names */
	const char *undefined; /* warning */
};

struct store_defs {
	struct db *db;
	struct warnings *warnings;
	struct db_stmt *st[NSTATEMENTS];
	struct def_table modules, frames;
};

static struct def *
find_def(const struct def_table *t, uint64_t id)
{
	uint32_t i = idmap_get(&t->map, id);

	return i == IDMAP_NONE ? NULL : &t->def[i];
}

/* Add an id with its row, or update whether it is defined. */
static int
put_def(struct store_defs *d, struct def_table *t, uint64_t id, int64_t row,
    int defined)
{
	struct def *known = find_def(t, id);

	if (known) {
		known->defined = defined;
		return 0;
	}
	if (array_room(&t->def, t->n, &t->room, sizeof *t->def) < 0 ||
	    idmap_put(&t->map, id, (uint32_t)t->n) < 0)
		return db_no_memory(d->db);
	t->def[t->n++] = (struct def){ row, defined };
	return 0;
}

static int
is_defined(const struct def_table *t, uint64_t id)
{
	const struct def *known = find_def(t, id);

	return known && known->defined;
}

/* Find the row of an id, adding an undefined one if necessary. */
static int
ensure_def(struct store_defs *d, struct def_table *t, uint64_t id, int64_t *row)
{
	const struct def *known = find_def(t, id);

	*row = known ? known->row : 0;
	if (known || id == 0)
		return 0;
	warnings_add(d->warnings, t->undefined);
	if (db_run(d->st[t->refer], "i", (int64_t)id) < 0)
		return -1;
	*row = db_last_id(d->db);
	return put_def(d, t, id, *row, 0);
}

int
store_defs_find_module(struct store_defs *d, uint64_t id, int64_t *row)
{
	return ensure_def(d, &d->modules, id, row);
}

int
store_defs_find_frame(struct store_defs *d, uint64_t id, int64_t *row)
{
	return ensure_def(d, &d->frames, id, row);
}

int
store_defs_module(struct store_defs *d, const struct rec_module *m)
{
	if (is_defined(&d->modules, m->id))
		return 0;
	if (db_run(d->st[DEFINE_MODULE], "itt", (int64_t)m->id, m->buildid,
	        m->path) < 0)
		return -1;
	return put_def(d, &d->modules, m->id, db_last_id(d->db), 1);
}

/* Find or add the row of a string; 0 for NULL. */
static int
string_row(struct store_defs *d, const char *text, int64_t *row)
{
	struct db_stmt *st = d->st[FIND_STRING];
	int r;

	*row = 0;
	if (text == NULL)
		return 0;
	if (db_start(st, "t", text) < 0 || (r = db_step(st)) < 0)
		return -1;
	if (r == 1) {
		*row = db_int(st, 0);
		db_reset(st);
		return 0;
	}
	if (db_run(d->st[ADD_STRING], "t", text) < 0)
		return -1;
	*row = db_last_id(d->db);
	return 0;
}

/* Store where in the line and from which crate a frame is, if its stream says so. */
static int
set_origin(struct store_defs *d, const struct rec_frame *f)
{
	int64_t crate, version, folded;

	if (!f->column && f->crate == NULL && f->folded == NULL)
		return 0;
	if (string_row(d, f->crate, &crate) < 0 ||
	    string_row(d, f->version, &version) < 0 ||
	    string_row(d, f->folded, &folded) < 0)
		return -1;
	return db_run(d->st[SET_ORIGIN], "irrrr", (int64_t)f->id, (int64_t)f->column,
	    crate, version, folded);
}

int
store_defs_frame(struct store_defs *d, const struct rec_frame *f)
{
	int64_t function, file, row;

	if (is_defined(&d->frames, f->id))
		return 0;
	if (string_row(d, f->function, &function) < 0 ||
	    string_row(d, f->file, &file) < 0 ||
	    db_run(d->st[DEFINE_FRAME], "irrr", (int64_t)f->id, function, file,
	        (int64_t)f->line) < 0)
		return -1;
	row = db_last_id(d->db);
	if (f->class && db_run(d->st[SET_CLASS], "it", (int64_t)f->id, f->class) < 0)
		return -1;
	if (set_origin(d, f) < 0)
		return -1;
	return put_def(d, &d->frames, f->id, row, 1);
}

/* ---- opening and closing ----------------------------------------------- */

/* Load a row of id, hash, and whether it is defined. */
static int
load(struct store_defs *d, struct def_table *t, struct db_stmt *row)
{
	return put_def(d, t, (uint64_t)db_int(row, 1), db_int(row, 0),
	    (int)db_int(row, 2));
}

static int
load_module(void *ctx, struct db_stmt *row, int columns)
{
	struct store_defs *d = ctx;

	(void)columns;
	return load(d, &d->modules, row);
}

static int
load_frame(void *ctx, struct db_stmt *row, int columns)
{
	struct store_defs *d = ctx;

	(void)columns;
	return load(d, &d->frames, row);
}

struct store_defs *
store_defs_open(struct db *db, struct warnings *w)
{
	static const char modules[] = "SELECT id, hash, "
	                              "coalesce(buildid, path) IS NOT NULL FROM module";
	static const char frames[] = "SELECT id, hash, "
	                             "coalesce(function, file) IS NOT NULL FROM frame";
	struct store_defs *d = calloc(1, sizeof *d);

	if (d == NULL) {
		db_no_memory(db);
		return NULL;
	}
	d->db = db;
	d->warnings = w;
	d->modules.refer = REFER_MODULE;
	d->modules.undefined = "undefined module";
	d->frames.refer = REFER_FRAME;
	d->frames.undefined = "undefined frame";
	if (db_query(db, modules, NULL, load_module, d) == 0 &&
	    db_query(db, frames, NULL, load_frame, d) == 0 &&
	    db_prepare_all(db, d->st, sql, NSTATEMENTS) == 0)
		return d;
	store_defs_close(d);
	return NULL;
}

void
store_defs_close(struct store_defs *d)
{
	if (d == NULL)
		return;
	db_finalize_all(d->st, NSTATEMENTS);
	idmap_clear(&d->modules.map);
	idmap_clear(&d->frames.map);
	free(d->modules.def);
	free(d->frames.def);
	free(d);
}
