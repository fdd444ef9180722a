#include "base/quote.h"

#include <stdint.h>
#include <string.h>

#include "base/utf8.h"

/* Write a character as one or two UTF-16 code units. */
static void
put_escaped(FILE *out, uint32_t c)
{
	if (c < 0x10000)
		fprintf(out, "\\u%04x", (unsigned)c);
	else
		fprintf(out, "\\u%04x\\u%04x", (unsigned)(0xd7c0 + (c >> 10)),
		    (unsigned)(0xdc00 | (c & 0x3ff)));
}

void
quote_json(FILE *out, const char *s)
{
	uint32_t c;
	size_t n;

	if (s == NULL) {
		fputs("null", out);
		return;
	}
	putc('"', out);
	while (*s) {
		n = utf8_decode(s, &c);
		if (n == 0)
			fputs("\\ufffd", out);
		else if (utf8_is_control(c) || utf8_is_format(c))
			put_escaped(out, c);
		else
			fprintf(out, "%s%.*s", c == '"' || c == '\\' ? "\\" : "",
			    (int)n, s);
		s += n ? n : 1;
	}
	putc('"', out);
}

void
quote_csv(FILE *out, const char *s)
{
	if (strpbrk(s, ",\"\r\n") == NULL) {
		fputs(s, out);
		return;
	}
	putc('"', out);
	for (; *s; s++) {
		if (*s == '"')
			putc('"', out);
		putc(*s, out);
	}
	putc('"', out);
}
