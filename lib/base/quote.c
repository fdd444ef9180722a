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

/* Write a character as it is, or as a reference, which is never markup, unless it is a letter, a
 * digit, a blank or one of `plain`. */
static void
put_reference(FILE *out, const char *s, size_t n, uint32_t c, const char *plain)
{
	int letter = c > 0x7f || (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z');

	if (c == ' ' || utf8_is_control(c))
		putc(' ', out);
	else if (utf8_is_format(c))
		fputs("\xef\xbf\xbd", out);
	else if (letter || strchr(plain, (int)c))
		fwrite(s, 1, n, out);
	else
		fprintf(out, "&#%u;", (unsigned)c);
}

static void
put_references(FILE *out, const char *s, const char *plain)
{
	uint32_t c;
	size_t n;

	for (; *s; s += n ? n : 1)
		if ((n = utf8_decode(s, &c)) == 0)
			fputs("\xef\xbf\xbd", out);
		else
			put_reference(out, s, n, c, plain);
}

/* Returns whether a string can stand between single backquotes in a cell as it is. */
static int
is_code(const char *s)
{
	uint32_t c;
	size_t n;

	if (*s == '\0' || *s == ' ' || s[strlen(s) - 1] == ' ' || strpbrk(s, "`|\\"))
		return 0;
	for (; *s; s += n)
		if ((n = utf8_decode(s, &c)) == 0 || utf8_is_control(c) || utf8_is_format(c))
			return 0;
	return 1;
}

void
quote_markdown(FILE *out, const char *s)
{
	if (is_code(s))
		fprintf(out, "`%s`", s);
	else
		put_references(out, s, "");
}

void
quote_markdown_text(FILE *out, const char *s)
{
	int link = strstr(s, "://") || strcasestr(s, "www.") || strchr(s, '@');

	put_references(out, s, link ? "" : ",.;:%()/-'");
}
