/*
 * The names of code from a just-in-time compiler, which writes them for perf(1)
 * to /tmp/perf-PID.map as lines of start, size (both in hexadecimal) and name
 * (Linux: tools/perf/Documentation/jit-interface.txt).
 */
#ifndef PERFMAP_H
#define PERFMAP_H

#include <stdint.h>
#include <sys/types.h>

struct perfmap;

/*
 * Open the map of a process, in the /tmp of its mount namespace and with its pid in
 * its own pid namespace.  The file must belong to the process's user or to root.
 * Returns NULL when out of memory.
 */
struct perfmap *perfmap_open(pid_t pid);
void perfmap_close(struct perfmap *m);

/* Returns the name at an address, valid until the next call, or NULL.  Reads the file
 * again if it has grown. */
const char *perfmap_lookup(struct perfmap *m, uint64_t addr);

#endif
