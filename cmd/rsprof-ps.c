/*
 * rsprof-ps lists processes that are worth profiling: one's own, those in Rust first, and by how
 * busy they are.
 */
#include <dirent.h>
#include <err.h>
#include <fcntl.h>
#include <inttypes.h>
#include <locale.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/arg.h"
#include "base/array.h"
#include "base/units.h"
#include "base/utf8.h"
#include "cmd/columns.h"
#include "cmd/options.h"
#include "cmd/status.h"
#include "elf/elf_file.h"
#include "os/proc.h"

#define WATCHED 200000000 /* ns for which processes are watched */
#define ROWS 20           /* shown without -n */
#define BUSY 1            /* percent of a core from which on others than Rust are worth it */
#define FIGURES 30        /* columns before a command */

struct process {
	pid_t pid;
	char name[PROC_NAME_MAX];
	int rust;
	uint64_t before, rss;
	double percent; /* of a core */
};

static struct process *process;
static size_t nprocess, room;
static int all;                  /* -a */
static const char *command;      /* -c: of rsprof, which a process is to be chosen for */
static uint64_t max_rows = ROWS; /* -n */

static const char synopsis[] = "usage: rsprof-ps [-ahV] [-c COMMAND] [-n N]\n";

/* ---- processes --------------------------------------------------------- */

/* Returns whether a process is this one, or one that it descends from. */
static int
is_above(pid_t pid)
{
	struct proc_stat s;
	pid_t up = getpid();

	while (up > 0) {
		if (up == pid)
			return 1;
		up = proc_stat(up, &s) == 0 && s.ppid != up ? s.ppid : 0;
	}
	return 0;
}

/* Returns whether a process' executable was made by rustc, as far as it can be read. */
static int
is_rust(pid_t pid)
{
	struct elf_file *e;
	const char *why;
	char path[64];
	int fd, rust;

	snprintf(path, sizeof path, "/proc/%d/exe", (int)pid);
	if ((fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)) < 0)
		return 0;
	e = elf_file_open(fd, &why);
	rust = e && elf_file_is_rust(e);
	elf_file_close(e);
	close(fd);
	return rust;
}

/* Add a process, if it is one of the user's and none that profiles. */
static void
add_process(pid_t pid)
{
	struct proc_stat s;
	struct process *p;

	if (proc_stat(pid, &s) < 0 || s.kernel || proc_has_ended(pid) || is_above(pid))
		return;
	if ((s.uid != getuid() && getuid() != 0) || strncmp(s.name, "rsprof", 6) == 0)
		return;
	if (array_room(&process, nprocess, &room, sizeof *process) < 0)
		err(STATUS_FAILED, NULL);
	p = &process[nprocess++];
	*p = (struct process){ .pid = pid };
	memcpy(p->name, s.name, sizeof p->name);
}

static void
find_processes(void)
{
	DIR *dir = opendir("/proc");
	struct dirent *entry;
	uint64_t pid;

	if (dir == NULL)
		err(STATUS_FAILED, "/proc");
	while ((entry = readdir(dir)))
		if (arg_number(entry->d_name, 1, INT32_MAX, &pid) == 0)
			add_process((pid_t)pid);
	closedir(dir);
}

/* Watch all processes for a while, to see which are busy. */
static void
watch(void)
{
	const struct timespec pause = { 0, WATCHED };
	uint64_t began = proc_now(), anon, now;

	for (size_t i = 0; i < nprocess; i++)
		process[i].before = proc_cpu(process[i].pid);
	for (size_t i = 0; i < nprocess; i++)
		process[i].rust = is_rust(process[i].pid);
	nanosleep(&pause, NULL);
	for (size_t i = 0; i < nprocess; i++) {
		struct process *p = &process[i];
		uint64_t cpu = proc_cpu(p->pid);

		now = proc_now();
		if (cpu > p->before && now > began)
			p->percent = 100.0 * (double)(cpu - p->before) / (double)(now - began);
		if (proc_memory(p->pid, &p->rss, &anon) < 0)
			p->rss = 0;
	}
}

/* ---- the table --------------------------------------------------------- */

static int
is_worth_it(const struct process *p)
{
	return all || p->rust || p->percent >= BUSY;
}

/* Order those in Rust first, then the busiest, the largest, the newest. */
static int
by_worth(const void *x, const void *y)
{
	const struct process *a = x, *b = y;

	if (is_worth_it(a) != is_worth_it(b))
		return is_worth_it(a) ? -1 : 1;
	if (a->rust != b->rust)
		return a->rust ? -1 : 1;
	if (a->percent != b->percent)
		return a->percent > b->percent ? -1 : 1;
	if (a->rss != b->rss)
		return a->rss > b->rss ? -1 : 1;
	return a->pid > b->pid ? -1 : a->pid < b->pid;
}

/* Print as much of a text as there is room for; what is not printable as ?. */
static void
put_text(const char *s, size_t width)
{
	uint32_t c;
	size_t n;

	for (size_t i = 0; *s && i < width; i++, s += n ? n : 1)
		if ((n = utf8_decode(s, &c)) == 0 || utf8_is_control(c) || utf8_is_format(c))
			putchar('?');
		else
			printf("%.*s", (int)n, s);
}

static void
put_process(const struct process *p, size_t columns)
{
	char *line = proc_cmdline(p->pid), size[UNITS_MAX];

	printf("%7d  %5.1f  %6s  %-4s  ", (int)p->pid, p->percent, units_size(size, p->rss),
	    p->rust ? "Rust" : "");
	put_text(line && *line ? line : p->name, columns - FIGURES);
	putchar('\n');
	free(line);
}

static void
print_table(void)
{
	size_t columns = output_columns(), worth = 0, shown;

	if (nprocess)
		qsort(process, nprocess, sizeof *process, by_worth);
	while (worth < nprocess && is_worth_it(&process[worth]))
		worth++;
	shown = max_rows && worth > max_rows ? (size_t)max_rows : worth;
	if (shown)
		puts("    PID   CPU%  Memory        Process");
	for (size_t i = 0; i < shown; i++)
		put_process(&process[i], columns);
	if (nprocess > shown)
		printf("%s%zu more%s (-a -n 0 shows all)\n", shown ? "" : "None is in Rust or busy; ",
		    nprocess - shown, worth > shown ? "" : " that are idle and not in Rust");
}

int
main(int argc, char **argv)
{
	int c;

	setlocale(LC_CTYPE, "");
	while ((c = next_option(argc, argv, "ac:n:hV", synopsis)) != -1)
		switch (c) {
		case 'a': all = 1; break;
		case 'c': command = optarg; break;
		case 'n': max_rows = rows_option(optarg); break;
		}
	if (optind != argc)
		usage(synopsis);
	/* Standard output is that of a command that will not be run. */
	if (command && dup2(STDERR_FILENO, STDOUT_FILENO) < 0)
		err(STATUS_FAILED, NULL);
	find_processes();
	watch();
	print_table();
	free(process);
	if (command)
		printf("Choose one: rsprof %s PID, or a part of its name, as in pgrep(1).\n", command);
	close_output();
	return command ? STATUS_USAGE : STATUS_OK;
}
