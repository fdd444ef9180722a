#include "record/complaints.h"

void
complaints_clear(struct complaints *c)
{
	c->n = 0;
	c->text[0] = NULL;
}

void
complaints_add(struct complaints *c, const char *text)
{
	if (c->n == COMPLAINTS_MOST)
		return;
	c->text[c->n++] = text;
	c->text[c->n] = NULL;
}
