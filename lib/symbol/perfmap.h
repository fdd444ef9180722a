/*
 * Names of code that a just-in-time compiler makes, as it writes them for
 * perf(1): /tmp/perf-PID.map, lines of start, size (both in hexadecimal) and name
 * (Linux: tools/perf/Documentation/jit-interface.txt).
 */
#ifndef PERFMAP_H
#define PERFMAP_H

#include <stdint.h>
#include <sys/types.h>

struct perfmap;

/*
 * That of a process, in its own /tmp and by the number that it has for itself.
 * Only a file is read that belongs to whom the process belongs to, or to root.
 * NULL: no memory.
 */
struct perfmap *perfmap_open(pid_t pid);
void perfmap_close(struct perfmap *m);

/* The name at an address, valid until the next call; NULL: none.  What has been
 * added to the file since is read. */
const char *perfmap_lookup(struct perfmap *m, uint64_t addr);

#endif
