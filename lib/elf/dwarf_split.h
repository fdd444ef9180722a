/*
 * Units whose entries stand in other files, of which the one that was linked has
 * but a skeleton with the addresses: in a file of their own, .dwo, or all of a
 * program in one, .dwp (DWARF 5, 7.3.2 and 7.3.5; gcc.gnu.org/wiki/DebugFission).
 */
#ifndef DWARF_SPLIT_H
#define DWARF_SPLIT_H

struct debugfile_where;
struct dwarf_split;
struct dwarf_unit;

/* Of a file that stands there, which must outlive it.  NULL: no memory. */
struct dwarf_split *dwarf_split_new(const struct debugfile_where *w);
void dwarf_split_close(struct dwarf_split *s);

/*
 * What belongs to a unit, which must outlive it: opened, for
 * dwarf_split_free() to close.  NULL: it is no skeleton, or nothing with its id
 * was found.
 */
struct dwarf_unit *dwarf_split_unit(struct dwarf_split *s, struct dwarf_unit *skeleton);
void dwarf_split_free(struct dwarf_unit *u);

/* What could not be found, for a person; NULL: nothing. */
const char *dwarf_split_problem(const struct dwarf_split *s);

#endif
