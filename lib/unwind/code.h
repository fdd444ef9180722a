/*
 * Rules of bpf/step.h for code that has no unwind information, recognised by its
 * instructions; in a folder for each machine.
 */
#ifndef CODE_H
#define CODE_H

#include <stddef.h>
#include <stdint.h>

struct elf_file;
struct elf_file_segment;

/* Be given len bytes of code at a virtual address, and their rule. */
typedef void code_rule_fn(void *ctx, uint64_t addr, uint64_t len, uint32_t rule);

/* Returns whether a gap between two functions, [from, to) of a file's bytes, is the part
 * of glibc's clone or clone3 behind its system call, where the child begins. */
int code_is_clone(const unsigned char *bytes, size_t len, uint64_t from, uint64_t to);

/* Find where execution goes on after the instruction at an address, which code begins
 * with, as far as the instruction alone says so.  Returns how many of next[] it sets. */
int code_next(const unsigned char *code, size_t len, uint64_t addr, uint64_t next[2]);

/* Count the functions that begin as those do that keep frame pointers. */
uint64_t code_prologues(const unsigned char *code, size_t len);

/* Returns whether musl's clone is in code. */
int code_has_musl_clone(const unsigned char *code, size_t len);

/* Give rules to a file's PLT: lld writes no entries for it. */
void code_plt(const struct elf_file *elf, code_rule_fn *fn, void *ctx);

/* Give rules to a section that crti.o and crtn.o make one function of: .init, .fini. */
void code_init(const struct elf_file *elf, const char *section, code_rule_fn *fn,
    void *ctx);

/* Give a rule to musl's signal restorer, if it is in a segment. */
void code_restorer(const struct elf_file *elf, const struct elf_file_segment *segment,
    code_rule_fn *fn, void *ctx);

#endif
