#include "record/warnings.h"

void
warnings_clear(struct warnings *c)
{
	c->n = 0;
	c->text[0] = NULL;
}

void
warnings_add(struct warnings *c, const char *text)
{
	if (c->n == WARNINGS_MOST)
		return;
	c->text[c->n++] = text;
	c->text[c->n] = NULL;
}
