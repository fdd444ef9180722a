/*
 * What every user of a BPF skeleton needs around loading it.
 */
#ifndef LOADER_H
#define LOADER_H

#include <stddef.h>

/* Keep what libbpf complains of, for loader_explain(), in place of printing. */
void loader_listen(void);

/* Why loading has failed with this errno, in words; and errno is set, to
 * EPERM or EACCES where it is not permitted. */
void loader_explain(int error, char *why, size_t size);

/* Our pid namespace for kernel.bpf.h; 0: the machine's first one. */
unsigned loader_pid_namespace(void);

/* Does the kernel have uprobe sessions (Linux 6.13)?  And the type by which
 * they are attached: BPF_TRACE_UPROBE_SESSION. */
int loader_has_sessions(void);
#define LOADER_SESSION 57

#endif
