/*
 * What the commands have in common: exit statuses, how a command ends its
 * standard output, and how it reports on its input.
 */
#ifndef STATUS_H
#define STATUS_H

#include <err.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum status {
	STATUS_OK,
	STATUS_FAILED,   /* something failed or was lost */
	STATUS_USAGE,
	STATUS_NOPROC,   /* no such process */
	STATUS_PERM,     /* not permitted */
	STATUS_NOTHING,  /* nothing to profile */
	STATUS_DATABASE, /* the recording cannot be read or written */
	STATUS_BROKEN    /* a bound (-x) is broken */
};

#define CANNOT_WRITE "cannot write" /* to standard output; the reason follows */

/* Flush and close standard output.  Exits with STATUS_FAILED if anything could
 * not be written. */
static inline void
close_output(void)
{
	if (ferror(stdout) || fclose(stdout) == EOF)
		err(STATUS_FAILED, CANNOT_WRITE);
}

/* Exit with how a command is used, which begins with "usage: " and its name. */
static inline _Noreturn void
usage(const char *synopsis)
{
	fputs(synopsis, stderr);
	exit(STATUS_USAGE);
}

/* Print the usage or the version of a command, and exit. */
static inline _Noreturn void
tell(int what, const char *synopsis)
{
	const char *name = synopsis + sizeof "usage:";

	if (what == 'h')
		fputs(synopsis, stdout);
	else
		printf("%.*s " VERSION "\n", (int)strcspn(name, " "), name);
	close_output();
	exit(STATUS_OK);
}

/* Returns the next option, as getopt(3) does, of letters that have h and V among them.  Exits
 * where an option is one of these, or their long names, or is none. */
static inline int
next_option(int argc, char *argv[], const char *letters, const char *synopsis)
{
	static const struct option names[] = { { "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' }, { NULL, 0, NULL, 0 } };
	int c = getopt_long(argc, argv, letters, names, NULL);

	if (c == 'h' || c == 'V')
		tell(c, synopsis);
	if (c == '?')
		usage(synopsis);
	return c;
}

/* Report what is wrong with an input, as a filter_sink of stream/filter.h wants it. */
static inline void
report_input(void *ctx, const char *file, unsigned long line, const char *text)
{
	(void)ctx;
	if (file == NULL)
		warnx("%s", text);
	else if (line == 0)
		warnx("%s: %s", file, text);
	else
		warnx("%s:%lu: %s", file, line, text);
}

#endif
