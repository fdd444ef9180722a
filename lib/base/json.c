#include "base/json.h"

#include <ctype.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct json {
	char *text; /* strings are decoded where they stand: they only become shorter */
	struct json_value *values;
	size_t n;
};

struct reader {
	struct json *doc;
	char *p; /* at a NUL when everything is read */
	unsigned depth;
	const char *error;
};

static struct json_value *read_value(struct reader *r);

/* Set the reason why the text is refused, the first one. Returns -1. */
static int
refuse(struct reader *r, const char *error)
{
	if (r->error == NULL)
		r->error = error;
	return -1;
}

static void
skip_space(struct reader *r)
{
	r->p += strspn(r->p, " \t\n\r");
}

/* Skip c if it comes next. Returns whether it did. */
static int
skip(struct reader *r, char c)
{
	skip_space(r);
	if (*r->p != c)
		return 0;
	r->p++;
	return 1;
}

/* Read four hexadecimal digits into *unit. Returns 0 or -1. */
static int
read_unit(struct reader *r, uint32_t *unit)
{
	*unit = 0;
	for (int i = 0; i < 4; i++, r->p++) {
		int c = (unsigned char)*r->p;

		if (!isxdigit(c))
			return refuse(r, "bad \\u in a string");
		*unit = *unit << 4 | (uint32_t)(isdigit(c) ? c - '0' : (c | 0x20) - 'a' + 10);
	}
	return 0;
}

/* Write a character as UTF-8. Returns where it ends. */
static char *
write_character(char *out, uint32_t c)
{
	int more = c < 0x80 ? 0 : c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
	static const unsigned char first[] = { 0, 0xc0, 0xe0, 0xf0 };

	*out++ = (char)(first[more] | c >> 6 * more);
	while (more-- > 0)
		*out++ = (char)(0x80 | (c >> 6 * more & 0x3f));
	return out;
}

/* Read what follows \u, and write that. Returns where it ends, NULL if it is refused. */
static char *
read_unicode(struct reader *r, char *out)
{
	uint32_t high, low;
	char *after;

	if (read_unit(r, &high) < 0)
		return NULL;
	if (high < 0xd800 || high > 0xdfff)
		return write_character(out, high);
	after = r->p;
	if (high < 0xdc00 && r->p[0] == '\\' && r->p[1] == 'u') {
		r->p += 2;
		if (read_unit(r, &low) < 0)
			return NULL;
		if (low >= 0xdc00 && low <= 0xdfff)
			return write_character(out, 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00));
		r->p = after;
	}
	return write_character(out, 0xfffd);
}

/* Read an escape, of which the backslash has been read. Returns where it ends, or NULL. */
static char *
read_escape(struct reader *r, char *out)
{
	static const char letters[] = "\"\\/bfnrt", means[] = "\"\\/\b\f\n\r\t";
	const char *found = *r->p ? strchr(letters, *r->p) : NULL;

	if (found) {
		r->p++;
		*out++ = means[found - letters];
		return out;
	}
	if (*r->p != 'u') {
		refuse(r, "bad escape in a string");
		return NULL;
	}
	r->p++;
	return read_unicode(r, out);
}

/* Read a string, of which the quote has been read, and decode it in place. Returns it with its
 * length, or NULL. */
static const char *
read_string(struct reader *r, size_t *len)
{
	char *begin = r->p, *out = begin;

	while (*r->p != '"') {
		if ((unsigned char)*r->p < 0x20) {
			refuse(r, *r->p ? "control character in a string" : "unfinished string");
			return NULL;
		}
		if (*r->p != '\\') {
			*out++ = *r->p++;
			continue;
		}
		r->p++;
		if ((out = read_escape(r, out)) == NULL)
			return NULL;
	}
	r->p++;
	*out = '\0';
	*len = (size_t)(out - begin);
	return begin;
}

/* Skip digits. Returns 0, or -1 if there are none. */
static int
skip_digits(struct reader *r)
{
	size_t n = strspn(r->p, "0123456789");

	r->p += n;
	return n ? 0 : refuse(r, "bad number");
}

static int
read_number(struct reader *r, struct json_value *v)
{
	v->type = JSON_NUMBER;
	v->text = r->p;
	r->p += *r->p == '-';
	if (*r->p == '0')
		r->p++;
	else if (skip_digits(r) < 0)
		return -1;
	if (*r->p == '.') {
		r->p++;
		if (skip_digits(r) < 0)
			return -1;
	}
	if (*r->p == 'e' || *r->p == 'E') {
		r->p++;
		r->p += *r->p == '-' || *r->p == '+';
		if (skip_digits(r) < 0)
			return -1;
	}
	v->len = (size_t)(r->p - v->text);
	return 0;
}

