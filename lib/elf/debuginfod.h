/*
 * Files of servers that have them by build-id (debuginfod(8) of elfutils), where the
 * user has named such servers in DEBUGINFOD_URLS, and only then: elfutils' library is
 * loaded when it is first needed, asks them, and keeps what it gets in its own cache
 * (debuginfod_find_debuginfo(3)).
 */
#ifndef DEBUGINFOD_H
#define DEBUGINFOD_H

#include <stddef.h>

enum debuginfod_kind {
	DEBUGINFOD_EXECUTABLE,
	DEBUGINFOD_DEBUGINFO
};

/* Where a file with that build-id (in hexadecimal) now is: 0; -1: it is not had, or
 * nobody is to be asked. */
int debuginfod_find(enum debuginfod_kind kind, const char *buildid, char *path,
    size_t size);

/* Why nobody can be asked although somebody is to, for a person; NULL: it can be. */
const char *debuginfod_problem(void);

#endif
