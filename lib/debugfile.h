/*
 * Separate debug information: what `objcopy --only-keep-debug' left in a file
 * of its own when a program was stripped, as packages of distributions do.
 * gdb's manual, "Debugging Information in Separate Files", says where.
 */
#ifndef DEBUGFILE_H
#define DEBUGFILE_H

struct obj;

#define DEBUGFILE_NAME 8192

/*
 * Open what belongs to a file that stands at `path' below the directory
 * `root' (/proc/PID/root, or ""): by build-id, then by the name in its
 * .gnu_debuglink; below that root, then below our own.  It is taken only if the
 * build-id is the same or, of a file that has none, the link's checksum is
 * right, and if it has symbols or debug information.  name: where it was found,
 * without the root.  NULL: there is none.
 */
struct obj *debugfile_open(const struct obj *obj, const char *root,
    const char *path, char name[DEBUGFILE_NAME]);

#endif
