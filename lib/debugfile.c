#include "debugfile.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <zlib.h>

#include "obj.h"

struct search {
	const char *root;
	char buildid[OBJ_BUILDID_MAX]; /* "": it has none, the checksum counts */
	const char *link;              /* the name in .gnu_debuglink, or NULL */
	uint32_t crc;                  /* what stands behind that name */
	char *name;
};

/* A name, NUL, up to three more bytes to a multiple of four, and the CRC. */
static void
read_link(struct search *s, const struct obj *obj)
{
	struct obj_section link = obj_section(obj, ".gnu_debuglink");
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
has_checksum(const struct obj *obj, uint32_t crc)
{
	size_t len;
	const unsigned char *bytes = obj_bytes(obj, &len);

	return crc32_z(0, bytes, len) == crc;
}

/* Is it this one, and of any use? */
static int
is_right(const struct search *s, const struct obj *obj)
{
	char id[OBJ_BUILDID_MAX];

	if (!obj_has_symtab(obj) && !obj_has_debug(obj))
		return 0;
	if (s->buildid[0] == '\0')
		return has_checksum(obj, s->crc);
	obj_buildid(obj, id);
	return strcmp(id, s->buildid) == 0;
}

__attribute__((format(printf, 2, 3))) static struct obj *
try(struct search *s, const char *format, ...)
{
	char path[DEBUGFILE_NAME + 32];
	const char *error;
	struct obj *obj;
	va_list ap;

	va_start(ap, format);
	vsnprintf(s->name, DEBUGFILE_NAME, format, ap);
	va_end(ap);
	snprintf(path, sizeof path, "%s%s", s->root, s->name);
	obj = obj_open_path(path, &error);
	if (obj && !is_right(s, obj)) {
		obj_close(obj);
		obj = NULL;
	}
	return obj;
}

static struct obj *
search(struct search *s, const char *path)
{
	const char *id = s->buildid, *slash = strrchr(path, '/');
	int dir = slash ? (int)(slash + 1 - path) : 0;
	struct obj *obj = NULL;

	if (strlen(id) > 2)
		obj = try(s, "/usr/lib/debug/.build-id/%.2s/%s.debug", id, id + 2);
	if (obj == NULL && s->link)
		obj = try(s, "%.*s%s", dir, path, s->link);
	if (obj == NULL && s->link)
		obj = try(s, "%.*s.debug/%s", dir, path, s->link);
	if (obj == NULL && s->link)
		obj = try(s, "/usr/lib/debug%.*s%s", dir, path, s->link);
	return obj;
}

/* A directory is laid out as /usr/lib/debug is, or as the file system, or has all
 * files side by side. */
static struct obj *
search_dir(struct search *s, const char *path, const char *dir)
{
	const char *id = s->buildid, *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;
	struct obj *obj = NULL;

	if (strlen(id) > 2)
		obj = try(s, "%s/.build-id/%.2s/%s.debug", dir, id, id + 2);
	if (obj == NULL && s->link)
		obj = try(s, "%s%.*s/%s", dir, slash ? (int)(slash - path) : 0, path, s->link);
	if (obj == NULL && s->link)
		obj = try(s, "%s/%s", dir, s->link);
	if (obj == NULL)
		obj = try(s, "%s%s.debug", dir, path);
	return obj ? obj : try(s, "%s/%s.debug", dir, name);
}

struct obj *
debugfile_open(const struct obj *obj, const struct debugfile_where *w,
    char name[DEBUGFILE_NAME])
{
	struct search s = { .root = w->root, .name = name };
	struct obj *found;

	obj_buildid(obj, s.buildid);
	if (s.buildid[0] == 'h')
		s.buildid[0] = '\0';
	read_link(&s, obj);
	if (s.buildid[0] == '\0' && s.link == NULL)
		return NULL;
	found = search(&s, w->path);
	if (found == NULL && w->root[0]) {
		s.root = "";
		found = search(&s, w->path);
	}
	s.root = "";
	for (size_t i = 0; i < w->ndir && found == NULL; i++)
		found = search_dir(&s, w->path, w->dir[i]);
	return found;
}
