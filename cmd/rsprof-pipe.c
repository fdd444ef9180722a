/*
 * rsprof-pipe: start the stages of a pipeline, watch every one of them, print
 * what each has to say under its name, and leave nothing behind.
 *
 * In:  producer rsprof-cpu -p 42 '|' filter rsprof-sym '|' sink rsprof-store f.db
 * Out: rsprof-pipe: rsprof-cpu failed (exit 3)
 */
#include <err.h>
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/lines.h"
#include "cmd/status.h"
#include "os/invoker.h"
#include "os/pipeline.h"

static const char synopsis[] =
    "usage: rsprof-pipe [-fhV] [-n NAME] STAGE [| STAGE ...]\n"
    "       rsprof-pipe -u CMD [ARG ...]\n";

/* ---- messages ---------------------------------------------------------- */

/* Print a line in one piece, whatever others write meanwhile. */
static void
put_line(const char *name, const char *text, const char *line, size_t n)
{
	struct iovec part[] = {
		{ (char *)name, strlen(name) }, { (char *)": ", 2 },
		{ (char *)text, text ? strlen(text) : 0 }, { (char *)": ", text ? 2 : 0 },
		{ (char *)line, n }, { (char *)"\n", 1 }
	};

	/* There is nobody to be announced of a failure. */
	if (writev(STDERR_FILENO, part, sizeof part / sizeof *part) < 0)
		return;
}

