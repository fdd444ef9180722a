/*
 * A C library of the kind that Rust programs link: it packs and unpacks, matches patterns
 * by an interpreter that goes by way of a table of labels and calls itself, sorts with a
 * comparison of its caller's, and formats.  It is built without unwind tables.
 */
#define _GNU_SOURCE
#include <alloca.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef uint64_t foreign_compare(const void *a, const void *b, void *ctx);

#define APART __attribute__((noinline))
#define WINDOW 4096

/* ---- packing -------------------------------------------------------------------- */

APART static unsigned
hash(const unsigned char *p)
{
	return (p[0] * 2654435761u ^ p[1] * 40503u ^ p[2] * 97u) % WINDOW;
}

APART static size_t
longest(const unsigned char *a, const unsigned char *b, const unsigned char *end)
{
	size_t n = 0;

	while (b + n < end && n < 255 && a[n] == b[n])
		n++;
	return n;
}

/* Returns the bytes written: (0, byte) or (length, distance / 256, distance % 256). */
APART size_t
foreign_pack(const unsigned char *in, size_t len, unsigned char *out)
{
	uint32_t last[WINDOW]; /* a frame of several pages */
	size_t n = 0;

	memset(last, 0xff, sizeof last);
	for (size_t i = 0; i < len;) {
		size_t found = 0, from = 0;

		if (len - i >= 3) {
			unsigned h = hash(in + i);

			from = last[h];
			if (from != UINT32_MAX && i - from < 65536)
				found = longest(in + from, in + i, in + len);
			last[h] = (uint32_t)i;
		}
		if (found > 3) {
			out[n++] = (unsigned char)found;
			out[n++] = (unsigned char)((i - from) >> 8);
			out[n++] = (unsigned char)(i - from);
			i += found;
		} else {
			out[n++] = 0;
			out[n++] = in[i++];
		}
	}
	return n;
}

/* A machine of states, as inflate() is. */
APART size_t
foreign_unpack(const unsigned char *in, size_t len, unsigned char *out)
{
	enum { HEAD, BYTE, HIGH, LOW, COPY } state = HEAD;
	size_t n = 0, count = 0, distance = 0, i = 0;

	while (i < len || state == COPY) {
		switch (state) {
		case HEAD:
			count = in[i++];
			state = count ? HIGH : BYTE;
			break;
		case BYTE:
			out[n++] = in[i++];
			state = HEAD;
			break;
		case HIGH:
			distance = (size_t)in[i++] << 8;
			state = LOW;
			break;
		case LOW:
			distance |= in[i++];
			state = COPY;
			break;
		case COPY:
			out[n] = out[n - distance];
			n++;
			if (--count == 0)
				state = HEAD;
		}
	}
	return n;
}

/* ---- matching ------------------------------------------------------------------- */

/* c: that byte; .: any; *c: as many as there are; |: or what follows; $: the end. */
APART static int
match(const char *p, const char *s)
{
	static const void *const go[] = { &&end, &&byte, &&any, &&star, &&either, &&last };
	static const char which[128] = { [0] = 0, ['.'] = 2, ['*'] = 3, ['|'] = 4, ['$'] = 5 };
	const char *from = s;
	unsigned what;

#define NEXT \
	do { \
		what = (unsigned)which[*p & 127]; \
		goto *go[what || *p == 0 ? what : 1]; \
	} while (0)
	NEXT;
byte:
	if (*s != *p)
		goto fail;
	s++;
	p++;
	NEXT;
any:
	if (*s == 0)
		goto fail;
	s++;
	p++;
	NEXT;
star:
	while (*s == p[1])
		s++;
	for (;;) {
		if (match(p + 2, s))
			return 1;
		if (s == from)
			goto fail;
		s--;
	}
either:
	return 1;
last:
	if (*s)
		goto fail;
	p++;
	NEXT;
end:
	return 1;
fail:
	p = strchr(p, '|');
	if (p == NULL)
		return 0;
	p++;
	s = from;
	NEXT;
}

APART int
foreign_match(const char *pattern, const char *text)
{
	int n = 0;

	for (; *text; text++)
		n += match(pattern, text);
	return n;
}

/* ---- sorting -------------------------------------------------------------------- */

struct sorting {
	foreign_compare *less;
	void *ctx;
};

APART static int
order(const void *a, const void *b, void *ctx)
{
	const struct sorting *s = ctx;

	return s->less(a, b, s->ctx) ? -1 : s->less(b, a, s->ctx) != 0;
}

APART void
foreign_sort(void *base, size_t n, size_t size, foreign_compare *less, void *ctx)
{
	struct sorting s = { less, ctx };
	/* The compiler does not know how much: a frame that stands on rbp. */
	unsigned char *copy = alloca(n * size);

	memcpy(copy, base, n * size);
	qsort_r(copy, n, size, order, &s);
	memcpy(base, copy, n * size);
}

/* ---- formatting ------------------------------------------------------------------ */

APART static size_t
format(char *out, size_t size, const char *how, ...)
{
	va_list ap;
	int n;

	va_start(ap, how);
	n = vsnprintf(out, size, how, ap);
	va_end(ap);
	return n < 0 ? 0 : (size_t)n;
}

APART static size_t
number(char *out, size_t size, uint64_t n)
{
	return format(out, size, "%lu", (unsigned long)n);
}

APART static size_t
fraction(char *out, size_t size, uint64_t n)
{
	return format(out, size, "%.3f,%x", (double)n / 7, (unsigned)n);
}

size_t
foreign_format(char *out, size_t size, unsigned which, uint64_t n)
{
	static size_t (*const way[])(char *, size_t, uint64_t) = { number, fraction };

	return way[which % 2](out, size, n);
}
