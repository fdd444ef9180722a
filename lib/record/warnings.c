#include "record/warnings.h"

void
warnings_clear(struct warnings *w)
{
	w->n = 0;
	w->text[0] = NULL;
}

void
warnings_add(struct warnings *w, const char *text)
{
	if (w->n == WARNINGS_MAX)
		return;
	w->text[w->n++] = text;
	w->text[w->n] = NULL;
}
