/*
 * Files of servers that have them by build-id (debuginfod(8) of elfutils), where the
 * user has named such servers in DEBUGINFOD_URLS, and only then: elfutils' library is
 * loaded when it is first needed, asks them, and keeps their files in its own cache
 * (debuginfod_find_debuginfo(3)).
 */
#ifndef DEBUGINFOD_H
#define DEBUGINFOD_H

#include <stddef.h>

enum debuginfod_kind {
	DEBUGINFOD_EXECUTABLE,
	DEBUGINFOD_DEBUGINFO
};

/* Get the path of a file with a build-id (in hexadecimal), from a server if need be.
 * Returns -1 if no server has it, or none is to be asked. */
int debuginfod_find(enum debuginfod_kind kind, const char *buildid, char *path,
    size_t size);

/* Get the path of a separate debug file that such a server has sent earlier.  Returns -1
 * if none has, or if somebody else may have put it there. */
int debuginfod_kept(const char *buildid, char *path, size_t size);

/* Returns a message that says why servers cannot be asked although they are to be;
 * NULL: they can be, or are not to be. */
const char *debuginfod_problem(void);

#endif
