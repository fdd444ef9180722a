#include "symbol/demangle.h"

#include <libiberty/demangle.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME_OF_HASH "h0123456789abcdef"
#define HASH "17" NAME_OF_HASH "E"

struct sink {
	const char *symbol; /* as given to the demangler */
	const char *hash;   /* 17 characters printed for HASH; NULL: symbol has its own */
	int whole;          /* hashes and disambiguators are kept */
	int before_type;    /* the last text was the ": " before a constant's type */
	char *out;
	size_t size, used;
	jmp_buf full;
};

/* Append text; leave the demangler by longjmp() when out is full, because a v0
 * name of a hundred bytes can expand to a hundred megabytes. */
static void
put(struct sink *s, const char *text, size_t len)
{
	size_t room = s->size - s->used;

	memcpy(s->out + s->used, text, len < room ? len : room);
	s->used += len < room ? len : room;
	if (len >= room)
		longjmp(s->full, 1);
}

/* Returns whether text is the digits of a constant of more than 64 bits.  libiberty (as of
 * 2.40) passes them from the symbol, one character too late: without the first digit, with the
 * mark behind the last. */
static int
is_shifted(const struct sink *s, const char *text, size_t len)
{
	return len > 16 && text > s->symbol && text < s->symbol + strlen(s->symbol) &&
	    text[len - 1] == '_' && s->used >= 2 && memcmp(s->out + s->used - 2, "0x", 2) == 0;
}

static int
is_text(const char *text, size_t len, const char *what)
{
	return len == strlen(what) && memcmp(text, what, len) == 0;
}

/* Append a text of the demangler.  A constant with its type, `8: usize' for libiberty, is
 * `8usize' since Rust 1.53; `'a'' and `true' have none. */
static void
on_text(const char *text, size_t len, void *ctx)
{
	struct sink *s = ctx;
	int type = s->before_type;

	s->before_type = s->whole && is_text(text, len, ": ");
	if (s->before_type || (type && (is_text(text, len, "char") || is_text(text, len, "bool"))))
		return;
	if (s->hash != NULL && is_text(text, len, NAME_OF_HASH))
		text = s->hash;
	put(s, is_shifted(s, text, len) ? text - 1 : text, len);
}

/* ---- suffixes of compilers --------------------------------------------- */

static int
is_hash(const char *p)
{
	return strncmp(p, "17h", 3) == 0 && strspn(p + 3, "0123456789abcdef") == 16 &&
	    p[19] == 'E';
}

/* Returns the end of a mangled name: at a dot in v0, after the hash in the legacy scheme. */
static const char *
end_of(const char *symbol)
{
	const char *p = symbol;

	if (strncmp(symbol, "_R", 2) == 0)
		return symbol + strcspn(symbol, ".");
	while ((p = strstr(p, "17h"))) {
		if (is_hash(p) && (p[20] == '.' || p[20] == '\0'))
			return p + strlen(HASH);
		p++;
	}
	return symbol + strlen(symbol);
}

/* Append suffixes such as .cold, but not .llvm. with its hash. */
static void
put_suffix(struct sink *s)
{
	const char *p = end_of(s->symbol);
	size_t len;

	for (; *p == '.'; p += len) {
		len = 1 + strcspn(p + 1, ".");
		if (strncmp(p, ".llvm.", 6) == 0)
			len = 6 + strspn(p + 6, "0123456789ABCDEF@");
		else
			put(s, p, len);
	}
}

/* ---- attempts ---------------------------------------------------------- */

/* Put "..." at the end of out, not within a UTF-8 character. */
static void
mark_cut(struct sink *s)
{
	size_t at = s->size - 4;

	while (at > 0 && ((unsigned char)s->out[at] & 0xc0) == 0x80)
		at--;
	memcpy(s->out + at, "...", 4);
}

/* Demangle with one demangler.  Returns 0 if the name is not of its scheme, or 1. */
static int
try(struct sink *s,
    int (*demangler)(const char *, int, demangle_callbackref, void *), int options)
{
	s->used = 0;
	if (setjmp(s->full)) {
		mark_cut(s);
		return 1;
	}
	if (!demangler(s->symbol, options, on_text, s))
		return 0;
	if (demangler == rust_demangle_callback)
		put_suffix(s);
	s->out[s->used] = '\0';
	return 1;
}

/* Demangle a legacy symbol that libiberty takes for C++, because its hash has fewer
 * than five different digits, by way of one with HASH.  Returns 0 if it has no hash. */
static int
try_with_hash(struct sink *s, int options)
{
	const char *symbol = s->symbol;
	size_t end = (size_t)(end_of(symbol) - symbol), at = end - strlen(HASH);
	char *copy;
	int done;

	if (strncmp(symbol, "_ZN", 3) != 0 || end < strlen(HASH) || !is_hash(symbol + at))
		return 0;
	copy = strdup(symbol);
	if (copy == NULL)
		return 0;
	memcpy(copy + at, HASH, strlen(HASH));
	s->symbol = copy;
	s->hash = symbol + at + strlen("17");
	done = try(s, rust_demangle_callback, options);
	s->symbol = symbol;
	s->hash = NULL;
	free(copy);
	return done;
}

static void
demangle_with(char *out, size_t size, const char *symbol, int options)
{
	struct sink s = { .symbol = symbol, .out = out, .size = size };

	s.whole = options == DMGL_VERBOSE;
	if (size >= 16 && (try(&s, rust_demangle_callback, options) ||
	                      try_with_hash(&s, options)))
		return;
	s.whole = 0;
	if (size >= 16 && strncmp(symbol, "_Z", 2) == 0 &&
	    try(&s, cplus_demangle_v3_callback, DMGL_PARAMS | DMGL_ANSI))
		return;
	snprintf(out, size, "%s", symbol);
}

void
demangle(char *out, size_t size, const char *symbol)
{
	demangle_with(out, size, symbol, 0);
}

void
demangle_whole(char *out, size_t size, const char *symbol)
{
	demangle_with(out, size, symbol, DMGL_VERBOSE);
}
