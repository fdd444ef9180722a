#include "elf/debugfile.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <zlib.h>

#include "base/bytes.h"
#include "elf/debuginfod.h"
#include "elf/elf_file.h"

struct search {
	const char *root;
	char buildid[ELF_FILE_BUILDID_MAX]; /* "": there is none, the checksum counts */
	const char *link;              /* the name in .gnu_debuglink, or NULL */
	uint32_t crc;                  /* the checksum in .gnu_debuglink */
	const struct supplement *supplement; /* the one to find, or NULL */
	char *name;
	char fetched[DEBUGFILE_NAME]; /* a path of debuginfod */
};

/* Read .gnu_debuglink: a name, NUL, up to three more bytes to a multiple of four, and
 * the CRC. */
static void
read_link(struct search *s, const struct elf_file *elf)
{
	struct elf_file_section link = elf_file_section(elf, ".gnu_debuglink");
	const unsigned char *end = link.bytes ? memchr(link.bytes, 0, link.len) : NULL;
	size_t at;

	if (end == NULL || end == link.bytes)
		return;
	at = ((size_t)(end - link.bytes) + 4) / 4 * 4;
	if (at + sizeof s->crc > link.len)
		return;
	memcpy(&s->crc, link.bytes + at, sizeof s->crc);
	s->link = (const char *)link.bytes;
}

static int
has_checksum(const struct elf_file *elf, uint32_t crc)
{
	size_t len;
	const unsigned char *bytes = elf_file_bytes(elf, &len);

	return crc32_z(0, bytes, len) == crc;
}

/* ---- references to supplementary files ---------------------------------- */

/* A reference to one: dwz's id is a build-id, that of DWARF 5 a checksum. */
struct supplement {
	const char *name;
	struct bytes id;
	int is; /* the file that has this is itself a supplementary one */
};

/* Read a file's reference, or, of a supplementary file, its own id.  Returns -1 if there
 * is none. */
static int
read_supplement(const struct elf_file *elf, struct supplement *out)
{
	struct elf_file_section s = elf_file_section(elf, ".gnu_debugaltlink");
	int old = s.bytes != NULL;
	struct bytes b;

	if (!old)
		s = elf_file_section(elf, ".debug_sup");
	if (s.bytes == NULL)
		return -1;
	b = (struct bytes){ s.bytes, s.bytes + s.len, 0 };
	if (!old)
		bytes_skip(&b, 2); /* the version */
	out->is = !old && bytes_take(&b, 1);
	out->name = bytes_string(&b);
	if (!old && bytes_uleb(&b) != (uint64_t)(b.end - b.p))
		b.failed = 1;
	out->id = b;
	return b.failed || b.p == b.end ? -1 : 0;
}

/* Returns whether a file is the supplementary one that is wanted. */
static int
is_supplement(const struct elf_file *elf, const struct supplement *wanted)
{
	struct supplement s;
	size_t len = (size_t)(wanted->id.end - wanted->id.p);

	return read_supplement(elf, &s) == 0 && s.is &&
	    (size_t)(s.id.end - s.id.p) == len && memcmp(s.id.p, wanted->id.p, len) == 0;
}

/* ---- searching ---------------------------------------------------------- */

/* Returns whether a file is the one that is searched, and of any use. */
static int
is_right(const struct search *s, const struct elf_file *elf)
{
	char id[ELF_FILE_BUILDID_MAX];

	if (!elf_file_has_symtab(elf) && !elf_file_has_debug(elf))
		return 0;
	if (s->supplement && is_supplement(elf, s->supplement))
		return 1;
	if (s->buildid[0] == '\0')
		return has_checksum(elf, s->crc);
	elf_file_buildid(elf, id);
	return strcmp(id, s->buildid) == 0;
}

/* Open a path, if the file there is right. */
__attribute__((format(printf, 2, 3))) static struct elf_file *
try(struct search *s, const char *format, ...)
{
	char path[DEBUGFILE_NAME + 32];
	const char *error;
	struct elf_file *elf;
	va_list ap;

	va_start(ap, format);
	vsnprintf(s->name, DEBUGFILE_NAME, format, ap);
	va_end(ap);
	snprintf(path, sizeof path, "%s%s", s->root, s->name);
	elf = elf_file_open_path(path, &error);
	if (elf && !is_right(s, elf)) {
		elf_file_close(elf);
		elf = NULL;
	}
	return elf;
}

/* Try the build-id, below a directory laid out as /usr/lib/debug is. */
static struct elf_file *
try_id(struct search *s, const char *dir)
{
	const char *id = s->buildid;

	return strlen(id) > 2 ? try(s, "%s/.build-id/%.2s/%s.debug", dir, id, id + 2) : NULL;
}

