/*
 * rsprof-flame writes a record stream as an HTML page with a flame graph, that a
 * browser shows by itself.
 */
#include <unistd.h>

#include "cmd/export.h"
#include "export/formats.h"

static const char synopsis[] =
    "usage: rsprof-flame [-hV] [-d OLD] [FILE ...]\n";

int
main(int argc, char *argv[])
{
	const struct export_options plain = { .value = EXPORT_NVALUES };
	struct export_options o = plain;
	char *old[] = { NULL, NULL };
	int c, status, failed = STATUS_OK;

	while ((c = next_option(argc, argv, "d:hV", synopsis)) != -1)
		switch (c) {
		case 'd': old[0] = optarg; break;
		}
	if (old[0])
		o.old = export_read(export_flame(), &plain, old, &failed);
	/* A stream that cannot be read has nothing to compare with. */
	if (o.old && o.old->start == 0)
		return STATUS_FAILED;
	status = export_files(export_flame(), &o, argv + optind);
	export_free(o.old);
	return failed ? failed : status;
}
