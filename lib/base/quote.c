#include "base/quote.h"

#include <stdint.h>
#include <string.h>

#include "base/utf8.h"

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
		else if (c < ' ' || c == 0x7f)
			fprintf(out, "\\u%04x", (unsigned)c);
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
