/* heap/calltrace.h in a build with BPF=0. */
#include <stdio.h>

#include "heap/calltrace.h"

int
calltrace_run(pid_t pid, const struct probe *probe, size_t n, size_t max,
    uint64_t ns, struct calltrace_calls *out, char *why, size_t size)
{
	(void)pid, (void)probe, (void)n, (void)max, (void)ns, (void)out;
	snprintf(why, size, "rsprof was built without BPF");
	return -1;
}
