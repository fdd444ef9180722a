/*
 * What is this machine's own in an ELF file; in a folder for each machine.
 */
#ifndef MACHINE_H
#define MACHINE_H

#include <stdint.h>

/* Returns why a file with this e_machine and EI_CLASS cannot be executed here, in a
 * constant string; NULL: it can. */
const char *machine_refuses(unsigned machine, int class);

/* Returns whether a relocation of this type puts the address of a symbol into a slot
 * as it is. */
int machine_is_slot(uint64_t type);

/* Returns whether such a slot is one of the global offset table, which the program itself
 * does not change. */
int machine_is_got(uint64_t type);

/* Check whether a relocation of this type puts an address of the file itself there. */
int machine_is_relative(uint64_t type);

#endif
