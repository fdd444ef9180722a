/*
 * MiniDebugInfo: symbols of a stripped file's own functions that it carries
 * along, packed by xz in a section .gnu_debugdata, as Fedora's packages do (gdb's
 * manual, "MiniDebugInfo").
 */
#ifndef MINIDEBUG_H
#define MINIDEBUG_H

struct elf_file;

/* The file inside, which has a .symtab and no code.  NULL: there is none. */
struct elf_file *minidebug_open(const struct elf_file *elf);

#endif
