/*
 * rsprof-fold writes the stacks of a record stream as folded text: one stack a
 * line, its frames from the outermost inward, and a number.
 */
#include <err.h>
#include <string.h>
#include <unistd.h>

#include "cmd/export.h"
#include "export/formats.h"

static const struct metric {
	const char *name;
	enum export_value value;
	int wall;
} metrics[] = {
	{ "cpu", EXPORT_CPU, 0 },
	{ "samples", EXPORT_SAMPLES, 0 },
	{ "off", EXPORT_OFF, 0 },
	{ "wall", EXPORT_CPU, 1 },
	{ "alloc", EXPORT_BYTES, 0 },
	{ "live", EXPORT_LIVE, 0 },
};
#define NMETRICS (sizeof metrics / sizeof *metrics)

static const char synopsis[] =
    "usage: rsprof-fold [-cghptV] [-m cpu|samples|off|wall|alloc|live] [FILE ...]\n";

static void
metric_option(struct export_options *o, const char *s)
{
	size_t i = 0;

	while (i < NMETRICS && strcmp(s, metrics[i].name) != 0)
		i++;
	if (i == NMETRICS)
		errx(STATUS_USAGE, "unknown metric: %s (cpu, samples, off, wall, alloc or live)", s);
	o->value = metrics[i].value;
	o->wall = metrics[i].wall;
}

int
main(int argc, char *argv[])
{
	struct export_options o = { .value = EXPORT_CPU };
	int c;

	while ((c = next_option(argc, argv, "cgm:pthV", synopsis)) != -1)
		switch (c) {
		case 'c': o.stacks.collapse = 1; break;
		case 'g': o.stacks.generic = 1; break;
		case 'm': metric_option(&o, optarg); break;
		case 'p': o.processes = 1; break;
		case 't': o.threads = 1; break;
		}
	return export_files(export_folded(), &o, argv + optind);
}
