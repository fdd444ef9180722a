#include "base/pattern.h"

#include <regex.h>
#include <stdlib.h>
#include <string.h>

struct pattern {
	regex_t regex;
	int is_regex;
	char text[];
};

struct pattern *
pattern_new(const char *text)
{
	size_t len = strlen(text);
	struct pattern *p = malloc(sizeof *p + len + 1);

	if (p == NULL)
		return NULL;
	memcpy(p->text, text, len + 1);
	p->is_regex = regcomp(&p->regex, text, REG_EXTENDED | REG_ICASE | REG_NOSUB) == 0;
	return p;
}

void
pattern_free(struct pattern *p)
{
	if (p && p->is_regex)
		regfree(&p->regex);
	free(p);
}

int
pattern_matches(const struct pattern *p, const char *text)
{
	if (text == NULL)
		return 0;
	return p->is_regex ? regexec(&p->regex, text, 0, NULL, 0) == 0 :
	    strcasestr(text, p->text) != NULL;
}
