#include "symbol/shorten.h"

#include <langinfo.h>
#include <limits.h>
#include <stdint.h>
#include <string.h>
#include <wchar.h>

#include "base/utf8.h"
#include "symbol/srcpath.h"

/*
 * A name is a sequence of pieces: a character, or at some level of shortening a
 * bracket with its content, written as <..> or (..).  A level is measured by
 * walking the pieces (width) and written by the same walk (put_all).  The first
 * level that fits is used; if none does, leading components are dropped at the
 * last level, and in the end the middle of the last component.
 */

/* ---- characters ------------------------------------------------------- */

/* A part of a name that is written as a unit. */
struct piece {
	const char *text; /* as written */
	size_t len;       /* of text */
	size_t columns;
	const char *next; /* the rest of the name */
};

static int
is_utf8(void)
{
	return strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
}

/* Returns the piece for the character at s. */
static struct piece
character(const char *s, int utf8)
{
	struct piece piece = { "?", 1, 1, s + 1 };
	uint32_t c;
	size_t len = utf8_decode(s, &c);
	int width = c >= ' ' && c != 0x7f ? 1 : -1;

	if (len == 0)
		return piece;
	piece.next = s + len;
	if (len > 1 && !utf8)
		return piece;
	if (len > 1)
		width = wcwidth((wchar_t)c);
	/* Direction marks have no width but would change the rest of the line. */
	if (width < 0 || (c >= 0x200b && c < 0x2070))
		return piece;
	piece.text = s;
	piece.len = len;
	piece.columns = (size_t)width;
	return piece;
}

/* ---- the parts of a name ---------------------------------------------- */

#define MAX_NESTING 100 /* of brackets, bounds the search for their ends */

/* How much is left out. */
enum level {
	WHOLE,
	ARGUMENTS, /* foo::<..>, foo(..) */
	MODULES,   /* also <Vec<..> as Iterator>::next */
	TYPES,     /* also <..>::next */
	NLEVELS
};

