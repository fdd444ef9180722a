#include "elf/debuginfod.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Functions of elfutils' debuginfod.h: a build-id of length 0 is a string. */
typedef void *begin_fn(void);
typedef int find_fn(void *client, const unsigned char *buildid, int len, char **path);

static struct {
	int opened;
	void *client;
	find_fn *find[2];
} library;

/* Copy the address of a function to *out.  NULL: there is none. */
static void *
function(void *handle, const char *name, void *out)
{
	void *found = dlsym(handle, name);

	memcpy(out, &found, sizeof found);
	return found;
}

/* Load the library, for as long as the process lives. */
static void
open_library(void)
{
	void *handle = dlopen("libdebuginfod.so.1", RTLD_NOW | RTLD_LOCAL);
	begin_fn *begin;

	library.opened = 1;
	if (handle && function(handle, "debuginfod_begin", &begin) &&
	    function(handle, "debuginfod_find_executable",
	        &library.find[DEBUGINFOD_EXECUTABLE]) &&
	    function(handle, "debuginfod_find_debuginfo", &library.find[DEBUGINFOD_DEBUGINFO]))
		library.client = begin();
}

/* Returns whether the user has named servers. */
static int
wanted(void)
{
	const char *urls = getenv("DEBUGINFOD_URLS");

	return urls && urls[strspn(urls, " ")];
}

const char *
debuginfod_problem(void)
{
	return wanted() && library.opened && library.client == NULL
	    ? "DEBUGINFOD_URLS is set, but there is no libdebuginfod.so.1 (Debian: "
	      "libdebuginfod1)"
	    : NULL;
}

/* Returns whether a path is that of a file of ours, or of root's. */
static int
is_ours(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode) &&
	    (st.st_uid == geteuid() || st.st_uid == 0);
}

/* Get the path of a file in a cache below a directory, which may be NULL. */
static int
find_kept(const char *dir, const char *cache, const char *buildid, char *path, size_t size)
{
	int len;

	if (dir == NULL || dir[0] != '/')
		return -1;
	len = snprintf(path, size, "%s%s/%s/debuginfo", dir, cache, buildid);
	return len >= 0 && (size_t)len < size && is_ours(path) ? 0 : -1;
}

int
debuginfod_kept(const char *buildid, char *path, size_t size)
{
	const char *own = getenv("DEBUGINFOD_CACHE_PATH"), *xdg = getenv("XDG_CACHE_HOME");
	const char *home = getenv("HOME");

	if (own)
		return find_kept(own, "", buildid, path, size);
	if (find_kept(home, "/.debuginfod_client_cache", buildid, path, size) == 0)
		return 0;
	return xdg ? find_kept(xdg, "/debuginfod_client", buildid, path, size)
	           : find_kept(home, "/.cache/debuginfod_client", buildid, path, size);
}

int
debuginfod_find(enum debuginfod_kind kind, const char *buildid, char *path, size_t size)
{
	char *found = NULL;
	int fd, len;

	if (!wanted())
		return -1;
	if (!library.opened)
		open_library();
	if (library.client == NULL)
		return -1;
	fd = library.find[kind](library.client, (const unsigned char *)buildid, 0, &found);
	if (fd < 0)
		return -1;
	close(fd);
	len = found ? snprintf(path, size, "%s", found) : -1;
	free(found);
	return len >= 0 && (size_t)len < size ? 0 : -1;
}
