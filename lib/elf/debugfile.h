/*
 * Separate debug information, which `objcopy --only-keep-debug' has left in a file
 * of its own when a program was stripped, as in packages of distributions.  Where
 * such files are is in gdb's manual, "Debugging Information in Separate Files".  If
 * none is here and DEBUGINFOD_URLS is set, servers are asked (elf/debuginfod).
 */
#ifndef DEBUGFILE_H
#define DEBUGFILE_H

#include <stddef.h>

struct elf_file;

#define DEBUGFILE_NAME 8192

/* The location of a file, and the directories to search for the files that belong to
 * it. */
struct debugfile_where {
	const char *root;       /* /proc/PID/root, or "" */
	const char *path;       /* of the file, below it */
	const char *const *dir; /* directories with files of another machine */
	size_t ndir;
	int local; /* no server is asked */
};

/*
 * Open the debug information of a file: by build-id, then by the name in its
 * .gnu_debuglink; below the root, then below our own, then in the directories,
 * then among files that servers have sent earlier.
 * A file is taken only if the build-id is the same or, of a file that has none, the
 * link's checksum is right, and if it has symbols or debug information.  name is set
 * to its path without the root.  NULL: there is none.
 */
struct elf_file *debugfile_open(const struct elf_file *elf, const struct debugfile_where *w,
    char name[DEBUGFILE_NAME]);

/*
 * Returns whether debug information refers to that of a supplementary file, whose
 * entries several files share: dwz(1), by .gnu_debugaltlink; DWARF 5, 7.3.6, by
 * .debug_sup.
 */
int debugfile_supplemented(const struct elf_file *elf);

/* Open that file, by build-id and by name, which is relative to elf's own path.  NULL:
 * it is not found. */
struct elf_file *debugfile_supplement(const struct elf_file *elf, const struct debugfile_where *w,
    const char *path);

#endif
