/*
 * The files of a process and their tables, which are made in the background:
 * in which order, what can be waited for, and what is given up at the end.
 */
#include "unwind/module.h"

#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "os/proc.h"
#include "unwind/cache.h"
#include "unwind/cache_table.h"
#include "unwind/cfi.h"
#include "tap.h"

#define LINKS 600

static char top[] = "/tmp/rsprof-module.XXXXXX";
static char big[4096]; /* the C library */

/* ---- files ------------------------------------------------------------- */

/* A mapping of a file in the test's directory. */
static struct module *
get(struct modules *list, pid_t pid, const char *name)
{
	char path[4200];
	struct stat st;
	struct proc_map map = { 0x1000, 0x2000, 0, 1, 0, 0, path, 0 };

	snprintf(path, sizeof path, "%s/%s", top, name);
	if (stat(path, &st) == 0) {
		map.ino = st.st_ino;
		map.major = major(st.st_dev);
		map.minor = minor(st.st_dev);
	}
	return modules_get(list, pid, &map);
}

static void
copy(const char *from, const char *to)
{
	int in = open(from, O_RDONLY), out = open(to, O_WRONLY | O_CREAT, 0700);
	char buf[65536];
	ssize_t n;

	while ((n = read(in, buf, sizeof buf)) > 0)
		if (write(out, buf, (size_t)n) != n)
			exit(1);
	if (in < 0 || out < 0 || n < 0)
		exit(1);
	close(in);
	close(out);
}

/* The same file by many names. */
static void
make_links(void)
{
	char name[32];

	copy(big, "lib");
	for (int i = 0; i < LINKS; i++) {
		snprintf(name, sizeof name, "lib%d", i);
		if (link("lib", name) < 0)
			exit(1);
	}
}

static void
get_links(struct modules *list, struct module *m[LINKS])
{
	char name[32];

	for (int i = 0; i < LINKS; i++) {
		snprintf(name, sizeof name, "lib%d", i);
		m[i] = get(list, getpid(), name);
	}
}

static unsigned
count_ready(struct module *m[LINKS])
{
	unsigned n = 0;

	for (int i = 0; i < LINKS; i++)
		n += (unsigned)module_ready(m[i]);
	return n;
}

static void
await(struct modules *list, const struct module *m)
{
	struct pollfd p = { modules_fd(list), POLLIN, 0 };

	while (!module_ready(m)) {
		poll(&p, 1, -1);
		modules_news(list);
	}
}

/* ---- what there is ----------------------------------------------------- */

struct all {
	struct modules *list;
	struct module *module[64];
	unsigned n;
};

static void
see(void *ctx, const struct proc_map *map)
{
	struct all *a = ctx;

	if (a->n < 64)
		a->module[a->n++] = modules_get(a->list, getpid(), map);
	if (strstr(map->path, "/libc.so.6") || strstr(map->path, "/libc-2."))
		snprintf(big, sizeof big, "%s", map->path);
}

/* Does the table say the same as one that is compiled here? */
static int
as_compiled(const struct module *m)
{
	int fd = open(m->path, O_RDONLY);
	struct unwind_table t;
	const char *error;
	struct elf_file *obj = elf_file_open(fd, &error);
	int good = obj && cfi_compile(&t, obj, NULL) == NULL &&
	    t.nrow == m->table.nrow &&
	    memcmp(t.row, m->table.row, t.nrow * sizeof *t.row) == 0;

	if (obj)
		unwind_free(&t);
	elf_file_close(obj);
	close(fd);
	return good;
}

static void
test_own(void)
{
	struct all a = { .list = modules_new() };
	char *exe = proc_exe(getpid());
	unsigned files = 0, vdso = 0, same = 0, is_main = 0;

	proc_maps(getpid(), see, &a);
	for (unsigned i = 0; i < a.n; i++) {
		struct module *m = a.module[i];

		module_wait(m);
		if (m->path[0] == '/') {
			files++;
			same += (unsigned)(!m->problem && as_compiled(m));
		}
		vdso += strcmp(m->path, "[vdso]") == 0 && m->table.nrow > 0;
		is_main += strcmp(m->path, exe) == 0;
	}
	ok(files > 1 && same == files, "%u files have their tables", files);
	ok(is_main == 1 && vdso == 1, "the executable and the vDSO among them");
	ok(big[0] == '/', "and the C library, %s", big);
	free(exe);
	modules_free(a.list);
}

static void
test_none(void)
{
	struct modules *list = modules_new();
	struct proc_map heap = { 0x1000, 0x2000, 0, 0, 0, 0, "[heap]", 0 };
	struct module *gone, *text, *anon;

	copy("/proc/self/status", "text");
	text = get(list, getpid(), "text");
	ok(module_ready(text) && text->problem, "no ELF file: %s", text->problem);
	gone = get(list, getpid(), "gone");
	ok(module_ready(gone) && gone->problem, "no file: %s", gone->problem);
	anon = modules_get(list, getpid(), &heap);
	ok(module_ready(anon) && anon->absolute, "memory without a file");
	module_wait(anon);
	module_want(anon);
	ok(gone->number == 1 && anon->number == 2 && modules_first(list) == anon &&
	        anon->next == gone, "they are numbered");
	ok(get(list, getpid(), "gone") == gone, "and there once");
	modules_free(list);
	modules_free(NULL);
}