static void say(const char *name, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void
say(const char *name, const char *format, ...)
{
	char line[4096];
	va_list args;

	va_start(args, format);
	vsnprintf(line, sizeof line, format, args);
	va_end(args);
	put_line(name, NULL, line, strlen(line));
}

/* Return whether stage s could not do what is optional anyway. */
static int
is_refused(const struct stage *s)
{
	return s->text && !pipeline_counts(s) && s->status >= STATUS_NOPROC && s->status <= STATUS_NOTHING;
}

/* Print the next message of stage s under its name. Returns 0 if there is none. */
static int
print_line(const char *name, struct stage *s)
{
	size_t n, own = strlen(s->name);
	const char *line = lines_next(&s->lines, &n);

	if (line == NULL)
		return 0;
	if (n > own + 1 && memcmp(line, s->name, own) == 0 &&
	    memcmp(line + own, ": ", 2) == 0) {
		line += own + 2;
		n -= own + 2;
	}
	if (is_refused(s))
		put_line(name, s->text, line, n);
	else
		put_line(s->name, NULL, line, n);
	return 1;
}

/* Print messages that need not wait, as many as there is room for, and that the
 * command is ended. */
static void
print_news(const char *name, struct pipeline *p, int *announced)
{
	int printed = !p->writable;

	for (struct stage *s = p->stage; !printed && s < p->stage + p->n; s++)
		printed = pipeline_may_print(p, s) && print_line(name, s);
	if (p->view_left && !*announced)
		say(name, "ending %s (%d)", p->command->name, (int)p->command->pid);
	*announced = p->view_left;
}

/* ---- the end ----------------------------------------------------------- */

static int
rank(int status)
{
	static const int of[] = { [STATUS_NOPROC] = 2, [STATUS_PERM] = 3, [STATUS_DATABASE] = 4 };
	int last = (int)(sizeof of / sizeof *of);

	return status == 0 ? 0 : status < last && of[status] ? of[status] : 1;
}

/* Report a stage that failed. The worst status goes into p->status. */
static void
report(const char *name, struct pipeline *p, const struct stage *s)
{
	if (s->status > 128)
		say(name, "%s was killed by signal %d", s->name, s->status - 128);
	else
		say(name, "%s failed (exit %d)", s->name, s->status);
	if (rank(s->status) > rank(p->status))
		p->status = s->status > STATUS_DATABASE ? STATUS_FAILED : s->status;
}

/* Return how much stage s is to blame: 3: it failed by itself; 2: maybe only
 * because its neighbour had gone, but it says something; 1: it says nothing. */
static int
blame(const struct stage *s)
{
	if (s->status == 0 || !pipeline_counts(s))
		return 0;
	if (s->status != STATUS_FAILED && s->status != 128 + SIGPIPE)
		return 3;
	return s->spoke ? 2 : 1;
}

/* Return whether stage s is named as one that failed, where others bear `most` of
 * the blame and the producers that count have done (`produced`) what they should. */
static int
is_named(const struct pipeline *p, const struct stage *s, int most, int produced)
{
	if (s->status == 0 || s == p->command || is_refused(s))
		return 0;
	if (pipeline_counts(s))
		return blame(s) == most;
	return produced || !pipeline_produces(s);
}

/* Print the messages that are left and report failures. */
static void
report_all(const char *name, struct pipeline *p)
{
	int most = 0, produced = 1, hard = 0;

	for (struct stage *s = p->stage; s < p->stage + p->n; s++) {
		if (blame(s) > most)
			most = blame(s);
		if (pipeline_produces(s) && pipeline_counts(s)) {
			produced &= s->status == 0;
			hard |= blame(s) == 3;
		}
	}
	if (p->sink->status == 128 + SIGPIPE) { /* nobody reads on, and knows it */
		p->status = p->sink->status;
		return;
	}
	for (struct stage *s = p->stage; s < p->stage + p->n; s++) {
		if (hard && pipeline_produces(s) && !pipeline_counts(s))
			continue;
		while (print_line(name, s))
			continue;
		if (s->lines.lost)
			say(name, "%s: %lu more lines", s->name, s->lines.lost);
	}
	for (struct stage *s = p->stage + p->n; s-- > p->stage;)
		if (is_named(p, s, most, produced))
			report(name, p, s);
	if (p->command && !p->released && p->status == 0)
		p->status = p->command->status;
}

/* Become the program that comes after the pipeline. Returns the exit status if there
 * is none, or -1 with errno and p->failed. */
static int
finish(const char *name, struct pipeline *p)
{
	report_all(name, p);
	for (size_t i = 0; i < p->n; i++)
		lines_free(&p->stage[i].lines);
	if (p->after)
		return pipeline_become(p);
	return p->released && p->command->status ? p->command->status : p->status;
}

/* ---- the beginning ----------------------------------------------------- */

static void
parse_stages(struct pipeline *p, char **word)
{
	while (*word) {
		const char *first = *word;

		word = pipeline_add(p, word);
		if (word == NULL)
			errx(STATUS_USAGE, "%s: not a stage that may be here; see rsprof-pipe(1)", first);
	}
	if (p->sink == NULL || !pipeline_produces(&p->stage[0]))
		errx(STATUS_USAGE, "a pipeline begins with a producer and has a sink");
}

/* Become a program as the user who called sudo(8). */
static void
become(char *argv[])
{
	struct invoker user;

	if (argv[0] == NULL)
		usage(synopsis);
	invoker_find(&user);
	if (invoker_become(&user) < 0)
		err(STATUS_PERM, "user %u", (unsigned)user.uid);
	execvp(argv[0], argv);
	err(errno == ENOENT ? 127 : 126, "%s", argv[0]);
}

/* Run the pipeline. Returns its exit status. */
static int
run(const char *name, struct pipeline *p)
{
	int more, announced = 0, status;

	if (pipeline_open(p) < 0)
		err(STATUS_FAILED, "%s", p->failed);
	while ((more = pipeline_step(p)) > 0)
		print_news(name, p, &announced);
	status = more < 0 ? -1 : finish(name, p);
	if (status < 0)
		err(STATUS_FAILED, "%s", p->failed);
	return status;
}

int
main(int argc, char *argv[])
{
	static struct pipeline p;
	const char *name = "rsprof-pipe";
	int c, user = 0;

	while ((c = next_option(argc, argv, "+fn:uhV", synopsis)) != -1)
		switch (c) {
		case 'f': p.follow = 1; break;
		case 'n': name = optarg; break;
		case 'u': user = 1; break;
		}
	if (user)
		become(argv + optind);
	if (optind == argc)
		usage(synopsis);
	parse_stages(&p, argv + optind);
	program_invocation_short_name = (char *)name;
	prctl(PR_SET_NAME, name);
	return run(name, &p);
}
