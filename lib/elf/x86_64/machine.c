#include "elf/machine.h"

#include <elf.h>
#include <stddef.h>

const char *
machine_refuses(unsigned machine, int class)
{
	return machine == EM_X86_64 && class == ELFCLASS64 ? NULL
	                                                   : "not an ELF file for x86-64";
}

int
machine_is_relative(uint64_t type)
{
	return type == R_X86_64_RELATIVE || type == R_X86_64_IRELATIVE;
}

int
machine_is_got(uint64_t type)
{
	return type == R_X86_64_GLOB_DAT || type == R_X86_64_JUMP_SLOT;
}

int
machine_is_slot(uint64_t type)
{
	return machine_is_got(type) || type == R_X86_64_64;
}
