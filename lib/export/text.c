#include "export/text.h"

#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"

char *
text_utf8(const char *s)
{
	char *text = malloc(3 * strlen(s) + 1), *to = text;
	uint32_t c;

	if (text == NULL)
		return NULL;
	while (*s) {
		size_t n = utf8_decode(s, &c);

		memcpy(to, n ? s : "\xef\xbf\xbd", n ? n : 3);
		to += n ? n : 3;
		s += n ? n : 1;
	}
	*to = '\0';
	return text;
}

char *
text_line(const char *s, const char *from, const char *to)
{
	char *text = malloc(strlen(s) + 2), *p = text;
	const char *other;
	uint32_t c;

	if (text == NULL)
		return NULL;
	while (*s) {
		size_t n = utf8_decode(s, &c);

		if (n == 0 || utf8_is_control(c) || c == 0x2028 || c == 0x2029) {
			*p++ = '?';
		} else if (n == 1 && (other = strchr(from, *s))) {
			*p++ = to[other - from];
		} else {
			memcpy(p, s, n);
			p += n;
		}
		s += n ? n : 1;
	}
	if (p == text)
		*p++ = '?';
	*p = '\0';
	return text;
}
