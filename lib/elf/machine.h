/*
 * What is this machine's own in an ELF file; in a folder for each machine.
 */
#ifndef MACHINE_H
#define MACHINE_H

#include <stdint.h>

/* Tell what keeps code of a file with this e_machine and EI_CLASS from being
 * executed here.  Returns NULL: nothing; else a constant string. */
const char *machine_refuses(unsigned machine, int class);

/* Check whether a relocation of this type puts the address of a symbol into a slot
 * as it is. */
int machine_is_slot(uint64_t type);

#endif