/* ---- in the background ------------------------------------------------- */

/* A program with another 100 MB behind it, which are not there. */
static pid_t
start_main(void)
{
	pid_t pid;

	copy("/bin/sleep", "main");
	if (truncate("main", 100 << 20) < 0)
		exit(1);
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		execl("./main", "main", "600", (char *)NULL);
		_exit(1);
	}
	return pid;
}

static void
test_order(void)
{
	struct modules *list = modules_new();
	struct rlimit few = { 40, 40 }, old;
	struct module *m[LINKS], *main_module, *small, *last;
	pid_t pid = start_main();
	char *exe = NULL;

	/* Until it has become what it is. */
	while (exe == NULL || strstr(exe, "/main") == NULL) {
		free(exe);
		poll(NULL, 0, 1);
		exe = proc_exe(pid);
	}
	free(exe);
	getrlimit(RLIMIT_NOFILE, &old);
	few.rlim_max = old.rlim_max;
	setrlimit(RLIMIT_NOFILE, &few);
	get_links(list, m);
	setrlimit(RLIMIT_NOFILE, &old);
	main_module = get(list, pid, "main");
	copy("/bin/sleep", "small");
	small = get(list, getpid(), "small");
	await(list, main_module);
	ok(count_ready(m) < LINKS && !main_module->problem,
	    "the main executable goes first, big as it is");
	await(list, small);
	ok(count_ready(m) < LINKS && small->table.nrow > 0, "then the smallest");
	last = m[LINKS - 1];
	module_wait(last);
	ok(count_ready(m) < LINKS && module_ready(last),
	    "the last one is waited for, and no other: %u", count_ready(m));
	module_want(m[LINKS - 2]);
	await(list, m[LINKS - 2]);
	ok(count_ready(m) < LINKS, "one that is wanted does not have to wait");
	ok(!last->problem && last->table.nrow > 0, "no file is held open meanwhile");
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	modules_free(list);
}

static void
test_vanish(void)
{
	struct modules *list = modules_new();
	struct module *m[LINKS], *last = NULL;

	copy("/bin/sleep", "vanishing");
	get_links(list, m);
	last = get(list, getpid(), "vanishing");
	unlink("vanishing");
	module_wait(last);
	ok(!last->problem && last->table.nrow > 0, "a file that vanishes meanwhile");
	modules_free(list);
}

static void
test_free(void)
{
	struct module *m;

	for (int i = 0; i < 200; i++) {
		struct modules *list = modules_new();

		m = get(list, getpid(), "lib");
		if (i % 2)
			get(list, getpid(), "lib1");
		if (i % 3 == 0)
			poll(NULL, 0, 1);
		if (i % 5 == 0)
			module_wait(m);
		modules_free(list);
	}
	ok(1, "freed at any time");
}

/* ---- the cache --------------------------------------------------------- */

static uint32_t
rows_of(const char *name, char buildid[ELF_FILE_BUILDID_MAX])
{
	struct modules *list = modules_new();
	struct module *m = get(list, getpid(), name);
	uint32_t n;

	module_wait(m);
	n = m->table.nrow;
	memcpy(buildid, m->buildid, ELF_FILE_BUILDID_MAX);
	modules_free(list);
	return n;
}

static void
test_cache(void)
{
	struct step_row row[2] = { { 16, STEP_RULE(STEP_SP, 1, 0) },
		{ 32, STEP_RULE(STEP_NONE, 0, 0) } };
	struct unwind_table t = { .row = row, .nrow = 2 }, u;
	struct cache_key key = { 0 };
	char id[ELF_FILE_BUILDID_MAX];
	struct cache *c;
	struct stat st;
	int rust = 1;

	setenv("XDG_CACHE_HOME", top, 1);
	if (stat("lib", &st) < 0 || rows_of("lib", id) < 100)
		exit(1);
	key = (struct cache_key){ id, (uint64_t)st.st_size, st.st_uid };
	c = cache_open(CACHE_LIMIT);
	ok(cache_table_load(c, &key, &u, &rust) == 0 && u.nrow > 100 && rust == 0, "a table is kept");
	unwind_free(&u);
	cache_table_save(c, &key, &t, 1);
	ok(rows_of("lib", id) == 2, "and used the next time");
	if (truncate("lib", st.st_size + 1) < 0)
		exit(1);
	ok(rows_of("lib", id) > 100, "but not for a file of another size");
	cache_close(c);
}

int
main(void)
{
	char rm[64];

	if (mkdtemp(top) == NULL || chdir(top) < 0)
		return 1;
	unsetenv("XDG_CACHE_HOME");
	unsetenv("HOME");
	test_own();
	test_none();
	make_links();
	test_order();
	test_vanish();
	test_free();
	test_cache();
	snprintf(rm, sizeof rm, "rm -rf %s", top);
	return system(rm) != 0 || tap_done();
}
