/*
 * rsprof-pprof writes a record stream as a profile for pprof: one gzip file of
 * protocol buffers.
 */
#include <unistd.h>

#include "cmd/export.h"
#include "export/formats.h"
#include "export/writeraw.h"

#define LABELS 32

static const char synopsis[] =
    "usage: rsprof-pprof [-hV] [-w LABEL=VALUE] [FILE ...]\n";

/* Add a label, which must have a name and a value. */
static void
label_option(char **label, size_t *n, char *s)
{
	const char *value = strchr(s, '=');

	if (value == NULL || value == s || value[1] == '\0')
		errx(STATUS_USAGE, "-w %s: not LABEL=VALUE", s);
	if (*n == LABELS)
		errx(STATUS_USAGE, "-w: more than %d labels", LABELS);
	label[(*n)++] = s;
}

/* Write a request with the profile of streams.  Returns the exit status. */
static int
write_request(const struct export_options *o, char *const file[], char *const label[], size_t n)
{
	int status = STATUS_OK, failed = 0;
	char *profile = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&profile, &len);
	struct export *e;

	if (out == NULL)
		err(STATUS_FAILED, NULL);
	e = export_read(export_pprof(), o, file, &status);
	if (e->start)
		failed = export_write(e, out) < 0;
	if (fclose(out) == EOF || failed ||
	    (len && writeraw_put(stdout, label, n, profile, len) < 0))
		err(STATUS_FAILED, NULL);
	export_free(e);
	free(profile);
	close_output();
	return status;
}

int
main(int argc, char *argv[])
{
	const struct export_options o = { .value = EXPORT_NVALUES };
	char *label[LABELS];
	size_t n = 0;
	int c;

	while ((c = next_option(argc, argv, "hVw:", synopsis)) != -1)
		switch (c) {
		case 'w': label_option(label, &n, optarg); break;
		}
	if (n)
		return write_request(&o, argv + optind, label, n);
	return export_files(export_pprof(), &o, argv + optind);
}
