#include "demangle.h"

#include <libiberty/demangle.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>

struct sink {
	char *out;
	size_t size, used;
	jmp_buf full;
};

/* A v0 name of a hundred bytes can expand to a hundred megabytes: leave in
 * the middle once the room is used up. */
static void
take(const char *text, size_t len, void *ctx)
{
	struct sink *s = ctx;
	size_t room = s->size - s->used;

	memcpy(s->out + s->used, text, len < room ? len : room);
	s->used += len < room ? len : room;
	if (len >= room)
		longjmp(s->full, 1);
}

/* Cut, not within a UTF-8 character. */
static void
mark_cut(struct sink *s)
{
	size_t at = s->size - 4;

	while (at > 0 && ((unsigned char)s->out[at] & 0xc0) == 0x80)
		at--;
	memcpy(s->out + at, "...", 4);
}

/* 1: done; 0: it is not such a name. */
static int
attempt(struct sink *s, const char *symbol,
    int (*demangler)(const char *, int, demangle_callbackref, void *), int options)
{
	s->used = 0;
	if (setjmp(s->full)) {
		mark_cut(s);
		return 1;
	}
	if (!demangler(symbol, options, take, s))
		return 0;
	s->out[s->used] = '\0';
	return 1;
}

void
demangle(char *out, size_t size, const char *symbol)
{
	struct sink s;

	s.out = out;
	s.size = size;
	if (size >= 16 &&
	    (attempt(&s, symbol, rust_demangle_callback, 0) ||
	        (strncmp(symbol, "_Z", 2) == 0 &&
	            attempt(&s, symbol, cplus_demangle_v3_callback,
	                DMGL_PARAMS | DMGL_ANSI))))
		return;
	snprintf(out, size, "%s", symbol);
}
