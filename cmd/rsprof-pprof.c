/*
 * rsprof-pprof writes a record stream as a profile for pprof: one gzip file of
 * protocol buffers.
 */
#include <unistd.h>

#include "cmd/export.h"
#include "export/formats.h"

static void
usage(void)
{
	fputs("usage: rsprof-pprof [-V] [FILE ...]\n", stderr);
	exit(STATUS_USAGE);
}

int
main(int argc, char *argv[])
{
	const struct export_options o = { .value = EXPORT_NVALUES };
	int c;

	while ((c = getopt(argc, argv, "V")) != -1)
		switch (c) {
		case 'V': print_version("rsprof-pprof");
		default: usage();
		}
	return export_files(export_pprof(), &o, argv + optind);
}
