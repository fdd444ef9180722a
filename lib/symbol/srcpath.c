#include "symbol/srcpath.h"

#include <string.h>

static int
begins(const char *s, const char *prefix)
{
	return strncmp(s, prefix, strlen(prefix)) == 0;
}

/* Returns what follows a mark in a path, or NULL.  At the start of the path the slash of the
 * mark may be missing. */
static const char *
after(const char *path, const char *mark)
{
	const char *p;

	if (begins(path, mark + 1))
		return path + strlen(mark + 1);
	p = strstr(path, mark);
	return p ? p + strlen(mark) : NULL;
}

static size_t
digits(const char *s)
{
	return strspn(s, "0123456789");
}

/* Returns whether s begins with a version such as 1.2.3. */
static int
is_version(const char *s)
{
	size_t n = digits(s), m;

	if (n == 0 || s[n] != '.')
		return 0;
	s += n + 1;
	m = digits(s);
	return m && s[m] == '.' && digits(s + m + 1);
}

/* Read the crate and version from a directory, "sha-1-0.10.0" or "serde". */
static void
read_directory(const char *dir, struct srcpath *out)
{
	size_t len = strcspn(dir, "/");

	out->crate = (struct srcpath_text){ dir, len };
	for (size_t i = 1; i < len; i++)
		if (dir[i] == '-' && is_version(dir + i + 1)) {
			out->crate.len = i;
			out->version = (struct srcpath_text){ dir + i + 1, len - i - 1 };
			break;
		}
	out->shown = dir;
}

/* Returns the directory below p that contains src/, such as a workspace's member, or NULL. */
static const char *
crate_directory(const char *p)
{
	const char *src = strstr(p, "/src/"), *dir = src;

	if (src == NULL)
		return NULL;
	while (dir > p && dir[-1] != '/')
		dir--;
	return dir;
}

/* Read the crate and commit from a checkout, "regex-3f1b2c/a1b2c3d/src/re.rs". */
static void
read_checkout(const char *p, struct srcpath *out)
{
	size_t repo = strcspn(p, "/"), commit = p[repo] ? strcspn(p + repo + 1, "/") : 0;
	const char *inside = p + repo + 1 + commit, *dir;

	out->crate = (struct srcpath_text){ p, repo };
	for (size_t i = repo; i > 0; i--)
		if (p[i - 1] == '-') {
			out->crate.len = i - 1;
			break;
		}
	out->shown = p;
	if (commit == 0)
		return;
	out->version = (struct srcpath_text){ p + repo + 1, commit };
	dir = *inside == '/' ? crate_directory(inside) : NULL;
	if (dir && dir > inside + 1)
		out->crate = (struct srcpath_text){ dir, strcspn(dir, "/") };
}

/* Read a path of cargo's or of a vendor directory.  Returns 0 if it is neither. */
static int
read_dependency(const char *path, struct srcpath *out)
{
	const char *p;

	if ((p = after(path, "/git/checkouts/"))) {
		read_checkout(p, out);
		return 1;
	}
	/* src/ contains a directory for each registry. */
	if ((p = after(path, "/registry/src/")))
		p = strchr(p, '/') ? strchr(p, '/') + 1 : p;
	else if ((p = after(path, "/cargo/registry/")) == NULL)
		p = after(path, "/vendor/");
	if (p)
		read_directory(p, out);
	return p != NULL;
}

/* Read a path of the standard library's source.  Returns 0 if it is not one. */
static int
read_std(const char *path, struct srcpath *out)
{
	const char *p = path, *library, *dir;

	if (begins(path, "/rust/deps/")) {
		read_directory(path + 11, out);
		return 1;
	}
	if (begins(path, "/rustc/"))
		p = path + 7;
	else if (begins(path, "/usr/src/rustc-"))
		p = path + 15;
	if (p != path)
		out->version = (struct srcpath_text){ p, strcspn(p, "/") };
	library = after(path, "/library/");
	dir = library ? crate_directory(library) : NULL;
	if (dir && (p != path || strstr(path, "/rustlib/src/rust/") ||
	        begins(dir, "alloc/src/") || begins(dir, "core/src/") ||
	        begins(dir, "std/src/"))) {
		out->crate = (struct srcpath_text){ dir, strcspn(dir, "/") };
		out->shown = dir;
		return 1;
	}
	if (p == path)
		return 0;
	if (read_dependency(path, out))
		return 1;
	out->shown = path;
	return 1;
}

void
srcpath_of(const char *path, struct srcpath *out)
{
	*out = (struct srcpath){ .kind = SRCPATH_OWN, .shown = path };
	if (read_std(path, out))
		out->kind = SRCPATH_STD;
	else if (read_dependency(path, out))
		out->kind = SRCPATH_DEP;
}
