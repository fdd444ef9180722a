/*
 * Around the loading of a BPF skeleton: messages, and facts that it needs.
 */
#ifndef LOADER_H
#define LOADER_H

#include <stddef.h>

/* Keep libbpf's first warning and the verifier's first complaint for loader_explain(),
 * and have it print none. */
void loader_listen(void);

/* Say why loading has failed with an errno, in words of at most size bytes; and set
 * errno, to EPERM or EACCES where it is not permitted.  What the verifier refuses is no
 * matter of permission. */
void loader_explain(int error, char *why, size_t size);

/* Returns our pid namespace for kernel.bpf.h; 0: the machine's first one. */
unsigned loader_pid_namespace(void);

/* Returns whether the kernel has uprobe sessions (Linux 6.13). */
int loader_has_sessions(void);

#define LOADER_SESSION 57 /* BPF_TRACE_UPROBE_SESSION, by which they are attached */

#endif
