/*
 * cargo-rsprof builds a program, a test or a benchmark with cargo, and becomes rsprof(1) with the
 * executable that cargo names.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pwd.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/array.h"
#include "cargo/manifest.h"
#include "cargo/options.h"
#include "cargo/products.h"
#include "cmd/status.h"
#include "elf/elf_file.h"
#include "os/child.h"
#include "os/invoker.h"
#include "os/proc.h"

static const char synopsis[] =
    "usage: cargo-rsprof [-CfHhIkPqVw] [-B PERCENT] [-d DURATION] [-F HZ]\n"
    "                    [-K FILES] [-o FILE] [-R DURATION] [-S BYTES]\n"
    "                    run|test|bench [CARGO_OPTION ...] [FILTER] [--] [ARG ...]\n";

/* A list of arguments; it ends with a NULL when it is handed over. */
struct words {
	char **list;
	size_t n, room;
};

struct request {
	struct words rsprof;  /* options of rsprof run */
	const char *output;   /* its -o */
	struct cargo_options cargo;
	const char *profile;
	struct invoker user;  /* whom cargo runs as */
};

static const char *
print(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Returns a formatted string of its own. Exits if memory is short. */
static const char *
print(const char *format, ...)
{
	char *out;
	va_list ap;

	va_start(ap, format);
	if (vasprintf(&out, format, ap) < 0)
		err(STATUS_FAILED, NULL);
	va_end(ap);
	return out;
}

static void
push(struct words *w, const char *word)
{
	if (array_room(&w->list, w->n, &w->room, sizeof *w->list) < 0)
		err(STATUS_FAILED, NULL);
	w->list[w->n++] = (char *)word;
}

/* ---- cargo ---------------------------------------------------------------- */

/* Start cargo with its standard output at `out`. */
static pid_t
start_cargo(const struct request *r, struct words *w, int out)
{
	const char *home = getenv("HOME");
	const struct passwd *entry = r->user.uid ? getpwuid(r->user.uid) : NULL;
	struct child c = { .argv = w->list, .in = 0, .out = out, .err = 2, .user = &r->user };
	sigset_t mask;
	pid_t pid;

	sigprocmask(SIG_SETMASK, NULL, &mask);
	c.mask = &mask;
	if (entry)
		setenv("HOME", entry->pw_dir, 1);
	pid = child_start(&c);
	if (entry && home)
		setenv("HOME", home, 1);
	return pid;
}

/* Returns everything that can be read from a descriptor, which is closed. */
static char *
read_all(int fd, size_t *len)
{
	FILE *f = fdopen(fd, "r");
	char *text = NULL;
	size_t room = 0;
	ssize_t n;

	if (f == NULL)
		err(STATUS_FAILED, NULL);
	n = getdelim(&text, &room, '\0', f);
	if (ferror(f))
		err(STATUS_FAILED, "cannot read what cargo writes");
	fclose(f);
	*len = n < 0 ? 0 : (size_t)n;
	return text;
}

/* Run cargo, whose arguments are w. Returns its output, and its exit status in *status. */
static char *
run_cargo(const struct request *r, struct words *w, size_t *len, int *status)
{
	siginfo_t info;
	char *text;
	int fds[2];
	pid_t pid;

	push(w, NULL);
	w->n--;
	if (pipe2(fds, O_CLOEXEC) < 0 || (pid = start_cargo(r, w, fds[1])) < 0)
		err(STATUS_FAILED, "%s", w->list[0]);
	close(fds[1]);
	text = read_all(fds[0], len);
	if (waitid(P_PID, (id_t)pid, &info, WEXITED) < 0)
		err(STATUS_FAILED, "waitid");
	*status = child_status(&info);
	if (*status == 127)
		errx(STATUS_FAILED, "cargo is needed to build; rsprof run profiles what is built");
	return text;
}

/* Begin a list of arguments with cargo itself. */
static struct words
cargo(const char *command)
{
	const char *path = getenv("CARGO");
	struct words w = { .list = NULL };

	push(&w, path && *path ? path : "cargo");
	push(&w, command);
	return w;
}

/* Returns what cargo prints when it is asked, and ends, without a failure; else NULL. */
static char *
ask_cargo(const struct request *r, struct words *w)
{
	size_t len;
	int status;
	char *text;

	if (r->cargo.manifest) {
		push(w, "--manifest-path");
		push(w, r->cargo.manifest);
	}
	text = run_cargo(r, w, &len, &status);
	free(w->list);
	if (status == 0 && text)
		return text;
	free(text);
	return NULL;
}

/* ---- options -------------------------------------------------------------- */

static void
read_options(struct request *r, int argc, char **argv)
{
	static const struct {
		const char *name;
		enum cargo_command command;
	} commands[] = { { "run", CARGO_RUN }, { "test", CARGO_TEST }, { "bench", CARGO_BENCH } };
	const char *error = "no such command", *word;
	int c;

	while ((c = next_option(argc, argv, "+B:Cd:F:fHhIK:ko:PqR:S:Vw", synopsis)) != -1) {
		if (c == 'o') {
			r->output = optarg;
			continue;
		}
		push(&r->rsprof, print("-%c", c));
		if (optarg)
			push(&r->rsprof, optarg);
	}
	if (optind == argc)
		usage(synopsis);
	word = argv[optind];
	for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
		if (strcmp(word, commands[i].name) == 0)
			r->cargo.command = commands[i].command;
	if (r->cargo.command == 0 ||
	    cargo_options_read(&r->cargo, argv + optind + 1, &error, &word) < 0) {
		warnx("%s: %s", word, error);
		usage(synopsis);
	}
	r->profile = r->cargo.profile;
	if (r->profile == NULL)
		r->profile = r->cargo.command == CARGO_BENCH ? "bench" : "release";
}

/* ---- debug information ---------------------------------------------------- */

/* Returns the variable that sets a key of the profile. */
static const char *
variable(const struct request *r, const char *key)
{
	char *name = (char *)print("CARGO_PROFILE_%s_%s", r->profile, key);

	for (char *p = name; *p; p++)
		*p = *p == '-' ? '_' : (char)(*p >= 'a' && *p <= 'z' ? *p - 'a' + 'A' : *p);
	return name;
}

/* Returns the text of a file, NULL if it cannot be read. */
static char *
file_text(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t len;

	return fd < 0 ? NULL : read_all(fd, &len);
}

/* Returns whether a configuration file in dir may speak of profiles. */
static int
config_has_profile(const char *dir)
{
	static const char *const names[] = { "config", "config.toml" };
	int found = 0;

	for (int i = 0; i < 2; i++) {
		char *text = file_text(print("%s/%s", dir, names[i]));

		found |= text && strstr(text, "profile");
		free(text);
	}
	return found;
}

/* Returns whether a configuration file that cargo reads here may speak of profiles. */
static int
is_configured(void)
{
	const char *home = getenv("CARGO_HOME");
	char *dir = getcwd(NULL, 0);
	int found = 0;

	if (home == NULL && getenv("HOME"))
		home = print("%s/.cargo", getenv("HOME"));
	found |= home && config_has_profile(home);
	while (dir && !found) {
		found = config_has_profile(print("%s/.cargo", dir));
		if (strrchr(dir, '/') == NULL)
			break;
		*strrchr(dir, '/') = '\0';
	}
	free(dir);
	return found;
}

/* Returns whether the profile has certainly no debug information, before anything is built. */
static int
is_bare(const struct request *r)
{
	struct words w = cargo("locate-project");
	char *path, *text;
	int bare;

	if (r->cargo.configured || is_configured()) {
		free(w.list);
		return 0;
	}
	push(&w, "--workspace");
	push(&w, "--message-format=plain");
	if ((path = ask_cargo(r, &w)) == NULL)
		return 0;
	path[strcspn(path, "\n")] = '\0';
	text = file_text(path);
	bare = text && cargo_manifest_is_bare(text, r->profile);
	free(path);
	free(text);
	return bare;
}

/* Returns how this cargo calls the least debug information that has lines: 1.71 has a word. */
static const char *
line_tables(const struct request *r)
{
	struct words w = { .list = NULL };
	int major = 0, minor = 0, status;
	size_t len;
	char *text;

	w = cargo("-V");
	text = run_cargo(r, &w, &len, &status);
	if (text == NULL || sscanf(text, "cargo %d.%d", &major, &minor) != 2)
		minor = 0;
	free(text);
	free(w.list);
	return major > 1 || minor >= 71 ? "line-tables-only" : "1";
}

/* Have cargo build with line tables, unless the user has set what says so. Returns whether. */
static int
add_line_tables(const struct request *r)
{
	const char *debug = variable(r, "DEBUG"), *value;

	if (getenv(debug))
		return 0;
	value = line_tables(r);
	warnx("the profile %s has no debug information: building with line tables (%s=%s)", r->profile,
	    debug, value);
	if (setenv(debug, value, 1) < 0 || setenv(variable(r, "STRIP"), "none", 0) < 0)
		err(STATUS_FAILED, NULL);
	return 1;
}

/* ---- what is built -------------------------------------------------------- */

/* Have cargo build what is asked for. Exits if that fails. */
static void
build(const struct request *r, struct cargo_products *out)
{
	static const char *const commands[] = { [CARGO_RUN] = "build", [CARGO_TEST] = "test",
		[CARGO_BENCH] = "bench" };
	struct words w = cargo(commands[r->cargo.command]);
	const char *error;
	size_t len;
	int status;
	char *text;

	push(&w, "--message-format=json-render-diagnostics");
	if (r->cargo.command != CARGO_RUN)
		push(&w, "--no-run");
	else if (r->cargo.chosen == NULL)
		push(&w, "--bins");
	if (r->cargo.profile == NULL && r->cargo.command != CARGO_BENCH)
		push(&w, "--release");
	for (size_t i = 0; i < r->cargo.n; i++)
		push(&w, r->cargo.passed[i]);
	text = run_cargo(r, &w, &len, &status);
	if (status)
		errx(STATUS_FAILED, "cargo has not built it (exit %d)", status);
	cargo_products_clear(out);
	if (text && cargo_products_read(out, text, len, &error) < 0)
		errx(STATUS_FAILED, "%s", error);
	free(text);
	free(w.list);
}

/* Keep the product that its package says is run by default, if there is one. */
static void
choose_default(const struct request *r, struct cargo_products *p)
{
	struct words w = cargo("metadata");
	size_t found;
	char *text;

	push(&w, "--no-deps");
	push(&w, "--format-version=1");
	if ((text = ask_cargo(r, &w)) == NULL)
		return;
	found = cargo_products_default(p, text);
	free(text);
	if (found < p->n)
		cargo_products_choose(p, found);
}

/* Keep the one product that is meant. Exits if there is none, or there are several. */
static void
choose(const struct request *r, struct cargo_products *p)
{
	cargo_products_keep(p, r->cargo.command != CARGO_RUN, NULL);
	if (r->cargo.command == CARGO_BENCH && r->cargo.chosen == NULL)
		for (size_t i = 0; i < p->n; i++)
			if (strcmp(p->list[i].kind, "bench") == 0) {
				cargo_products_keep(p, 1, "bench");
				break;
			}
	if (p->n > 1 && r->cargo.command == CARGO_RUN && r->cargo.chosen == NULL)
		choose_default(r, p);
	if (p->n == 1)
		return;
	if (p->n == 0)
		errx(STATUS_NOTHING, "cargo has built no executable that could be run%s",
		    r->cargo.command == CARGO_RUN ? " (--bin, --example and -p say which)" : "");
	warnx("cargo has built several executables; say which:");
	for (size_t i = 0; i < p->n; i++) {
		int lib = strcmp(p->list[i].kind, "lib") == 0;

		fprintf(stderr, "    --%s%s%s    of %s\n", p->list[i].kind, lib ? "" : " ",
		    lib ? "" : p->list[i].name, p->list[i].dir);
	}
	exit(STATUS_USAGE);
}

/* Returns whether an executable has debug information. Exits if it cannot be run here. */
static int
has_lines(const char *path)
{
	const char *error;
	struct elf_file *e = elf_file_open_path(path, &error);
	int has;

	if (e == NULL)
		errx(STATUS_NOTHING, "%s: cannot be profiled here: %s", path, error);
	has = elf_file_has_debug(e);
	elf_file_close(e);
	return has;
}

/* ---- rsprof --------------------------------------------------------------- */

/* Let the executable find the shared libraries of the build, as under cargo. */
static void
set_libraries(const struct request *r, const struct cargo_products *p)
{
	struct words w = { .list = NULL };
	const char *rustc = getenv("RUSTC");
	char *root = NULL, *path;
	size_t len;
	int status;

	if (p->has_shared_library) {
		push(&w, rustc ? rustc : "rustc");
		push(&w, "--print=sysroot");
		root = run_cargo(r, &w, &len, &status);
		if (root)
			root[strcspn(root, "\n")] = '\0';
		free(w.list);
	}
	path = cargo_products_path(p, root, getenv("LD_LIBRARY_PATH"));
	if (path && setenv("LD_LIBRARY_PATH", path, 1) < 0)
		err(STATUS_FAILED, NULL);
	free(path);
	free(root);
}

/* Tests and benchmarks run in the directory of their package: the recording stays here. */
static void
enter_package(struct request *r, const struct cargo_product *p)
{
	char *here = getcwd(NULL, 0);
	time_t now = time(NULL);
	struct tm tm;

	if (here == NULL || localtime_r(&now, &tm) == NULL)
		err(STATUS_FAILED, "current directory");
	if (r->output == NULL)
		r->output = print("rsprof.%s.%02d%02d%02d%02d%02d%02d.db", p->name, tm.tm_year % 100,
		    tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
	if (*r->output != '/')
		r->output = print("%s/%s", here, r->output);
	free(here);
	if (chdir(p->dir) < 0)
		err(STATUS_FAILED, "%s", p->dir);
}

/* Find rsprof(1): beside this program, or in PATH. */
static void
find_rsprof(char path[PATH_MAX])
{
	if (proc_sibling(path, "rsprof") < 0 || access(path, X_OK) < 0)
		strcpy(path, "rsprof");
}

/* Become rsprof run with the product. */
static _Noreturn void
become_rsprof(struct request *r, const struct cargo_products *p)
{
	const struct cargo_product *product = &p->list[0];
	struct words w = { .list = NULL };
	char rsprof[PATH_MAX];

	set_libraries(r, p);
	setenv("CARGO_MANIFEST_DIR", product->dir, 1);
	if (r->cargo.command != CARGO_RUN)
		enter_package(r, product);
	find_rsprof(rsprof);
	push(&w, rsprof);
	push(&w, "run");
	for (size_t i = 0; i < r->rsprof.n; i++)
		push(&w, r->rsprof.list[i]);
	if (r->output) {
		push(&w, "-o");
		push(&w, r->output);
	}
	push(&w, "--");
	push(&w, product->path);
	if (r->cargo.filter)
		push(&w, r->cargo.filter);
	for (char **arg = r->cargo.args; *arg; arg++)
		push(&w, *arg);
	if (r->cargo.command == CARGO_BENCH)
		push(&w, "--bench");
	push(&w, NULL);
	execvp(w.list[0], w.list);
	err(STATUS_FAILED, "rsprof, beside this program or in PATH");
}

int
main(int argc, char *argv[])
{
	struct cargo_products products = { .list = NULL };
	struct request r = { .output = NULL };
	int added;

	/* cargo rsprof ARG ... is cargo-rsprof rsprof ARG ... */
	if (argc > 1 && strcmp(argv[1], "rsprof") == 0) {
		argv[1] = argv[0];
		argc--;
		argv++;
	}
	read_options(&r, argc, argv);
	invoker_find(&r.user);
	if (child_open_standard() < 0)
		err(STATUS_FAILED, "/dev/null");
	added = is_bare(&r) && add_line_tables(&r);
	build(&r, &products);
	choose(&r, &products);
	if (!has_lines(products.list[0].path) && !added && add_line_tables(&r)) {
		build(&r, &products);
		choose(&r, &products);
	}
	become_rsprof(&r, &products);
}
