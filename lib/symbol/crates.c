#include "symbol/crates.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/hash.h"
#include "base/idmap.h"
#include "elf/elf_file.h"
#include "symbol/srcpath.h"

#define MAX_CRATES 4096     /* crates of a program */
#define PATH_PART 256 /* bytes of a path that are enough to find the crate */
#define COMMIT 9      /* digits of a commit, as rustc shows it */

struct crate {
	char name[CRATE_MAX], version[CRATE_VERSION_MAX];
};

struct crates {
	struct crate *crate;
	size_t n, room;
	struct idmap index;            /* hash of a name to its index */
	char rustc[CRATE_VERSION_MAX]; /* "1.75.0"; "" if there are several */
	char commit[COMMIT + 1];       /* "82e1608df"; likewise */
};

/* ---- reading the file --------------------------------------------------- */

/* Copy a part of a path as a string.  Returns -1 if it does not fit. */
static int
copy(char *out, size_t size, const struct srcpath_text *t)
{
	if (t->len >= size)
		return -1;
	memcpy(out, t->s, t->len);
	out[t->len] = '\0';
	return 0;
}

/* Add a crate; one that has several versions loses its version. */
static void
add(struct crates *c, const struct srcpath *s)
{
	struct crate new;
	uint64_t key;
	uint32_t i;

	if (copy(new.name, sizeof new.name, &s->crate) < 0 ||
	    copy(new.version, sizeof new.version, &s->version) < 0)
		return;
	for (char *p = new.name; *p; p++)
		if (*p == '-')
			*p = '_';
	key = hash_str(HASH_INIT, new.name);
	i = idmap_get(&c->index, key);
	if (i != IDMAP_NONE) {
		if (strcmp(c->crate[i].version, new.version) != 0)
			c->crate[i].version[0] = '\0';
	} else if (c->n < MAX_CRATES &&
	    array_room(&c->crate, c->n, &c->room, sizeof new) == 0 &&
	    idmap_put(&c->index, key, (uint32_t)c->n) == 0) {
		c->crate[c->n++] = new;
	}
}

/* Read the path at a mark, adding its crate.  Strings in .rodata are not terminated, so a
 * directory counts only if a slash ends it, and one without a version only if src/ follows. */
static void
read_path(struct crates *c, const unsigned char *at, size_t len)
{
	char path[PATH_PART];
	struct srcpath s;
	size_t n = 0;

	while (n < len && n < sizeof path - 1 && at[n] > ' ' && at[n] < 0x7f)
		n++;
	memcpy(path, at, n);
	path[n] = '\0';
	srcpath_of(path, &s);
	if (s.kind == SRCPATH_OWN || s.crate.len == 0 || s.crate.s[s.crate.len] == '\0')
		return;
	if (s.version.len ? s.version.s[s.version.len] == '/'
	                  : strncmp(s.crate.s + s.crate.len, "/src/", 5) == 0)
		add(c, &s);
}

/* Read each path that has this mark. */
static void
find_paths(struct crates *c, const struct elf_file_section *in, const char *mark)
{
	const unsigned char *p = in->bytes, *end = p + in->len;

	while (p < end && (p = memmem(p, (size_t)(end - p), mark, strlen(mark)))) {
		read_path(c, p, (size_t)(end - p));
		p += strlen(mark);
	}
}

/* Read the compiler's version from .comment, which has a string such as "rustc version 1.75.0
 * (82e1608df 2023-12-21)" for each version whose code is in the program. */
static void
find_rustc(struct crates *c, const struct elf_file *elf)
{
	static const char mark[] = "rustc version ";
	struct elf_file_section in = elf_file_section(elf, ".comment");
	const unsigned char *p = in.bytes, *end = p + in.len;
	char version[CRATE_VERSION_MAX], commit[COMMIT + 1], text[PATH_PART];
	int found = 0;

	while (p < end && (p = memmem(p, (size_t)(end - p), mark, sizeof mark - 1))) {
		snprintf(text, sizeof text, "%.*s", (int)(end - p), (const char *)p);
		p += sizeof mark - 1;
		commit[0] = '\0';
		if (sscanf(text, "rustc version %47s (%9[0-9a-f]", version, commit) < 1)
			continue;
		if (found++ && strcmp(version, c->rustc) != 0) {
			c->rustc[0] = c->commit[0] = '\0';
			return;
		}
		strcpy(c->rustc, version);
		strcpy(c->commit, commit);
	}
}

struct crates *
crates_read(const struct elf_file *elf)
{
	static const char *const mark[] = { "/registry/src/", "/git/checkouts/",
		"/cargo/registry/", "/vendor/", "/rust/deps/" };
	struct elf_file_section in = elf_file_section(elf, ".rodata");
	struct crates *c = calloc(1, sizeof *c);

	if (c == NULL)
		return NULL;
	find_rustc(c, elf);
	for (size_t i = 0; in.len && i < sizeof mark / sizeof *mark; i++)
		find_paths(c, &in, mark[i]);
	if (c->n || c->rustc[0])
		return c;
	crates_free(c);
	return NULL;
}

void
crates_free(struct crates *c)
{
	if (c == NULL)
		return;
	idmap_clear(&c->index);
	free(c->crate);
	free(c);
}

/* ---- looking up --------------------------------------------------------- */

const char *
crates_version(const struct crates *c, const char *name)
{
	uint32_t i = c ? idmap_get(&c->index, hash_str(HASH_INIT, name)) : IDMAP_NONE;

	return i == IDMAP_NONE ? NULL : c->crate[i].version;
}

const char *
crates_rustc(const struct crates *c, const char *what, size_t len)
{
	if (c == NULL || c->rustc[0] == '\0')
		return NULL;
	if (what == NULL)
		return c->rustc;
	return c->commit[0] && len >= strlen(c->commit) &&
	        strncmp(what, c->commit, strlen(c->commit)) == 0
	    ? c->rustc
	    : NULL;
}
