/*
 * Read what this process may do, and explain who refuses it the rest, with the
 * least that would lift the refusal: capabilities, sysctls, seccomp filters,
 * kernel lockdown, other security modules.
 */
#ifndef CAPS_H
#define CAPS_H

#include <stddef.h>
#include <stdint.h>

struct verdict;

/* Capabilities as bits, numbered as in linux/capability.h. */
#define CAPS_PTRACE (UINT64_C(1) << 19)
#define CAPS_ADMIN (UINT64_C(1) << 21)
#define CAPS_SYSLOG (UINT64_C(1) << 34)
#define CAPS_PERFMON (UINT64_C(1) << 38)
#define CAPS_BPF (UINT64_C(1) << 39)

struct caps {
	uint64_t effective;  /* capabilities valid on this machine */
	uint64_t namespaced; /* capabilities valid in our user namespace only */
	uint64_t permitted;  /* permitted set as the kernel has it, wherever it is valid */
	int filtered;        /* whether a seccomp filter is in force */
	int fine;            /* whether the kernel has CAP_PERFMON and CAP_BPF (5.8) */
	int locked;          /* whether its lockdown is "confidentiality" */
	long perf_paranoid;  /* sysctl kernel.perf_event_paranoid */
	long ptrace_scope;   /* sysctl kernel.yama.ptrace_scope; 0: none */
	int major, minor;    /* of the kernel's release */
	char release[65];
};

/* Read the capabilities of this process, and what restricts them. */
void caps_read(struct caps *p);

/* Returns whether p includes all of caps.  CAP_SYS_ADMIN includes CAP_PERFMON
 * and CAP_BPF. */
int caps_has(const struct caps *p, uint64_t caps);

/* Returns whether the kernel's release is earlier than major.minor. */
int caps_before(const struct caps *p, int major, int minor);

/* Write into out how to get those of caps that p lacks: "give CAP_BPF and
 * CAP_PERFMON, or run as root (sudo)". */
void caps_ask(const struct caps *p, uint64_t caps, char *out,
    size_t size);

/* Explain in *out why a call failed with an errno: perf_event_open(2) for an
 * event of our own, with the kernel's time if kernel is set; the same for a
 * uprobe; bpf(2).  An errno that is no refusal is reported as it is. */
void caps_perf(const struct caps *p, int error, int kernel,
    struct verdict *out);
void caps_uprobe(const struct caps *p, int error, struct verdict *out);
void caps_bpf(const struct caps *p, int error, struct verdict *out);

/* Explain in *out that p lacks some of caps, which a call needs, if it does.
 * Returns whether it does. */
int caps_lacks(const struct caps *p, uint64_t caps, struct verdict *out);

/* Explain in *out a refusal for which no cause can be found, naming the security
 * modules that may have one. */
void caps_unknown(int error, struct verdict *out);

/* Returns a text for an errno, including the kernel's own 524 (ENOTSUPP). */
const char *caps_error(int error);

#endif
