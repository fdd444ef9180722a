#include "doctor/check_process.h"

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/array.h"
#include "doctor/caps.h"
#include "doctor/ptrace_access.h"
#include "doctor/verdict.h"
#include "heap/probe_plan.h"
#include "os/perf.h"
#include "os/proc.h"
#include "symbol/symbol.h"
#include "unwind/cfi.h"
#include "unwind/module.h"

#define UNWIND_STEP 64 /* bytes between two places where a table is asked */
#define UNWIND_TINY 16384 /* a library with so little code is nobody's care */
#define SAMPLES 100     /* in a file, that are named to see if they can be */
#define MEMORY (256 << 20) /* for debug information */
#define LISTED 3       /* files that a text names, at most */

/* A file that code is executed from. */
struct file {
	char *path;
	const char *name;    /* the path's last component */
	uint64_t ino;
	uint32_t major, minor;
	struct symbol_user user;
	const char *problem; /* why it could not be read, or NULL */
	int rust, exe;
	char buildid[ELF_FILE_BUILDID_MAX];
	unsigned unwind;     /* per mille of its code that have unwind tables */
	int debug_info, symtab;
	struct elf_file_segment code[4];
	size_t ncode;
};

struct check_process {
	pid_t pid;
	const struct caps *me;
	int scanned;
	int error;           /* errno of reading the mappings, or 0 */
	struct file *file;   /* the executable is the first one, if it is known */
	size_t n, room;
	size_t anonymous;    /* executable mappings without a file */
	uint64_t exe;        /* the executable's inode, 0: not known */
	int nomem;
};

struct check_process *
check_process_open(pid_t pid, const struct caps *me)
{
	struct check_process *p = calloc(1, sizeof *p);

	if (p) {
		p->pid = pid;
		p->me = me;
	}
	return p;
}

void
check_process_close(struct check_process *p)
{
	if (p == NULL)
		return;
	for (size_t i = 0; i < p->n; i++)
		free(p->file[i].path);
	free(p->file);
	free(p);
}

/* ---- looking at files -------------------------------------------------- */

static void
read_code(struct file *f, const struct elf_file *elf)
{
	struct unwind_table table;
	uint64_t samples = 0, known = 0;

	memset(&table, 0, sizeof table);
	f->problem = cfi_compile(&table, elf, NULL);
	while (f->ncode < sizeof f->code / sizeof *f->code &&
	    elf_file_exec_segment(elf, f->ncode, &f->code[f->ncode]) == 0)
		f->ncode++;
	for (size_t i = 0; i < f->ncode; i++)
		for (uint64_t at = 0; at < f->code[i].len; at += UNWIND_STEP) {
			unsigned kind = STEP_KIND(
			    unwind_rule(&table, f->code[i].offset + at));

			samples++;
			known += kind != STEP_NONE && kind != STEP_FRAME;
		}
	f->unwind = samples ? (unsigned)(known * 1000 / samples) : 0;
	unwind_free(&table);
}

static void
read_elf(struct file *f, const struct elf_file *elf)
{
	elf_file_buildid(elf, f->buildid);
	f->rust = elf_file_is_rust(elf);
	f->debug_info = elf_file_has_debug(elf);
	f->symtab = elf_file_has_symtab(elf);
	read_code(f, elf);
}

static void
read_file(struct check_process *p, struct file *f, const struct proc_map *map)
{
	int fd = module_open(p->pid, map, f->path);
	struct elf_file *elf;

	if (fd < 0) {
		f->problem = "it cannot be opened";
		return;
	}
	elf = elf_file_open(fd, &f->problem);
	if (elf)
		read_elf(f, elf);
	elf_file_close(elf);
	close(fd);
}

/* ---- the files of a process -------------------------------------------- */

static int
is_known(const struct check_process *p, const struct proc_map *map)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->file[i].ino == map->ino && p->file[i].major == map->major &&
		    p->file[i].minor == map->minor)
			return 1;
	return 0;
}

/* The path that a file had when it was mapped, to be freed. */
static char *
path_of(const struct proc_map *map)
{
	static const char gone[] = " (deleted)";
	size_t len = strlen(map->path), tail = sizeof gone - 1;

	if (len > tail && strcmp(map->path + len - tail, gone) == 0)
		len -= tail;
	return strndup(map->path, len);
}

static void
on_map(void *ctx, const struct proc_map *map)
{
	struct check_process *p = ctx;
	struct file *f;

	if (map->path[0] == '[') /* the vDSO and the like: always there */
		return;
	if (map->ino == 0 || map->path[0] != '/') {
		p->anonymous++;
		return;
	}
	if (is_known(p, map))
		return;
	if (array_room(&p->file, p->n, &p->room, sizeof *f) < 0) {
		p->nomem = 1;
		return;
	}
	f = &p->file[p->n];
	memset(f, 0, sizeof *f);
	f->path = path_of(map);
	f->user = (struct symbol_user){ (uint64_t)p->pid, map->start, map->end };
	if (f->path == NULL) {
		p->nomem = 1;
		return;
	}
	p->n++;
	f->name = strrchr(f->path, '/') + 1;
	f->ino = map->ino;
	f->major = map->major;
	f->minor = map->minor;
	f->exe = map->ino == p->exe;
	read_file(p, f, map);
}

