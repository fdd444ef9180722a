#include "os/btf.h"

#include <errno.h>
#include <linux/btf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"

#define MOST (64UL << 20) /* bytes of types */

/* Read a file to its end.  Returns NULL, or a constant string with errno. */
static const char *
read_all(struct btf_file *b, FILE *f)
{
	size_t room = 0, got;

	do {
		unsigned char *more;

		room = room ? 2 * room : 1UL << 20;
		more = room <= MOST ? realloc(b->bytes, room) : NULL;
		if (more == NULL) {
			errno = 0;
			return room <= MOST ? "out of memory" : "too big";
		}
		b->bytes = more;
		got = fread(b->bytes + b->len, 1, room - b->len, f);
		b->len += got;
	} while (b->len == room);
	return ferror(f) ? "cannot be read" : NULL;
}

const char *
btf_open(struct btf_file *b)
{
	FILE *f = fopen("/sys/kernel/btf/vmlinux", "re");
	const char *error;
	uint16_t magic = 0;

	b->bytes = NULL;
	b->len = 0;
	if (f == NULL)
		return "cannot be opened";
	error = read_all(b, f);
	fclose(f);
	if (error)
		return error;
	errno = 0;
	if (b->len >= sizeof(struct btf_header))
		memcpy(&magic, b->bytes, sizeof magic);
	return magic == BTF_MAGIC ? NULL : "is no BTF";
}

void
btf_close(struct btf_file *b)
{
	free(b->bytes);
	b->bytes = NULL;
}

/* Returns how many bytes follow the 12 of a type with n members. */
static size_t
tail(unsigned kind, size_t n)
{
	switch (kind) {
	case BTF_KIND_INT:
	case BTF_KIND_VAR:
	case 17: return 4; /* BTF_KIND_DECL_TAG, 5.16 */
	case BTF_KIND_ARRAY:
	case BTF_KIND_STRUCT:
	case BTF_KIND_UNION:
	case BTF_KIND_DATASEC:
	case 19: return 12 * (kind == BTF_KIND_ARRAY ? 1 : n); /* ..._ENUM64, 6.0 */
	case BTF_KIND_ENUM:
	case BTF_KIND_FUNC_PROTO: return 8 * n;
	default: return 0;
	}
}

/* Returns whether a name stands at an offset of the strings. */
static int
is_name(const struct bytes *strings, uint32_t at, const char *name)
{
	size_t size = strlen(name) + 1;

	return at < (size_t)(strings->end - strings->p) &&
	    size <= (size_t)(strings->end - strings->p) - at &&
	    memcmp(strings->p + at, name, size) == 0;
}

/* Look for a type by its kind and name.  strings and *after are set to the strings, and
 * to what follows the type's 12 bytes; info to the type's struct btf_type.info.
 * Returns its number; 0: none. */
static uint32_t
find(const struct btf_file *b, unsigned kind, const char *name, struct bytes *strings,
    struct bytes *after, uint32_t *info)
{
	struct bytes types = { b->bytes, b->bytes + b->len, 0 };
	struct btf_header h;
	const void *p;

	if (b->len < sizeof h)
		return 0;
	memcpy(&h, b->bytes, sizeof h);
	*strings = types;
	bytes_skip(&types, (uint64_t)h.hdr_len + h.type_off);
	bytes_skip(strings, (uint64_t)h.hdr_len + h.str_off);
	if (h.type_len < (size_t)(types.end - types.p))
		types.end = types.p + h.type_len;
	for (uint32_t id = 1; (p = bytes_skip(&types, 12)); id++) {
		uint32_t head[3]; /* struct btf_type: name, info, size or type */

		memcpy(head, p, sizeof head);
		*info = head[1];
		*after = types;
		if ((head[1] >> 24 & 0x1f) == kind && is_name(strings, head[0], name))
			return id;
		bytes_skip(&types, tail(head[1] >> 24 & 0x1f, head[1] & 0xffff));
	}
	return 0;
}

uint32_t
btf_find(const struct btf_file *b, unsigned kind, const char *name)
{
	struct bytes strings, after;
	uint32_t info;

	return find(b, kind, name, &strings, &after, &info);
}

int
btf_has_member(const struct btf_file *b, const char *type, const char *member)
{
	struct bytes strings, after;
	uint32_t info = 0;
	const void *p;

	if (!find(b, BTF_KIND_ENUM, type, &strings, &after, &info))
		return 0;
	for (uint32_t i = 0; i < (info & 0xffff) && (p = bytes_skip(&after, 8)); i++) {
		uint32_t name; /* the first member of struct btf_enum */

		memcpy(&name, p, sizeof name);
		if (is_name(&strings, name, member))
			return 1;
	}
	return 0;
}
