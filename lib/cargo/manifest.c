#include "cargo/manifest.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define NAME_MAX_LEN 64

struct profile {
	int uncertain;               /* written in a way that is not understood here */
	int debug;                   /* has the key */
	char inherits[NAME_MAX_LEN]; /* the profile that it inherits; "": it does not say */
};

static int
is_name(char c)
{
	return c == '-' || c == '_' || isalnum((unsigned char)c);
}

/* Returns the length of the bare key that s begins with. */
static size_t
name_length(const char *s)
{
	size_t n = 0;

	while (is_name(s[n]))
		n++;
	return n;
}

static const char *
skip_blanks(const char *s)
{
	return s + strspn(s, " \t");
}

/* Read a table's header, of which the bracket has been read. Returns whether it is that of the
 * profile; sets p->uncertain if it may be of profiles otherwise. */
static int
read_header(struct profile *p, const char *s, const char *profile)
{
	size_t len;

	s = skip_blanks(s);
	if (strncmp(s, "profile", 7) != 0 || is_name(s[7])) {
		if (*s == '"' || *s == '\'')
			p->uncertain = 1;
		return 0;
	}
	s = skip_blanks(s + 7);
	if (*s != '.') {
		p->uncertain = 1;
		return 0;
	}
	s = skip_blanks(s + 1);
	len = name_length(s);
	if (len == 0 || *skip_blanks(s + len) != ']')
		p->uncertain = 1;
	return len == strlen(profile) && strncmp(s, profile, len) == 0;
}

/* Note what a line of the profile's table says. */
static void
read_key(struct profile *p, const char *s)
{
	size_t len = name_length(s);
	const char *value = skip_blanks(s + len);

	if (len == 0 || *value != '=') {
		p->uncertain = 1;
		return;
	}
	value = skip_blanks(value + 1);
	if (len == 5 && strncmp(s, "debug", len) == 0)
		p->debug = 1;
	if (len == 8 && strncmp(s, "inherits", len) == 0)
		snprintf(p->inherits, sizeof p->inherits, "%.*s", (int)name_length(value + 1), value + 1);
}

/* Find what the text says of one profile. */
static void
read_profile(struct profile *p, const char *text, const char *profile)
{
	int inside = 0, in_table = 0;

	*p = (struct profile){ .uncertain = 0 };
	for (const char *line = text; *line; line += strcspn(line, "\n"), line += *line == '\n') {
		const char *s = skip_blanks(line);

		if (*s == '[') {
			inside = read_header(p, s + 1, profile);
			in_table = 1;
		} else if (inside && *s && strchr("#\r\n", *s) == NULL)
			read_key(p, s);
		else if (!in_table && strncmp(s, "profile", 7) == 0 && !is_name(s[7]))
			p->uncertain = 1;
	}
}

int
cargo_manifest_is_bare(const char *text, const char *profile)
{
	char name[NAME_MAX_LEN];
	struct profile p;

	snprintf(name, sizeof name, "%s", profile);
	/* As many as may inherit from each other before it is a circle. */
	for (int i = 0; i < 8; i++) {
		read_profile(&p, text, name);
		if (p.uncertain || p.debug)
			return 0;
		if (strcmp(name, "release") == 0)
			return 1;
		if (*p.inherits == '\0' && strcmp(name, "bench") == 0)
			snprintf(p.inherits, sizeof p.inherits, "release");
		if (*p.inherits == '\0')
			return 0;
		snprintf(name, sizeof name, "%s", p.inherits);
	}
	return 0;
}
