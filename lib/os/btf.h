/*
 * The running kernel's types: /sys/kernel/btf/vmlinux, in the format of
 * Linux' Documentation/bpf/btf.rst.
 */
#ifndef BTF_H
#define BTF_H

#include <stddef.h>
#include <stdint.h>

struct btf_file {
	unsigned char *bytes;
	size_t len;
};

/* Read the types.  Returns NULL, or a constant string with errno, which is 0 where no
 * system call failed.  btf_close() in any case. */
const char *btf_open(struct btf_file *b);
void btf_close(struct btf_file *b);

/* Returns the number of the type of a kind (BTF_KIND_...) and name; 0: none. */
uint32_t btf_find(const struct btf_file *b, unsigned kind, const char *name);

/* Returns whether the enum of a name has a member of a name. */
int btf_has_member(const struct btf_file *b, const char *type, const char *member);

#endif
