/*
 * bpf(2) without libbpf: for trying out what the kernel permits, in builds without
 * BPF as well.
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

/* The type of perf events that are uprobes. */
#define RAWBPF_UPROBE_TYPE "/sys/bus/event_source/devices/uprobe/type"

/* A program; members that do not apply are 0. */
struct rawbpf_program {
	unsigned type;                /* enum bpf_prog_type */
	unsigned attach;              /* enum bpf_attach_type */
	unsigned btf_id;              /* the type that it is attached to */
	const struct bpf_insn *insn;
	unsigned n;
	const uint32_t (*function)[2]; /* the first instruction, and the type in types */
	unsigned nfunction;
	int types;                    /* of rawbpf_types() */
	char log[RAWBPF_LOG];         /* the verifier's, if it refuses the program */
};

/* Load a program. */
int rawbpf_load(struct rawbpf_program *p);

/* Returns the line of a log that has the verifier's complaint; the log is cut off there. */
const char *rawbpf_complaint(char *log);

/* Create a map with keys of 4 bytes, or of none where value is 0 (ring buffers). */
int rawbpf_map(unsigned type, unsigned value, unsigned entries);

/* Read the value, of 8 bytes, of key 0. */
int rawbpf_value(int map, uint64_t *out);

/* Load BTF, as in Documentation/bpf/btf.rst of Linux. */
int rawbpf_types(const void *btf, size_t len);

/* Attach a BPF_PROG_TYPE_TRACING program to the tracepoint it was loaded for. */
int rawbpf_trace(int program);

/* Attach to n uprobes of a file in a process at once (uprobe_multi).  Each may have a
 * cookie for the program (NULL: none has). */
int rawbpf_uprobes(int program, unsigned attach, const char *path,
    const uint64_t *offset, const uint64_t *cookie, unsigned n, unsigned pid);

/* The same with one static probe, whose semaphore is at an offset of the file; 0: it has
 * none. */
int rawbpf_usdt(int program, unsigned attach, const char *path, uint64_t offset,
    uint64_t cookie, uint64_t semaphore, unsigned pid);

/* Attach to one uprobe of any kind by a perf event, as before Linux 6.6; at_return: where the
 * function returns.  pid: a thread; it holds for all of the process. */
int rawbpf_uprobe_event(int program, const char *path, uint64_t offset, uint64_t cookie,
    uint64_t semaphore, int at_return, int pid);

#endif
