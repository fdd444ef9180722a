/*
 * MiniDebugInfo: symbols of a stripped file's own functions, packed by xz in a section
 * .gnu_debugdata, as in Fedora's packages (gdb's manual, "MiniDebugInfo").
 */
#ifndef MINIDEBUG_H
#define MINIDEBUG_H

struct elf_file;

/* Open the file in that section, which has a .symtab and no code.  NULL: there is none. */
struct elf_file *minidebug_open(const struct elf_file *elf);

#endif
