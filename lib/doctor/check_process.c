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
#include "elf/elf_file.h"
#include "heap/probe_plan.h"
#include "os/perf.h"
#include "os/proc.h"
#include "symbol/symbol.h"
#include "unwind/mapping.h"
#include "unwind/tables.h"
#include "unwind/unwind.h"

#define UNWIND_TINY 16384  /* code of a library too small to matter */
#define SAMPLES 100        /* addresses of a file that are named, to see how many can be */
#define MEMORY (256 << 20) /* bytes of debug information kept */
#define LISTED 3           /* files named in a text, at most */

/* A file that the process executes code from. */
struct file {
	char *path;
	const char *name; /* last component of path */
	uint64_t ino;
	uint32_t major, minor;
	struct symbol_user user;
	const char *problem; /* why it cannot be read, or NULL */
	const char *refusal; /* why it cannot be opened, or NULL; in memory there may be parts */
	int rust, exe;
	char buildid[ELF_FILE_BUILDID_MAX];
	unsigned unwind; /* per mille of its code with unwind rows */
	unsigned made;   /* of these, rows that were made from the code */
	int debug_info, symtab;
	struct elf_file_segment code[ELF_FILE_SEGMENTS];
	size_t ncode;
};

struct check_process {
	pid_t pid;
	const struct caps *me;
	int scanned;
	int error;         /* errno of reading the mappings, or 0 */
	struct file *file; /* files, the executable first if it is known */
	size_t n, room;
	size_t anonymous; /* executable mappings without a file */
	uint64_t exe;     /* inode of the executable, 0 if unknown */
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

/* ---- reading files ------------------------------------------------------ */

/* Find out which part of a file's code has unwind tables, or rows made from it. */
static void
read_code(struct file *f, const struct elf_file *elf, pid_t pid)
{
	struct unwind_table table;
	uint64_t all, known;

	memset(&table, 0, sizeof table);
	f->problem = tables_compile(&table, elf, pid, f->path, NULL);
	while (f->ncode < sizeof f->code / sizeof *f->code &&
	    elf_file_exec_segment(elf, f->ncode, &f->code[f->ncode]) == 0)
		f->ncode++;
	known = (uint64_t)table.listed + table.made;
	all = known + table.bare;
	f->unwind = all ? (unsigned)(known * 1000 / all) : 0;
	f->made = all ? (unsigned)((uint64_t)table.made * 1000 / all) : 0;
	unwind_free(&table);
}

static void
read_elf(struct file *f, const struct elf_file *elf, pid_t pid)
{
	elf_file_buildid(elf, f->buildid);
	f->rust = elf_file_is_rust(elf);
	f->debug_info = elf_file_has_debug(elf);
	f->symtab = elf_file_has_symtab(elf);
	read_code(f, elf, pid);
}

/* Read a file, or where it cannot be opened what the process has loaded of it, as
 * unwind/module does. */
static void
read_file(struct check_process *p, struct file *f, const struct proc_map *map)
{
	int fd = mapping_open(p->pid, map), error = errno;
	struct elf_file *elf = fd >= 0 ? elf_file_open(fd, &f->problem)
	                               : mapping_image(p->pid, map, &f->problem);

	if (fd < 0 && map->path[0] == '/')
		f->refusal = mapping_refusal(error);
	if (elf)
		read_elf(f, elf, p->pid);
	else if (fd < 0)
		f->problem = mapping_refusal(error);
	elf_file_close(elf);
	if (fd >= 0)
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

/* Add the file of a mapping, if it is new. */
static void
on_map(void *ctx, const struct proc_map *map)
{
	struct check_process *p = ctx;
	char path[MAPPING_PATH];
	struct file *f;

	if (map->path[0] == '[') /* the vDSO and the like, always there */
		return;
	mapping_path(path, map);
	if (path[0] != '/') {
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
	f->path = strdup(path);
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
	if (f->problem == NULL || !mapping_is_nameless(map))
		return;
	/* Not a program's file, but a compiler's memory. */
	free(f->path);
	p->n--;
	p->anonymous++;
}

/* Move the executable to the front. */
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

/* Read all files of the process, once.  Returns -1 if they cannot be read, with
 * the cause in p->error. */
static int
scan_process(struct check_process *p)
{
	char path[64];
	struct stat st;

	if (p->scanned)
		return p->error ? -1 : 0;
	p->scanned = 1;
	snprintf(path, sizeof path, "/proc/%d/exe", (int)proc_shown(p->pid));
	if (stat(path, &st) == 0)
		p->exe = st.st_ino;
	if (mapping_code(p->pid, on_map, p) < 0)
		p->error = errno;
	else if (p->nomem)
		p->error = ENOMEM;
	put_exe_first(p);
	return p->error ? -1 : 0;
}

/* Returns whether file i is one that decides: files made by rustc, or the
 * executable if there are none. */
static int
is_subject(const struct check_process *p, size_t i)
{
	for (size_t j = 0; j < p->n; j++)
		if (p->file[j].rust)
			return p->file[i].rust;
	return i == 0;
}

/* ---- access ------------------------------------------------------------- */

void
check_process_perf(struct check_process *p, struct verdict *out)
{
	struct perf_options o = { .event = perf_event_find("cpu-clock"), .hz = 1,
		.copy = 1024, .program = -1, .user_only = 1 };
	struct perf *own = perf_new(&o), *perf = perf_new(&o);
	int error;

	if (own == NULL || perf == NULL) {
		verdict_no(out, NULL, "%s", strerror(errno));
	} else if (perf_attach(perf, proc_shown(p->pid)) == 0) {
		verdict_yes(out, "one was opened for it");
	} else {
		error = errno;
		/* If we may not even profile ourselves, that is the cause. */
		if (perf_attach(own, getpid()) < 0)
			caps_perf(p->me, errno, 0, out);
		else
			ptrace_access_read(p->me, p->pid, CAPS_PERFMON, error,
			    out);
	}
	perf_free(own);
	perf_free(perf);
}

/* Read the files of the process.  Returns -1 with *out set. */
static int
need_maps(struct check_process *p, struct verdict *out)
{
	/* mm_access() decides on /proc/PID/maps: CAP_PERFMON is enough from
	 * Linux 6.15 on. */
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
	verdict_yes(out, "it executes code of %zu file%s%s", p->n, p->n == 1 ? "" : "s",
	    p->anonymous ? ", and from anonymous memory" : "");
}

void
check_process_memory(struct check_process *p, struct verdict *out)
{
	char byte;

	/* Access is checked before the address: any will do. */
	if (proc_read(p->pid, 4096, &byte, 1) == 0 || errno == EFAULT)
		verdict_yes(out, "it can be read");
	else
		ptrace_access_memory(p->me, p->pid, errno, out);
}

/* ---- contents ----------------------------------------------------------- */

/* A list of texts about files without duplicates: the first few, then how many
 * more there are. */
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

/* Add how much of a file's code has unwind rows to the list that it belongs in. */
static void
describe_unwind(const struct file *f, int subject, struct list *good,
    struct list *bad, struct list *poor)
{
	struct list *few = subject ? bad : poor;
	char made[64] = "";

	if (f->made)
		snprintf(made, sizeof made, " (%u.%u %% by rows made from the code)",
		    f->made / 10, f->made % 10);
	if (f->problem)
		list_add(few, "none of %s (%s)", f->name, f->problem);
	else if (subject || (f->unwind < 500 && code_size(f) > UNWIND_TINY))
		list_add(f->unwind < 500 ? few : good, "%u.%u %% of %s%s", f->unwind / 10,
		    f->unwind % 10, f->name, made);
}

/* Returns advice, unless the program is for another machine, as one of 32 bits is. */
static const char *
advice(const struct check_process *p, const char *text)
{
	static const char foreign[] = "not an ELF file for ";

	if (p->n && p->file[0].problem &&
	    strncmp(p->file[0].problem, foreign, sizeof foreign - 1) == 0)
		return "build it for 64 bits";
	return p->n && p->file[0].refusal ? NULL : text;
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
		verdict_no(out, advice(p, "build it with unwind tables (-C force-unwind-tables=yes; "
		    "C: -fasynchronous-unwind-tables) or frame pointers (-C "
		    "force-frame-pointers), and do not strip .eh_frame"), "they cover %s: stacks end there",
		    p->n ? bad.text : "nothing");
	else
		verdict_yes(out, "they cover %s%s%s", good.text,
		    poor.n ? "; of other files only " : "", poor.text);
}

/* How many of SAMPLES addresses in a file have a name, line, inlined calls. */
struct names {
	unsigned function, line, inlined;
	char apart[VERDICT_TEXT]; /* the file that has them, if another one */
};

/* Name addresses spread over a file's code, and count what is found. */
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

/* Add "functions 100 %, lines 97 %, inlined calls 61 % of server (.debug_info)",
 * or what is wrong with a file, to a list.  Returns whether the file was made by
 * rustc. */
static int
describe_symbols(const struct file *f, struct list *good,
    struct list *bad)
{
	struct names names;

	name_samples(f, &names);
	if (f->problem || f->refusal)
		list_add(bad, "%s: %s", f->name, f->problem ? f->problem : f->refusal);
	else if (names.function * 2 < SAMPLES && !f->symtab && !f->debug_info &&
	    !names.apart[0])
		list_add(bad, "%s is stripped", f->name);
	else if (names.function * 2 < SAMPLES)
		list_add(bad, "only %u %% of %s has function names", names.function,
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
		verdict_no(out, advice(p, rust ? "build it with strip = \"none\" and debug = "
		    "\"line-tables-only\" in Cargo.toml's profile"
		    : "build it with -g, and do not strip it"), "%s",
		    p->n ? bad.text : "it executes no file");
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

static int
has_unopened(const struct check_process *p)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->file[i].refusal)
			return 1;
	return 0;
}

/* Plan probes as rsprof-heap(1) does. */
void
check_process_allocator(struct check_process *p, struct verdict *out)
{
	const struct probe_plan_options o = { .all_callers = !has_rust(p) &&
		    !has_unopened(p) };
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