static int
is_word(char c)
{
	return c == '_' || c == '$' || (c & 0x80) || (c >= '0' && c <= '9') ||
	    (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Skip to after the bracket that closes the one at s.  Returns NULL if there is none, or if
 * they are nested too deeply. */
static const char *
skip_brackets(const char *s)
{
	size_t depth = 0;
	const char *start = s;

	for (; *s; s++)
		if (*s == '<' || *s == '(' || *s == '[') {
			if (++depth > MAX_NESTING)
				return NULL;
		} else if (*s == ')' || *s == ']' ||
		    (*s == '>' && s > start && s[-1] != '-')) {
			if (--depth == 0)
				return s + 1;
		}
	return NULL;
}

/* Returns whether the bracket at s begins arguments, and not <A as B> or a tuple. */
static int
is_argument(const char *name, const char *s)
{
	if (s == name)
		return 0;
	if (*s == '(')
		return is_word(s[-1]) || s[-1] == '>';
	if (strncmp(s, "<impl ", 6) == 0)
		return 0;
	return is_word(s[-1]) || s[-1] == ':';
}

/* Skip the modules of a type's path. */
static const char *
skip_modules(const char *s)
{
	const char *p = s;

	while (is_word(*p)) {
		while (is_word(*p))
			p++;
		if (strncmp(p, "::", 2) || !is_word(p[2]))
			break;
		s = p += 2;
	}
	return s;
}

/* Returns the piece at s of a name; *depth counts the open brackets around it. */
static struct piece
next_piece(const char *name, const char *s, enum level level, size_t *depth,
    int utf8)
{
	struct piece piece;
	const char *end;

	if (*depth && level >= MODULES && (s == name || !is_word(s[-1])))
		s = skip_modules(s);
	if (*s == '<' || *s == '(') {
		end = skip_brackets(s);
		if (level >= (is_argument(name, s) ? ARGUMENTS : TYPES) &&
		    end && end > s + 2) {
			piece = (struct piece){ "(..)", 4, 4, end };
			if (*s == '<')
				piece.text = "<..>";
			return piece;
		}
		if (end)
			++*depth;
	} else if (*depth && (*s == ')' || (*s == '>' && s[-1] != '-'))) {
		--*depth;
	}
	return character(s, utf8);
}

/* ---- fitting ---------------------------------------------------------- */

struct out {
	char *buf;
	size_t size, used, columns;
	int utf8;
};

static void
put(struct out *o, const char *text, size_t len, size_t columns)
{
	if (o->used + len >= o->size) {
		o->size = 0; /* refuse all that follows */
		return;
	}
	memcpy(o->buf + o->used, text, len);
	o->used += len;
	o->columns += columns;
	o->buf[o->used] = '\0';
}

/* Returns the columns of the mark for an omission. */
static size_t
mark_columns(const struct out *o)
{
	return o->utf8 ? 1 : 2;
}

static void
put_mark(struct out *o)
{
	if (o->utf8)
		put(o, "\xe2\x80\xa6", 3, 1);
	else
		put(o, "..", 2, 2);
}

/* Returns the columns of a name at a level. */
static size_t
width(const char *name, enum level level, int utf8)
{
	size_t depth = 0, columns = 0;
	const char *s;
	struct piece p;

	for (s = name; *s; s = p.next) {
		p = next_piece(name, s, level, &depth, utf8);
		columns += p.columns;
	}
	return columns;
}

static size_t
put_all(struct out *o, const char *name, enum level level)
{
	size_t depth = 0;
	const char *s;
	struct piece p;

	for (s = name; *s; s = p.next) {
		p = next_piece(name, s, level, &depth, o->utf8);
		put(o, p.text, p.len, p.columns);
	}
	return o->columns;
}

/* Put both ends of a name, with a mark in place of its middle. */
static size_t
put_ends(struct out *o, const char *name, size_t columns)
{
	size_t mark = mark_columns(o), all = width(name, WHOLE, o->utf8);
	size_t head, seen = 0;
	struct piece p;

	if (all <= columns)
		return put_all(o, name, WHOLE);
	if (columns <= mark)
		mark = 0;
	head = (columns - mark) / 2;
	for (; *name; name = p.next) {
		p = character(name, o->utf8);
		if (o->columns + p.columns > head)
			break;
		put(o, p.text, p.len, p.columns);
		seen += p.columns;
	}
	if (mark)
		put_mark(o);
	for (; *name; name = p.next) {
		p = character(name, o->utf8);
		if (o->columns + (all - seen) <= columns)
			put(o, p.text, p.len, p.columns);
		seen += p.columns;
	}
	return o->columns;
}

/* Returns whether a component of a function's name begins at s.  A closure or arguments
 * belong to the component before. */
static int
is_component(const char *name, const char *s)
{
	return s - name >= 2 && s[-1] == ':' && s[-2] == ':' && *s != '{' &&
	    *s != '<';
}

/* Returns the longest end of a function's name that begins with a component and fits, or NULL.
 * Sets *last to its last component. */
static const char *
function_end(const char *name, size_t columns, int utf8, const char **last)
{
	size_t depth = 0, left = width(name, TYPES, utf8);
	const char *s, *found = NULL;
	struct piece p;

	*last = name;
	for (s = name; *s; s = p.next) {
		if (depth == 0 && is_component(name, s)) {
			*last = s;
			if (found == NULL && left <= columns)
				found = s;
		}
		p = next_piece(name, s, TYPES, &depth, utf8);
		left -= p.columns;
	}
	return found;
}

/* Start an output.  Returns size. */
static size_t
begin(struct out *o, char *buf, size_t size)
{
	*o = (struct out){ .buf = buf, .size = size, .utf8 = is_utf8() };
	if (size)
		*buf = '\0';
	return size;
}

size_t
shorten_function(char *out, size_t size, const char *name, size_t columns)
{
	const char *end, *last;
	enum level level;
	struct out o;
	size_t mark;

	if (begin(&o, out, size) == 0)
		return 0;
	for (level = WHOLE; level < NLEVELS; level++)
		if (width(name, level, o.utf8) <= columns)
			return put_all(&o, name, level);
	mark = mark_columns(&o) + 2;
	if (columns > mark &&
	    (end = function_end(name, columns - mark, o.utf8, &last))) {
		put_mark(&o);
		put(&o, "::", 2, 2);
		return put_all(&o, end, TYPES);
	}
	function_end(name, columns, o.utf8, &last);
	if (width(last, TYPES, o.utf8) <= columns)
		return put_all(&o, last, TYPES);
	return put_ends(&o, last, columns);
}

/* Returns the longest end of a path that begins with a slash and fits, or NULL.  Sets *last to
 * its last component. */
static const char *
path_end(const char *path, size_t columns, int utf8, const char **last)
{
	size_t left = shorten_columns(path);
	const char *s, *found = NULL;
	struct piece p;

	*last = path;
	for (s = path; *s; s = p.next) {
		if (*s == '/' && s[1]) {
			*last = s + 1;
			if (found == NULL && left <= columns)
				found = s;
		}
		p = character(s, utf8);
		left -= p.columns;
	}
	return found;
}

size_t
shorten_path(char *out, size_t size, const char *path, size_t columns)
{
	const char *end, *last;
	struct out o;
	size_t mark;

	if (begin(&o, out, size) == 0)
		return 0;
	if (shorten_columns(path) <= columns)
		return put_all(&o, path, WHOLE);
	mark = mark_columns(&o);
	if (columns > mark &&
	    (end = path_end(path, columns - mark, o.utf8, &last))) {
		put_mark(&o);
		return put_all(&o, end, WHOLE);
	}
	path_end(path, columns, o.utf8, &last);
	return put_ends(&o, last, columns);
}

size_t
shorten_source(char *out, size_t size, const char *path, size_t columns)
{
	struct srcpath s;

	srcpath_of(path, &s);
	return shorten_path(out, size, columns == SIZE_MAX ? path : s.shown, columns);
}

size_t
shorten_text(char *out, size_t size, const char *text, size_t columns)
{
	struct out o;
	struct piece p;

	if (begin(&o, out, size) == 0)
		return 0;
	if (width(text, WHOLE, o.utf8) <= columns)
		return put_all(&o, text, WHOLE);
	for (; *text; text = p.next) {
		p = character(text, o.utf8);
		if (o.columns + p.columns + mark_columns(&o) > columns)
			break;
		put(&o, p.text, p.len, p.columns);
	}
	if (columns >= mark_columns(&o))
		put_mark(&o);
	return o.columns;
}

size_t
shorten_columns(const char *name)
{
	return width(name, WHOLE, is_utf8());
}
