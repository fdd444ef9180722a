#include "stream/header.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>

#include "os/proc.h"
#include "stream/rec.h"

static uint64_t
wall_clock(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

void
header_add(struct rec *r, const char *format, ...)
{
	static char text[REC_ATTR_MAX][300];
	va_list args;

	va_start(args, format);
	vsnprintf(text[r->rsprof.nattr], sizeof *text, format, args);
	va_end(args);
	r->rsprof.attr[r->rsprof.nattr] = text[r->rsprof.nattr];
	r->rsprof.nattr++;
}

void
header_begin(struct rec *r, const char *producer)
{
	memset(r, 0, sizeof *r);
	r->type = REC_RSPROF;
	r->rsprof.version = REC_VERSION;
	r->rsprof.producer = producer;
	header_add(r, "mono=%" PRIu64, proc_now());
	header_add(r, "wall=%" PRIu64, wall_clock());
}

void
header_end(struct rec *r)
{
	struct utsname u;

	uname(&u);
	header_add(r, "host=%s", u.nodename);
	header_add(r, "kernel=%s", u.release);
	header_add(r, "arch=%s", u.machine);
}
