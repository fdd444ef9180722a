/*
 * Figures of a recording by name, as bounds need them: of the whole process, of a crate or of
 * a function.
 *
 * A name is that of a crate if it has no "::" and there is such a crate, else it is of a
 * function: the whole name, or its last components ("parse::header").  Instances of a generic
 * function are one.  A crate's version may follow after a blank ("syn 2.0.1").  Self time of a
 * function has that of the runtime frames it calls, unless it is one itself.
 */
#ifndef FIGURES_H
#define FIGURES_H

#include <stddef.h>
#include <stdint.h>

struct bound;
struct bound_figure;
struct db;
struct figures;

enum figures_result {
	FIGURES_OK,
	FIGURES_NAME,   /* nothing, or more than one thing, has that name */
	FIGURES_ABSENT, /* what is asked for was not recorded */
	FIGURES_FAILED  /* the recording cannot be read */
};

/* Read a recording between two times.  The caller keeps the db.  Returns NULL if out of
 * memory. */
struct figures *figures_open(struct db *db, uint64_t since, uint64_t until);
void figures_close(struct figures *f);

/* Returns what was wrong last. */
const char *figures_error(const struct figures *f);

/* Returns whether time was recorded, and the ns of a sample, as so many equal ones have that have
 * the same standard error; 0 without samples. */
int figures_has_time(struct db *db);
double figures_weight(struct db *db, uint64_t since, uint64_t until);

/* Set *out to what a bound with a limit is about. */
enum figures_result figures_get(struct figures *f, const struct bound *b,
    struct bound_figure *out);

/*
 * Set *out to the change, as a factor, from n old recordings to m new ones.  With one on either
 * side its bounds are those of sampling, with more they come from the spread.  n and m are both
 * 1, or both more.  On failure *bad, one of them, has the error.
 */
enum figures_result figures_change(struct figures *const *old, size_t n,
    struct figures *const *new, size_t m, const struct bound *b, struct bound_figure *out,
    struct figures **bad);

#endif
