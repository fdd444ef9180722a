/*
 * rsprof-export writes a record stream as a file for another program that shows
 * profiles.
 */
#include <err.h>
#include <string.h>
#include <unistd.h>

#include "cmd/export.h"
#include "export/formats.h"

static const struct format {
	const struct export_format *(*format)(void);
	enum export_value value; /* without which there is nothing to show; EXPORT_NVALUES: any */
} formats[] = {
	{ export_firefox, EXPORT_NVALUES },
	{ export_speedscope, EXPORT_NVALUES },
	{ export_dhat, EXPORT_ALLOCS },
	{ export_trace, EXPORT_CPU },
	{ export_callgrind, EXPORT_NVALUES },
};
#define NFORMATS (sizeof formats / sizeof *formats)

static const char synopsis[] =
    "usage: rsprof-export [-hV] -f firefox|speedscope|dhat|trace|callgrind [FILE ...]\n";

static const struct format *
format_option(const char *s)
{
	size_t i = 0;

	while (i < NFORMATS && strcmp(s, formats[i].format()->name) != 0)
		i++;
	if (i == NFORMATS)
		errx(STATUS_USAGE,
		    "unknown format: %s (firefox, speedscope, dhat, trace or callgrind)", s);
	return &formats[i];
}

int
main(int argc, char *argv[])
{
	const struct format *format = NULL;
	struct export_options o = { 0 };
	int c;

	while ((c = next_option(argc, argv, "f:hV", synopsis)) != -1)
		switch (c) {
		case 'f': format = format_option(optarg); break;
		}
	if (format == NULL)
		usage(synopsis);
	o.value = format->value;
	return export_files(format->format(), &o, argv + optind);
}
