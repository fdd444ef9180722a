/*
 * Separate debug information: what `objcopy --only-keep-debug' left in a file
 * of its own when a program was stripped, as packages of distributions do.
 * gdb's manual, "Debugging Information in Separate Files", says where.
 */
#ifndef DEBUGFILE_H
#define DEBUGFILE_H

#include <stddef.h>

struct elf_file;

#define DEBUGFILE_NAME 8192

/* Where a file stands, and what belongs to it is looked for. */
struct debugfile_where {
	const char *root;       /* /proc/PID/root, or "" */
	const char *path;       /* of the file, below it */
	const char *const *dir; /* directories with files of another machine */
	size_t ndir;
};

/* Who has files of no place here is asked if DEBUGINFOD_URLS is set (elf/debuginfod). */

/*
 * Open what belongs to a file: by build-id, then by the name in its
 * .gnu_debuglink; below the root, then below our own, then in the directories.
 * It is taken only if the build-id is the same or, of a file that has none, the
 * link's checksum is right, and if it has symbols or debug information.  name:
 * where it was found, without the root.  NULL: there is none.
 */
struct elf_file *debugfile_open(const struct elf_file *elf, const struct debugfile_where *w,
    char name[DEBUGFILE_NAME]);

/*
 * Debug information can refer to that of a supplementary file, which has what is the
 * same in several ones: dwz(1), by .gnu_debugaltlink; DWARF 5, 7.3.6, by .debug_sup.
 * Does it; and that file, looked for by build-id and by name, relative to `path', where
 * the elf stands.  NULL: it is not there.
 */
int debugfile_supplemented(const struct elf_file *elf);
struct elf_file *debugfile_supplement(const struct elf_file *elf, const struct debugfile_where *w,
    const char *path);

#endif
