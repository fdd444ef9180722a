/*
 * Split units: the linked file has but a skeleton with the addresses, and the entries
 * are in a file of their own, .dwo, or those of a whole program in one, .dwp (DWARF 5,
 * 7.3.2 and 7.3.5; gcc.gnu.org/wiki/DebugFission).
 */
#ifndef DWARF_SPLIT_H
#define DWARF_SPLIT_H

struct debugfile_where;
struct dwarf_split;
struct dwarf_unit;

/* Make the split units of a file at w, which must outlive them.  NULL: out of memory. */
struct dwarf_split *dwarf_split_new(const struct debugfile_where *w);
void dwarf_split_close(struct dwarf_split *s);

/*
 * Open the split unit of a skeleton, which must outlive it, for dwarf_split_free()
 * to close.  NULL: the unit is no skeleton, or no unit with its id was found.
 */
struct dwarf_unit *dwarf_split_unit(struct dwarf_split *s, struct dwarf_unit *skeleton);
void dwarf_split_free(struct dwarf_unit *u);

/* Returns a message about files that were not found; NULL: all were. */
const char *dwarf_split_problem(const struct dwarf_split *s);

#endif