/* The executable goes first, for those who look for its names. */
static void
put_exe_first(struct check_process *p)
{
	for (size_t i = 1; i < p->n; i++)
		if (p->file[i].exe) {
			struct file f = p->file[i];

			memmove(&p->file[1], &p->file[0], i * sizeof f);
			p->file[0] = f;
			return;
		}
}

/* Look at all of them, once.  -1: that is not possible, and p->error tells
 * why. */
static int
scan_process(struct check_process *p)
{
	char path[64];
	struct stat st;

	if (p->scanned)
		return p->error ? -1 : 0;
	p->scanned = 1;
	snprintf(path, sizeof path, "/proc/%d/exe", (int)p->pid);
	if (stat(path, &st) == 0)
		p->exe = st.st_ino;
	if (proc_maps(p->pid, on_map, p) < 0)
		p->error = errno;
	else if (p->nomem)
		p->error = ENOMEM;
	put_exe_first(p);
	return p->error ? -1 : 0;
}

/* What is profiled: the files that rustc has made; the executable if there
 * are none. */
static int
is_subject(const struct check_process *p, size_t i)
{
	for (size_t j = 0; j < p->n; j++)
		if (p->file[j].rust)
			return p->file[i].rust;
	return i == 0;
}

/* ---- may we look ------------------------------------------------------- */

void
check_process_perf(struct check_process *p, struct verdict *out)
{
	struct perf_options o = { .event = perf_event_find("cpu-clock"), .hz = 1,
		.copy = 1024, .program = -1, .user_only = 1 };
	struct perf *own = perf_new(&o), *perf = perf_new(&o);
	int error;

	if (own == NULL || perf == NULL) {
		verdict_no(out, NULL, "%s", strerror(errno));
	} else if (perf_attach(perf, p->pid) == 0) {
		verdict_yes(out, "one was opened for it");
	} else {
		error = errno;
		/* If we may not even watch ourselves that is the reason. */
		if (perf_attach(own, getpid()) < 0)
			caps_perf(p->me, errno, 0, out);
		else
			ptrace_access_read(p->me, p->pid, CAPS_PERFMON, error,
			    out);
	}
	perf_free(own);
	perf_free(perf);
}

static int
need_maps(struct check_process *p, struct verdict *out)
{
	/* Linux 6.15: mm_access(), which decides on /proc/PID/maps. */
	uint64_t caps = caps_before(p->me, 6, 15) ? CAPS_PTRACE
	                                               : CAPS_PERFMON;

	if (scan_process(p) == 0)
		return 0;
	ptrace_access_read(p->me, p->pid, caps, p->error, out);
	return -1;
}

void
check_process_maps(struct check_process *p, struct verdict *out)
{
	if (need_maps(p, out) < 0)
		return;
	verdict_yes(out, "it executes from %zu file%s%s", p->n, p->n == 1 ? "" : "s",
	    p->anonymous ? ", and from memory that no file stands behind" : "");
}

void
check_process_memory(struct check_process *p, struct verdict *out)
{
	char byte;

	/* Access is checked first: an address where nothing is will do. */
	if (proc_read(p->pid, 4096, &byte, 1) == 0 || errno == EFAULT)
		verdict_yes(out, "it may be read");
	else
		ptrace_access_memory(p->me, p->pid, errno, out);
}

/* ---- what there is to profile it by ------------------------------------ */

/* Texts on several files, none twice: the first ones, then how many more. */
struct list {
	char text[VERDICT_TEXT];
	size_t n;
};

__attribute__((format(printf, 2, 3))) static void
list_add(struct list *l, const char *format, ...)
{
	char item[VERDICT_TEXT];
	size_t used = strlen(l->text);
	va_list ap;

	va_start(ap, format);
	vsnprintf(item, sizeof item, format, ap);
	va_end(ap);
	if (strstr(l->text, item) == NULL && l->n++ < LISTED)
		snprintf(l->text + used, sizeof l->text - used, "%s%s", used ? "; " : "",
		    item);
}

static void
list_end(struct list *l)
{
	size_t used = strlen(l->text);

	if (l->n > LISTED)
		snprintf(l->text + used, sizeof l->text - used, "; and %zu more",
		    l->n - LISTED);
}

static uint64_t
code_size(const struct file *f)
{
	uint64_t size = 0;

	for (size_t i = 0; i < f->ncode; i++)
		size += f->code[i].len;
	return size;
}

/* What a file's tables cover, among those of its kind. */
static void
describe_unwind(const struct file *f, int subject, struct list *good,
    struct list *bad, struct list *poor)
{
	struct list *few = subject ? bad : poor;

	if (f->problem)
		list_add(few, "none of %s (%s)", f->name, f->problem);
	else if (subject || (f->unwind < 500 && code_size(f) > UNWIND_TINY))
		list_add(f->unwind < 500 ? few : good, "%u.%u %% of %s", f->unwind / 10,
		    f->unwind % 10, f->name);
}

