/*
 * rsprof-flame writes a record stream as an HTML page with a flame graph, that a
 * browser shows by itself.
 */
#include <unistd.h>

#include "cmd/export.h"
#include "export/formats.h"

static void
usage(void)
{
	fputs("usage: rsprof-flame [-V] [FILE ...]\n", stderr);
	exit(STATUS_USAGE);
}

int
main(int argc, char *argv[])
{
	const struct export_options o = { .value = EXPORT_NVALUES };
	int c;

	while ((c = getopt(argc, argv, "V")) != -1)
		switch (c) {
		case 'V': print_version("rsprof-flame");
		default: usage();
		}
	return export_files(export_flame(), &o, argv + optind);
}
