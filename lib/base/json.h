/*
 * JSON texts (RFC 8259), read into a tree of values.
 */
#ifndef JSON_H
#define JSON_H

#include <stddef.h>

enum json_type {
	JSON_NULL,
	JSON_FALSE,
	JSON_TRUE,
	JSON_NUMBER,
	JSON_STRING,
	JSON_ARRAY,
	JSON_OBJECT
};

struct json_value {
	enum json_type type;
	const char *name; /* of a member of an object; NULL: it is none */
	const char *text; /* of a string, which ends with a NUL; of a number, which does not */
	size_t len;       /* of text: a string may hold NULs, too */
	struct json_value *child; /* the first element or member; NULL: it has none */
	struct json_value *next;  /* the one after it in the same array or object */
};

struct json;

#define JSON_DEPTH 128 /* arrays and objects in each other; what is deeper is refused */

/*
 * Read a text of len bytes, which is copied. Half a surrogate pair becomes U+FFFD; bytes that are
 * not UTF-8 stay as they are. Returns NULL with *error, a constant string, if it is not JSON or
 * memory is short.
 */
struct json *json_read(const char *text, size_t len, const char **error);
void json_free(struct json *j);

/* Returns the value that the text is. */
const struct json_value *json_root(const struct json *j);

/* Returns a member of an object by its name, the first of them; NULL if v is NULL, is no object,
 * or has no such member. */
const struct json_value *json_member(const struct json_value *v, const char *name);

/* Returns the text of the string that a member is, NULL if there is none. */
const char *json_string(const struct json_value *v, const char *name);

#endif
