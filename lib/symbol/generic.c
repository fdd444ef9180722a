#include "symbol/generic.h"

#include <string.h>

/*
 * The name is read once, component by component, and written to an output that
 * can be emptied again: a type, recognised by its brackets or its capital letter,
 * discards the modules written before it.  Each generic_*() function reads one
 * construct from s, writes its generic form, and returns where the name goes on.
 */

#define MAX_NESTING 100 /* of brackets */

struct output {
	char *out;
	size_t size, used;
};

static void
put(struct output *o, const char *text, size_t len)
{
	if (len > o->size - 1 - o->used)
		len = o->size - 1 - o->used;
	memcpy(o->out + o->used, text, len);
	o->used += len;
	o->out[o->used] = '\0';
}

static void
put_text(struct output *o, const char *text)
{
	put(o, text, strlen(text));
}

static int
is_word(char c)
{
	return c == '_' || c == '$' || c == '~' || (c & 0x80) ||
	    (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static int
is_capital(char c)
{
	return c >= 'A' && c <= 'Z';
}

/* Returns the length of the word at s. */
static size_t
word_length(const char *s, const char *end)
{
	size_t n = 0;

	while (s + n < end && is_word(s[n]))
		n++;
	return n;
}

/* Skip to after the bracket that closes the one at s.  Returns NULL if there is none. */
static const char *
skip_brackets(const char *s, const char *end)
{
	size_t depth = 0;

	for (const char *p = s; p < end; p++)
		if (strchr("<([{", *p)) {
			if (++depth > MAX_NESTING)
				return NULL;
		} else if (strchr(")]}", *p) || (*p == '>' && p[-1] != '-')) {
			if (--depth == 0)
				return p + 1;
		}
	return NULL;
}

/* Find a string such as " as " between s and end, outside of brackets.  Returns NULL if it is
 * not there. */
static const char *
find_between(const char *s, const char *end, const char *what)
{
	size_t depth = 0, len = strlen(what);

	for (; s < end; s++)
		if (strchr("<([{", *s))
			depth++;
		else if (depth && (strchr(")]}", *s) || (*s == '>' && s[-1] != '-')))
			depth--;
		else if (depth == 0 && (size_t)(end - s) >= len && memcmp(s, what, len) == 0)
			return s;
	return NULL;
}

/* Write "{closure#1}" or "{{closure}}" as "{closure}". */
static const char *
generic_braces(struct output *o, const char *s, const char *end)
{
	const char *past = skip_brackets(s, end), *name = s;

	if (past == NULL)
		past = end;
	while (name < past && *name == '{')
		name++;
	put(o, "{", 1);
	put(o, name, strcspn(name, "#}"));
	put(o, "}", 1);
	return past;
}

/* ---- types -------------------------------------------------------------- */

/* Write a type's path as its last word, with "<_>" if it is generic, and closures.  s[-1] must
 * be readable. */
static const char *
generic_type_path(struct output *o, const char *s, const char *end)
{
	const char *past, *begin = s;
	size_t len;
	int is_parameter;

	for (;;) {
		len = word_length(s, end);
		past = s + len;
		if (end - past < 3 || memcmp(past, "::", 2) != 0 || !is_word(past[2]))
			break;
		s = past + 2;
	}
	/* In legacy names a single capital letter stands for a type parameter. */
	is_parameter = len == 1 && s == begin && is_capital(*s) && s[-1] != ':';
	put(o, is_parameter ? "_" : s, len);
	while (past < end) {
		int nested = end - past > 2 && memcmp(past, "::", 2) == 0;
		const char *p = nested ? past + 2 : past;

		if (*p == '<' && (s = skip_brackets(p, end))) {
			put_text(o, "<_>");
			past = s;
		} else if (nested && *p == '{') {
			put(o, "::", 2);
			past = generic_braces(o, p, end);
		} else {
			break;
		}
	}
	return past;
}

/* Write a type, which may contain others, without modules and arguments. */
static void
generic_type(struct output *o, const char *s, const char *end)
{
	const char *past;

	while (s < end)
		if (is_word(*s) && (s[0] != '_' || s[1] != '>')) {
			s = generic_type_path(o, s, end);
		} else if (*s == '\'') {
			/* a lifetime, copied */
			put(o, s, 1);
			put(o, s + 1, word_length(s + 1, end));
			s += 1 + word_length(s + 1, end);
		} else if (*s == '[' && (past = skip_brackets(s, end))) {
			put_text(o, "[_]");
			s = past;
		} else {
			put(o, s++, 1);
		}
}

/* Write the content of the brackets that begin a name, "type" or "type as trait". */
static void
generic_owner(struct output *o, const char *s, const char *end)
{
	const char *as = find_between(s, end, " as ");

	if (as == NULL) {
		generic_type(o, s, end);
		return;
	}
	put(o, "<", 1);
	generic_type(o, s, as);
	put_text(o, " as ");
	generic_type(o, as + 4, end);
	put(o, ">", 1);
}

/* Write "trait for type" or "type", which followed "impl ", in place of the modules before. */
static void
generic_impl(struct output *o, const char *s, const char *end)
{
	const char *of = find_between(s, end, " for ");

	o->used = 0;
	if (of == NULL) {
		generic_type(o, s, end);
		return;
	}
	put(o, "<", 1);
	generic_type(o, of + 5, end);
	put_text(o, " as ");
	generic_type(o, s, of);
	put(o, ">", 1);
}

/* ---- names -------------------------------------------------------------- */

/* Write the owner of a function from angle brackets, or drop arguments. */
static const char *
generic_brackets(struct output *o, const char *s, const char *end)
{
	const char *past = skip_brackets(s, end);

	if (past == NULL) {
		put(o, s, (size_t)(end - s));
		return end;
	}
	if (past - s > 6 && memcmp(s, "<impl ", 6) == 0)
		generic_impl(o, s + 6, past - 1);
	else if (o->used == 0)
		generic_owner(o, s + 1, past - 1);
	else if (o->used >= 2 && memcmp(o->out + o->used - 2, "::", 2) == 0)
		o->out[o->used -= 2] = '\0';
	return past;
}

/* Write a module, a type or a function. */
static const char *
generic_word(struct output *o, const char *s, const char *end)
{
	size_t len = word_length(s, end);
	const char *past = s + len;
	int generic = past < end && *past == '<' && skip_brackets(past, end);
	int more = generic || (end - past > 2 && memcmp(past, "::", 2) == 0);

	if (is_capital(*s) && more)
		o->used = 0;
	put(o, s, len);
	if (!generic)
		return past;
	if (is_capital(*s))
		put_text(o, "<_>");
	return skip_brackets(past, end);
}

/* Write the name of a C++ operator, which may be a bracket. */
static const char *
generic_operator(struct output *o, const char *s, const char *end)
{
	const char *past = strchr(s + 8, '(');

	if (past && past[1] == ')' && past == s + 8)
		past = strchr(past + 2, '(');
	if (past == NULL || past > end)
		past = end;
	put(o, s, (size_t)(past - s));
	return past;
}

/* Returns the end of a name without suffixes that compilers append, such as .cold and
 * .constprop.0. */
static const char *
without_suffix(const char *name)
{
	const char *end = name + strlen(name), *s = end;

	while (s > name) {
		const char *dot = s;

		while (dot > name && is_word(dot[-1]))
			dot--;
		if (dot == s || dot - name < 2 || dot[-1] != '.' || dot[-2] == '.')
			return s;
		s = dot - 1;
	}
	return end;
}

void
generic_of(char *out, size_t size, const char *name)
{
	struct output o = { out, size, 0 };
	const char *end = without_suffix(name), *s = name, *past;

	if (size == 0)
		return;
	out[0] = '\0';
	while (s < end) {
		if (strncmp(s, "operator", 8) == 0 && !is_word(s[8])) {
			s = generic_operator(&o, s, end);
		} else if (is_word(*s)) {
			s = generic_word(&o, s, end);
		} else if (*s == '<') {
			s = generic_brackets(&o, s, end);
		} else if (*s == '{') {
			s = generic_braces(&o, s, end);
		} else if (*s == '(' && o.used && o.out[o.used - 1] != ':') {
			break; /* parameters, as C++ has them */
		} else if (*s == '(' && (past = skip_brackets(s, end))) {
			put(&o, s, (size_t)(past - s));
			s = past;
		} else {
			put(&o, s++, 1);
		}
	}
}
