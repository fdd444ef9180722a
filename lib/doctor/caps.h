/*
 * What this process may do, and who refuses it the rest: capabilities,
 * sysctls, seccomp filters, the lockdown of the kernel, other security
 * modules.  Each refusal is explained, with the least that would lift it.
 */
#ifndef CAPS_H
#define CAPS_H

#include <stddef.h>
#include <stdint.h>

struct verdict;

/* Capabilities as bits: linux/capability.h. */
#define CAPS_PTRACE (UINT64_C(1) << 19)
#define CAPS_ADMIN (UINT64_C(1) << 21)
#define CAPS_SYSLOG (UINT64_C(1) << 34)
#define CAPS_PERFMON (UINT64_C(1) << 38)
#define CAPS_BPF (UINT64_C(1) << 39)

struct caps {
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

void caps_read(struct caps *p);

/* Does it have all of these?  CAP_SYS_ADMIN has CAP_PERFMON and CAP_BPF in
 * it. */
int caps_has(const struct caps *p, uint64_t caps);

/* Is the kernel's release an earlier one? */
int caps_before(const struct caps *p, int major, int minor);

/* What to do about capabilities that are missing, into out: "give CAP_BPF and
 * CAP_PERFMON, or run as root (sudo)". */
void caps_ask(const struct caps *p, uint64_t caps, char *out,
    size_t size);

/*
 * Say why a call was refused with this errno: perf_event_open(2) for an event
 * of our own, which counts the kernel's time too or not; the same for a
 * uprobe; bpf(2).  An errno that refuses nothing is told as it is.
 */
void caps_perf(const struct caps *p, int error, int kernel,
    struct verdict *out);
void caps_uprobe(const struct caps *p, int error, struct verdict *out);
void caps_bpf(const struct caps *p, int error, struct verdict *out);

/* The same where capabilities are all that it takes.  1: they are missing, and
 * it has been said; 0: they are not. */
int caps_lacks(const struct caps *p, uint64_t caps, struct verdict *out);

/* When nothing that can be asked forbids it. */
void caps_unknown(int error, struct verdict *out);

/* A text for an errno, also for the kernel's own 524 (ENOTSUPP). */
const char *caps_error(int error);

#endif
