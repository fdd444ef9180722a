/*
 * The code that a process maps: one reader of /proc/PID/maps for all programs, one
 * notion of which file a mapping is of, and one way to open it.
 */
#ifndef MAPPING_H
#define MAPPING_H

#include <stddef.h>
#include <sys/types.h>

struct elf_file;
struct proc_map;
struct stat;

#define MAPPING_PATH 4200

/*
 * Call fn for each mapping of code.  Code of a file that stands in memory without a
 * file, as where a program has moved its text to huge pages, is passed as the file's,
 * with `copied' set.  Returns -1 with errno.
 */
int mapping_code(pid_t pid, void (*fn)(void *ctx, const struct proc_map *map), void *ctx);

/*
 * Copy the path that a mapping's file had when it was mapped, "[vdso]", or "[anon]" where
 * there is none.  A file without a path, of memfd_create(2), has a name:
 * mapping_is_nameless() says so.  Such a file is often no program's, but where a compiler
 * puts its code: then its mappings are [anon], too.
 */
void mapping_path(char out[MAPPING_PATH], const struct proc_map *map);
int mapping_is_nameless(const struct proc_map *map);

/* What rsprof-guard(1) maps into a process: an ELF file with rows and names, whose allocation
 * functions stand for those of the process in slots. */
#define MAPPING_GATE "rsprof-gate" /* its name, for memfd_create(2) */
int mapping_is_gate(const char *path);

/*
 * Open the file of a mapping: the very one that the process has mapped, even if another
 * has its name by now.  Returns -1 with errno.
 */
int mapping_open(pid_t pid, const struct proc_map *map);

/* Describe that file, as stat(2) does.  Returns -1 if it cannot be found. */
int mapping_stat(pid_t pid, const struct proc_map *map, struct stat *st);

/*
 * Read as much of a mapping's file as the process has mapped out of its memory: its code
 * and unwind tables, no sections.  For a file that cannot be opened.  Returns NULL with
 * *error set to a constant string.
 */
struct elf_file *mapping_image(pid_t pid, const struct proc_map *map, const char **error);

/* Returns a constant string that says why mapping_open() has failed with errno error. */
const char *mapping_refusal(int error);

#endif
