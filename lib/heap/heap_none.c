/* Stands in for heap/heap_bpf.c in a build with BPF=0. */
#include <errno.h>
#include <stdio.h>

#include "heap/backend.h"
#include "heap/heap.h"

struct heap *
heap_bpf_new(const struct heap_options *o, char *why)
{
	(void)o;
	snprintf(why, HEAP_WHY, "rsprof was built without BPF");
	errno = ENOTSUP;
	return NULL;
}
