/*
 * bpf(2) as it is, for trying out what the kernel lets us do: without libbpf,
 * so that a build without BPF can ask as well.
 *
 * Functions return a file descriptor, which the caller closes, or 0; or -1
 * with errno.  Where memory is short because kernels before 5.11 count it as
 * locked memory, the limit (RLIMIT_MEMLOCK) is raised if that is permitted.
 */
#ifndef RAWBPF_H
#define RAWBPF_H

#include <stddef.h>
#include <stdint.h>

struct bpf_insn;

#define RAWBPF_LOG 16384

/* A program; what is not said is 0. */
struct rawbpf_program {
	unsigned type;                /* enum bpf_prog_type */
	unsigned attach;              /* enum bpf_attach_type */
	unsigned btf_id;              /* that it is attached to */
	const struct bpf_insn *insn;
	unsigned n;
	const uint32_t (*function)[2]; /* instruction, type in types: */
	unsigned nfunction;
	int types;                    /* of rawbpf_types() */
	char log[RAWBPF_LOG];         /* the verifier's, where it refuses */
};

int rawbpf_load(struct rawbpf_program *p);

/* The line of a log that says what is wrong; it is cut off there. */
const char *rawbpf_complaint(char log[RAWBPF_LOG]);

/* A map with keys of 4 bytes, or of none where value is 0 (ring buffers). */
int rawbpf_map(unsigned type, unsigned value, unsigned entries);

/* The value, of 8 bytes, of key 0. */
int rawbpf_value(int map, uint64_t *out);

/* BTF, as in Documentation/bpf/btf.rst of Linux. */
int rawbpf_types(const void *btf, size_t len);

/* Attach a BPF_PROG_TYPE_TRACING program to the tracepoint it was loaded for. */
int rawbpf_trace(int program);

/* Attach to uprobes of a file in a process, all in one (uprobe_multi).  Each
 * may have a cookie for the program (NULL: none has). */
int rawbpf_uprobes(int program, unsigned attach, const char *path,
    const uint64_t *offset, const uint64_t *cookie, unsigned n, unsigned pid);

#endif