/* Read the name of a member and its colon. Returns it, or NULL. */
static const char *
read_name(struct reader *r)
{
	const char *name;
	size_t len;

	if (!skip(r, '"')) {
		refuse(r, "a member without a name");
		return NULL;
	}
	name = read_string(r, &len);
	if (name && !skip(r, ':'))
		refuse(r, "a member without a colon");
	return name;
}

/* Read the elements of an array or the members of an object up to `end`. Returns 0 or -1. */
static int
read_children(struct reader *r, struct json_value *v, char end)
{
	struct json_value **last = &v->child;

	if (r->depth++ >= JSON_DEPTH)
		return refuse(r, "too deep");
	if (skip(r, end)) {
		r->depth--;
		return 0;
	}
	do {
		const char *name = v->type == JSON_OBJECT ? read_name(r) : NULL;

		if (r->error || (*last = read_value(r)) == NULL)
			return -1;
		(*last)->name = name;
		last = &(*last)->next;
	} while (skip(r, ','));
	r->depth--;
	return skip(r, end) ? 0 : refuse(r, "unfinished array or object");
}

static int
read_word(struct reader *r, struct json_value *v)
{
	static const struct {
		const char *word;
		enum json_type type;
	} words[] = { { "null", JSON_NULL }, { "false", JSON_FALSE }, { "true", JSON_TRUE } };

	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
		size_t len = strlen(words[i].word);

		if (strncmp(r->p, words[i].word, len) == 0) {
			r->p += len;
			v->type = words[i].type;
			return 0;
		}
	}
	return refuse(r, *r->p ? "no value" : "unfinished");
}

/* Read a value. Returns it, or NULL. */
static struct json_value *
read_value(struct reader *r)
{
	struct json_value *v = &r->doc->values[r->doc->n++];
	int failed;

	if (skip(r, '"')) {
		v->type = JSON_STRING;
		v->text = read_string(r, &v->len);
		failed = v->text ? 0 : -1;
	} else if (skip(r, '[')) {
		v->type = JSON_ARRAY;
		failed = read_children(r, v, ']');
	} else if (skip(r, '{')) {
		v->type = JSON_OBJECT;
		failed = read_children(r, v, '}');
	} else if (*r->p == '-' || isdigit((unsigned char)*r->p)) {
		failed = read_number(r, v);
	} else {
		failed = read_word(r, v);
	}
	return failed < 0 ? NULL : v;
}

/* Returns as many values as a text can have at most: the first, and one after each of `,`, `[`
 * and `:`. */
static size_t
count_values(const char *text, size_t len)
{
	size_t n = 1;

	for (size_t i = 0; i < len; i++)
		n += text[i] == ',' || text[i] == '[' || text[i] == ':';
	return n;
}

struct json *
json_read(const char *text, size_t len, const char **error)
{
	struct json *j = calloc(1, sizeof *j);
	struct reader r = { .doc = j };

	*error = "out of memory";
	if (j == NULL)
		return NULL;
	j->text = malloc(len + 1);
	j->values = calloc(count_values(text, len), sizeof *j->values);
	if (j->text == NULL || j->values == NULL) {
		json_free(j);
		return NULL;
	}
	memcpy(j->text, text, len);
	j->text[len] = '\0';
	r.p = j->text;
	if (read_value(&r)) {
		skip_space(&r);
		if (r.p != j->text + len)
			refuse(&r, "something after the value");
	}
	if (r.error) {
		*error = r.error;
		json_free(j);
		return NULL;
	}
	return j;
}

void
json_free(struct json *j)
{
	if (j == NULL)
		return;
	free(j->values);
	free(j->text);
	free(j);
}

const struct json_value *
json_root(const struct json *j)
{
	return &j->values[0];
}

const struct json_value *
json_member(const struct json_value *v, const char *name)
{
	if (v == NULL || v->type != JSON_OBJECT)
		return NULL;
	for (v = v->child; v; v = v->next)
		if (strcmp(v->name, name) == 0)
			return v;
	return NULL;
}

const char *
json_string(const struct json_value *v, const char *name)
{
	v = json_member(v, name);
	return v && v->type == JSON_STRING ? v->text : NULL;
}