/* Returns the length of a path's directory, with the slash. */
static int
dir_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? (int)(slash + 1 - path) : 0;
}

/* Search below the roots, then in the directories, then on servers. */
static struct elf_file *
search(struct search *s, const struct debugfile_where *w,
    struct elf_file *(*below)(struct search *s, const char *path),
    struct elf_file *(*within)(struct search *s, const char *path, const char *dir),
    const char *path)
{
	struct elf_file *found;

	s->root = w->root;
	found = below(s, path);
	s->root = "";
	if (found == NULL && w->root[0])
		found = below(s, path);
	for (size_t i = 0; i < w->ndir && found == NULL; i++)
		found = within(s, path, w->dir[i]);
	if (found == NULL && s->buildid[0] &&
	    debuginfod_kept(s->buildid, s->fetched, sizeof s->fetched) == 0)
		found = try(s, "%s", s->fetched);
	if (found == NULL && s->buildid[0] && !w->local &&
	    debuginfod_find(DEBUGINFOD_DEBUGINFO, s->buildid, s->fetched,
	        sizeof s->fetched) == 0)
		found = try(s, "%s", s->fetched);
	return found;
}

/* ---- separate debug information ----------------------------------------- */

/* Try the paths below a root. */
static struct elf_file *
debug_below(struct search *s, const char *path)
{
	struct elf_file *elf = try_id(s, "/usr/lib/debug");
	int dir = dir_of(path);

	if (elf == NULL && s->link)
		elf = try(s, "%.*s%s", dir, path, s->link);
	if (elf == NULL && s->link)
		elf = try(s, "%.*s.debug/%s", dir, path, s->link);
	if (elf == NULL && s->link)
		elf = try(s, "/usr/lib/debug%.*s%s", dir, path, s->link);
	return elf;
}

/* Try a directory: it is laid out as /usr/lib/debug is, or as the file system, or has
 * all files side by side. */
static struct elf_file *
debug_within(struct search *s, const char *path, const char *dir)
{
	struct elf_file *elf = try_id(s, dir);

	if (elf == NULL && s->link)
		elf = try(s, "%s%.*s%s", dir, dir_of(path), path, s->link);
	if (elf == NULL && s->link)
		elf = try(s, "%s/%s", dir, s->link);
	if (elf == NULL)
		elf = try(s, "%s%s.debug", dir, path);
	return elf ? elf : try(s, "%s/%s.debug", dir, path + dir_of(path));
}

struct elf_file *
debugfile_open(const struct elf_file *elf, const struct debugfile_where *w,
    char name[DEBUGFILE_NAME])
{
	struct search s = { .name = name };

	elf_file_buildid(elf, s.buildid);
	if (s.buildid[0] == 'h')
		s.buildid[0] = '\0';
	read_link(&s, elf);
	if (s.buildid[0] == '\0' && s.link == NULL)
		return NULL;
	return search(&s, w, debug_below, debug_within, w->path);
}

/* ---- supplementary files ------------------------------------------------ */

static struct elf_file *
supplement_below(struct search *s, const char *path)
{
	struct elf_file *elf = try_id(s, "/usr/lib/debug");
	int dir = s->link[0] == '/' ? 0 : dir_of(path);

	return elf ? elf : try(s, "%.*s%s", dir, path, s->link);
}

static struct elf_file *
supplement_within(struct search *s, const char *path, const char *dir)
{
	struct elf_file *elf = try_id(s, dir);
	int of = s->link[0] == '/' ? 0 : dir_of(path);

	if (elf == NULL)
		elf = try(s, "%s%.*s%s", dir, of, path, s->link);
	return elf ? elf : try(s, "%s/%s", dir, s->link + dir_of(s->link));
}

int
debugfile_supplemented(const struct elf_file *elf)
{
	struct supplement s;

	return read_supplement(elf, &s) == 0 && !s.is;
}

struct elf_file *
debugfile_supplement(const struct elf_file *elf, const struct debugfile_where *w,
    const char *path)
{
	char name[DEBUGFILE_NAME];
	struct supplement wanted;
	struct search s = { .name = name, .supplement = &wanted };
	size_t len;

	if (read_supplement(elf, &wanted) < 0 || wanted.is)
		return NULL;
	s.link = wanted.name;
	len = (size_t)(wanted.id.end - wanted.id.p);
	if (len > (ELF_FILE_BUILDID_MAX - 1) / 2)
		return NULL;
	for (size_t i = 0; i < len; i++)
		snprintf(s.buildid + 2 * i, 3, "%02x", wanted.id.p[i]);
	return search(&s, w, supplement_below, supplement_within, path);
}
