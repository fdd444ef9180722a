/*
 * rsprof-doctor checks what profiling needs of this kernel, this user and, if
 * one is given, a process: what does not work, why, and what would help.
 *
 * Out:     no  BPF programs  not permitted without CAP_BPF: give CAP_BPF
 * with -t: bpf-load  no  not permitted without CAP_BPF  give CAP_BPF
 */
#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arg.h"
#include "base/mapguard.h"
#include "cmd/status.h"
#include "doctor/caps.h"
#include "doctor/check.h"
#include "doctor/check_process.h"
#include "doctor/verdict.h"
#include "os/proc_check.h"

struct options {
	pid_t pid; /* 0: none given */
	int fields;
};

static const char synopsis[] =
    "usage: rsprof-doctor [-htV] [PID]\n";

/* Exit if there is no process that could be profiled by anyone. */
static void
check_target(pid_t pid)
{
	char why[256];

	switch (proc_check(pid, "user code to profile", why, sizeof why)) {
	case PROC_CHECK_OK: return;
	case PROC_CHECK_PERM: errx(STATUS_PERM, "%s", why);
	case PROC_CHECK_NOTHING: errx(STATUS_NOTHING, "%s", why);
	default: errx(STATUS_NOPROC, "%s", why);
	}
}

static void
print_line(const struct check *c, const struct verdict *v, int width)
{
	printf("%s  %-*s  %s", v->works ? "ok" : "no", width, c->label, v->why);
	if (v->remedy[0])
		printf("%s%s", v->why[0] ? ": " : "", v->remedy);
	putchar('\n');
}

static void
print_fields(const struct check *c, const struct verdict *v)
{
	printf("%s\t%s\t%s\t%s\n", c->name, v->works ? "yes" : "no",
	    v->why[0] ? v->why : "-", v->remedy[0] ? v->remedy : "-");
}

/* Returns whether nothing can be profiled without this ability. */
static int
is_vital(const struct check *c, pid_t pid)
{
	return strcmp(c->name, pid ? "target-perf" : "perf-user") == 0 ||
	    (pid && strcmp(c->name, "target-maps") == 0);
}

/* Run and report all checks.  Returns STATUS_PERM if a vital one failed, else 0. */
static int
examine(const struct options *o, const struct caps *me, struct check_process *p)
{
	static struct verdict v;
	size_t n;
	const struct check *c = check_list(&n);
	int width = 0, status = 0;

	for (size_t i = 0; i < n; i++)
		if ((p || c[i].process == NULL) && (int)strlen(c[i].label) > width)
			width = (int)strlen(c[i].label);
	for (size_t i = 0; i < n; i++) {
		if (c[i].process && p == NULL)
			continue;
		check_run(&c[i], me, p, &v);
		if (o->fields)
			print_fields(&c[i], &v);
		else
			print_line(&c[i], &v, width);
		if (!v.works && is_vital(&c[i], o->pid))
			status = STATUS_PERM;
	}
	return status;
}

static void
parse_options(struct options *o, int argc, char *argv[])
{
	uint64_t n;
	int c;

	while ((c = next_option(argc, argv, "thV", synopsis)) != -1)
		switch (c) {
		case 't': o->fields = 1; break;
		}
	if (argc - optind > 1)
		usage(synopsis);
	if (optind == argc)
		return;
	if (arg_number(argv[optind], 1, INT_MAX, &n) < 0)
		errx(STATUS_USAGE, "%s: not a process number", argv[optind]);
	o->pid = (pid_t)n;
}

int
main(int argc, char *argv[])
{
	struct options o = { 0, 0 };
	struct check_process *process = NULL;
	struct caps me;
	int status;

	parse_options(&o, argc, argv);
	mapguard_begin();
	caps_read(&me);
	if (o.pid) {
		check_target(o.pid);
		process = check_process_open(o.pid, &me);
		if (process == NULL)
			err(STATUS_FAILED, NULL);
	}
	status = examine(&o, &me, process);
	check_process_close(process);
	if (fflush(stdout) == EOF || close(STDOUT_FILENO) < 0)
		err(STATUS_FAILED, CANNOT_WRITE);
	return status;
}
