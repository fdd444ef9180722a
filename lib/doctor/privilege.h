/*
 * What this process may do, and who refuses it the rest: capabilities,
 * sysctls, seccomp filters, the lockdown of the kernel, other security
 * modules.  Each refusal is explained, with the least that would lift it.
 */
#ifndef PRIVILEGE_H
#define PRIVILEGE_H

#include <stddef.h>
#include <stdint.h>

struct ability;

/* Capabilities as bits: linux/capability.h. */
#define PRIVILEGE_PTRACE (UINT64_C(1) << 19)
#define PRIVILEGE_ADMIN (UINT64_C(1) << 21)
#define PRIVILEGE_SYSLOG (UINT64_C(1) << 34)
#define PRIVILEGE_PERFMON (UINT64_C(1) << 38)
#define PRIVILEGE_BPF (UINT64_C(1) << 39)

struct privilege {
	uint64_t effective;  /* capabilities that count on this machine */
	uint64_t namespaced; /* those that count in our user namespace alone */
	uint64_t permitted;  /* as the kernel has them, wherever they count */
	int filtered;        /* a seccomp filter is in force */
	int fine;            /* the kernel has CAP_PERFMON and CAP_BPF (5.8) */
	int locked;          /* its lockdown is "confidentiality" */
	long perf_paranoid;  /* sysctl kernel.perf_event_paranoid */
	long ptrace_scope;   /* sysctl kernel.yama.ptrace_scope; 0: none */
	int major, minor;    /* of the kernel's release */
	char release[65];
};

void privilege_read(struct privilege *p);

/* Does it have all of these?  CAP_SYS_ADMIN has CAP_PERFMON and CAP_BPF in
 * it. */
int privilege_has(const struct privilege *p, uint64_t caps);

/* Is the kernel's release an earlier one? */
int privilege_before(const struct privilege *p, int major, int minor);

/* What to do about capabilities that are missing, into out: "give CAP_BPF and
 * CAP_PERFMON, or run as root (sudo)". */
void privilege_ask(const struct privilege *p, uint64_t caps, char *out,
    size_t size);

/*
 * Say why a call was refused with this errno: perf_event_open(2) for an event
 * of our own, which counts the kernel's time too or not; the same for a
 * uprobe; bpf(2).  An errno that refuses nothing is told as it is.
 */
void privilege_perf(const struct privilege *p, int error, int kernel,
    struct ability *out);
void privilege_uprobe(const struct privilege *p, int error, struct ability *out);
void privilege_bpf(const struct privilege *p, int error, struct ability *out);

/* The same where capabilities are all that it takes.  1: they are missing, and
 * it has been said; 0: they are not. */
int privilege_lacks(const struct privilege *p, uint64_t caps, struct ability *out);

/* When nothing that can be asked forbids it. */
void privilege_unknown(int error, struct ability *out);

/* A text for an errno, also for the kernel's own 524 (ENOTSUPP). */
const char *privilege_error(int error);

#endif
