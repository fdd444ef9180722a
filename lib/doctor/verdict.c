#include "doctor/verdict.h"

#include <stdarg.h>
#include <stdio.h>

/* Replace control characters: file names may contain any. */
static void
flatten(char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s < ' ' || *s == 0x7f)
			*s = '?';
}

void
verdict_yes(struct verdict *out, const char *why, ...)
{
	va_list ap;

	out->works = 1;
	out->remedy[0] = '\0';
	va_start(ap, why);
	vsnprintf(out->why, sizeof out->why, why, ap);
	va_end(ap);
	flatten(out->why);
}

void
verdict_no(struct verdict *out, const char *remedy, const char *why, ...)
{
	va_list ap;

	out->works = 0;
	snprintf(out->remedy, sizeof out->remedy, "%s", remedy ? remedy : "");
	va_start(ap, why);
	vsnprintf(out->why, sizeof out->why, why, ap);
	va_end(ap);
	flatten(out->why);
	flatten(out->remedy);
}
