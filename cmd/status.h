/*
 * What the commands have in common: exit statuses, how a command ends its
 * standard output, and how it reports on its input.
 */
#ifndef STATUS_H
#define STATUS_H

#include <err.h>
#include <stdio.h>
#include <stdlib.h>

enum status {
	STATUS_OK,
	STATUS_FAILED,  /* something failed or was lost */
	STATUS_USAGE,
	STATUS_NOPROC,  /* no such process */
	STATUS_PERM,    /* not permitted */
	STATUS_NOTHING, /* nothing to profile */
	STATUS_DATABASE /* the recording cannot be read or written */
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

/* Print the version of a command and exit. */
static inline _Noreturn void
print_version(const char *command)
{
	printf("%s " VERSION "\n", command);
	close_output();
	exit(STATUS_OK);
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