void
check_process_unwind(struct check_process *p, struct verdict *out)
{
	struct list good = { "", 0 }, bad = { "", 0 }, poor = { "", 0 };

	if (need_maps(p, out) < 0)
		return;
	for (size_t i = 0; i < p->n; i++)
		describe_unwind(&p->file[i], is_subject(p, i), &good, &bad, &poor);
	list_end(&bad);
	list_end(&good);
	list_end(&poor);
	if (bad.n || p->n == 0)
		verdict_no(out, "build it with frame pointers (-C force-frame-pointers), or "
		    "do not strip .eh_frame", "they cover %s: stacks end there",
		    p->n ? bad.text : "nothing");
	else
		verdict_yes(out, "they cover %s%s%s", good.text,
		    poor.n ? "; but of other files " : "", poor.text);
}

/* What names are known of a file's code, in places out of PLACES. */
struct names {
	unsigned function, line, inlined;
	char apart[VERDICT_TEXT]; /* the file that has them, if it is another one */
};

static void
name_samples(const struct file *f, struct names *out)
{
	uint64_t code = code_size(f), at;
	struct dwarf_memory memory = { .most = MEMORY };
	struct symbol_options o = { .memory = &memory, .kallsyms = -1 };
	struct symbols *s = symbols_open(f->path, f->buildid, &f->user, 1, &o);
	const struct symbol_frame *frame;
	size_t n, j;

	memset(out, 0, sizeof *out);
	for (unsigned i = 0; s && code && i < SAMPLES; i++) {
		at = code / SAMPLES * i + code / SAMPLES / 2;
		for (j = 0; j + 1 < f->ncode && at >= f->code[j].len; j++)
			at -= f->code[j].len;
		n = symbols_lookup(s, f->code[j].offset + at, &frame);
		out->function += frame[0].named;
		out->line += frame[0].file != NULL;
		out->inlined += n > 1;
	}
	if (s && symbols_debug_path(s))
		snprintf(out->apart, sizeof out->apart, "%s", symbols_debug_path(s));
	symbols_close(s);
}

/* "functions 100 %, lines 97 %, inlined calls 61 % of server (.debug_info)",
 * or what is wrong. */
static int
describe_symbols(const struct file *f, struct list *good,
    struct list *bad)
{
	struct names names;

	name_samples(f, &names);
	if (f->problem)
		list_add(bad, "%s: %s", f->name, f->problem);
	else if (names.function * 2 < SAMPLES && !f->symtab && !f->debug_info &&
	    !names.apart[0])
		list_add(bad, "%s is stripped", f->name);
	else if (names.function * 2 < SAMPLES)
		list_add(bad, "only %u %% of %s has names of functions", names.function,
		    f->name);
	else if (names.line == 0)
		list_add(good, "functions %u %% of %s (%s), no lines", names.function,
		    f->name, f->symtab ? ".symtab" : names.apart[0] ? names.apart
		                                                   : ".dynsym");
	else
		list_add(good, "functions %u %%, lines %u %%, inlined calls %u %% of %s "
		    "(%s)", names.function, names.line, names.inlined, f->name,
		    names.apart[0] ? names.apart : ".debug_info");
	return f->rust;
}

void
check_process_symbols(struct check_process *p, struct verdict *out)
{
	struct list good = { "", 0 }, bad = { "", 0 };
	int rust = 0;

	if (need_maps(p, out) < 0)
		return;
	for (size_t i = 0; i < p->n; i++)
		if (is_subject(p, i))
			rust |= describe_symbols(&p->file[i], &good, &bad);
	list_end(&good);
	list_end(&bad);
	if (bad.n || p->n == 0)
		verdict_no(out, rust ? "build it with strip = \"none\" and debug = "
		    "\"line-tables-only\" in Cargo.toml's profile"
		    : "do not strip it, build it with -g", "%s",
		    p->n ? bad.text : "it has no file");
	else
		verdict_yes(out, "%s", good.text);
}

static int
has_rust(const struct check_process *p)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->file[i].rust)
			return 1;
	return 0;
}

/* As rsprof-heap(1) would probe it. */
void
check_process_allocator(struct check_process *p, struct verdict *out)
{
	const struct probe_plan_options o = { .all_callers = !has_rust(p) };
	struct list notes = { "", 0 };
	char why[VERDICT_TEXT];
	struct probe_plan *plan;

	if (need_maps(p, out) < 0)
		return;
	plan = probe_plan_of_process(p->pid, &o, why, sizeof why);
	if (plan == NULL) {
		verdict_no(out, NULL, "%s", why);
		return;
	}
	for (size_t i = 0; i < plan->nnote; i++)
		list_add(&notes, "%s", plan->note[i]);
	if (plan->nprobe == 0)
		list_add(&notes, "which of %zu functions allocate is found out by "
		    "tracing their calls", plan->nguess);
	list_end(&notes);
	verdict_yes(out, "%s", notes.text);
	probe_plan_free(plan);
}
