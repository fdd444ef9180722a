/*
 * rsprof-sym names the addresses of a record stream: each stack record gets its
 * frame, and one more stack record is added for every call inlined there.
 *
 * In:  stack  9f86d081  77c3d2a9  5a1d0e6b5d2f3c11  1f3a2  -  0
 * Out: frame  6c1f0d1e9f0a7b25  server::parse_header  /src/parser.rs  142  user ...
 *      stack  9f86d081  77c3d2a9  5a1d0e6b5d2f3c11  1f3a2  6c1f0d1e9f0a7b25  0
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arg.h"
#include "base/hash.h"
#include "base/idmap.h"
#include "base/mapguard.h"
#include "cmd/status.h"
#include "elf/debuginfod.h"
#include "stream/filter.h"
#include "stream/rec.h"
#include "symbol/category.h"
#include "symbol/generic.h"
#include "symbol/symbol.h"
#include "unwind/cache.h"

#define MEMORY 256ULL /* MiB for debug information, without -M */
#define DIRS 16       /* most options -S */
#define PIDS 16       /* processes through which a module's file is sought */

struct module {
	uint64_t id;
	char *buildid, *path;
	struct symbol_user user[PIDS];
	size_t nuser;
	struct symbols *symbols; /* opened at the first look-up */
	int reported;            /* a note on missing names or lines was emitted */
};

/* The ids of the frames at an offset of a module, the innermost first. */
struct site {
	size_t n;
	uint64_t frame[];
};

struct namer {
	struct rec_out out;
	struct module *module;
	size_t nmodule;
	struct idmap module_of; /* ids to indexes */
	struct site **site;
	size_t nsite, site_room;
	struct idmap site_of; /* hashes of module and offset to indexes */
	struct idmap frames;  /* ids that were emitted */
	struct symbol_options o;
	struct dwarf_memory memory;
	const char *dir[DIRS];
	const char *program; /* -a: the file whose addresses are named */
	uint64_t time;       /* of the last record that has one */
};

static const char synopsis[] =
    "usage: rsprof-sym [-hHV] [-k FD] [-M MIB] [-S DIR] [FILE ...]\n"
    "       rsprof-sym [-H] [-M MIB] [-S DIR] -a FILE [ADDRESS ...]\n";

static void *
checked(void *p)
{
	if (p == NULL)
		err(STATUS_FAILED, NULL);
	return p;
}

static void
add_index(struct idmap *m, uint64_t id, size_t index)
{
	if (idmap_put(m, id, (uint32_t)index) < 0)
		err(STATUS_FAILED, NULL);
}

/* ---- modules ----------------------------------------------------------- */

static struct module *
find_module(struct namer *n, uint64_t id)
{
	uint32_t i = idmap_get(&n->module_of, id);

	return i == IDMAP_NONE ? NULL : &n->module[i];
}

static void
on_module(struct namer *n, const struct rec_module *r)
{
	struct module *m;

	if (find_module(n, r->id))
		return;
	n->module = checked(reallocarray(n->module, n->nmodule + 1, sizeof *m));
	add_index(&n->module_of, r->id, n->nmodule);
	m = &n->module[n->nmodule++];
	memset(m, 0, sizeof *m);
	m->id = r->id;
	m->buildid = r->buildid ? checked(strdup(r->buildid)) : NULL;
	m->path = checked(strdup(r->path ? r->path : "[unknown]"));
}

/* Remember a process that maps a module, in whose mount namespace its file is. */
static void
on_map(struct namer *n, const struct rec_map *r)
{
	struct module *m = find_module(n, r->module);

	if (m == NULL || m->nuser == PIDS)
		return;
	for (size_t i = 0; i < m->nuser; i++)
		if (m->user[i].pid == r->pid)
			return;
	m->user[m->nuser++] = (struct symbol_user){ r->pid, r->start, r->end };
	if (m->symbols)
		symbols_add_process(m->symbols, r->pid);
}

/* Warn about servers of debuginfod the first time that there is a problem. */
static void
warn_about_debuginfod(void)
{
	static int warned;

	if (!warned && debuginfod_problem()) {
		warned = 1;
		warnx("%s", debuginfod_problem());
	}
}

/* Emit a note if names or lines of a module are missing, which may show only in a look-up. */
static void
emit_problem(struct namer *n, struct module *m)
{
	struct rec r = { .type = REC_NOTE };
	const char *problem = symbols_problem(m->symbols);
	char text[4300];

	if (m->reported || problem == NULL)
		return;
	m->reported = 1;
	warn_about_debuginfod();
	snprintf(text, sizeof text, "%s: %s", m->path, problem);
	r.note.time = n->time;
	r.note.producer = "sym";
	r.note.text = text;
	rec_out_put(&n->out, &r);
}

/* ---- sites ------------------------------------------------------------- */

/* Returns a hash of a frame's content, which is its id in every stream. */
static uint64_t
frame_id(const struct rec_frame *f)
{
	const char *const text[] = { f->function, f->file, f->class, f->crate, f->version };
	uint64_t h = HASH_INIT;

	for (size_t i = 0; i < sizeof text / sizeof *text; i++)
		h = hash_str(h, text[i]);
	return hash_id(hash_u64(hash_u64(h, f->line), f->column));
}

/* Emit a frame if it is new.  Returns its id. */
static uint64_t
put_frame(struct namer *n, struct module *m, const struct symbol_frame *f)
{
	struct rec r = { .type = REC_FRAME };
	const struct category_frame of = { f->function, f->file, m ? m->path : NULL, f->line };
	char generic[DEMANGLE_MAX];
	struct category category;

	category_of(&of, m ? symbols_crates(m->symbols) : NULL, &category);
	r.frame.function = f->whole ? f->whole : f->function;
	r.frame.file = f->file;
	r.frame.line = f->line;
	r.frame.class = category.word;
	r.frame.column = f->column;
	r.frame.crate = category.crate;
	r.frame.version = category.version;
	r.frame.id = frame_id(&r.frame);
	if (idmap_get(&n->frames, r.frame.id) != IDMAP_NONE)
		return r.frame.id;
	add_index(&n->frames, r.frame.id, 0);
	if (f->named)
		generic_of(generic, sizeof generic, f->function);
	if (f->named && strcmp(generic, r.frame.function) != 0)
		r.frame.folded = generic;
	rec_out_put(&n->out, &r);
	return r.frame.id;
}

/* Look up an offset of a module. */
static struct site *
resolve(struct namer *n, struct module *m, uint64_t offset)
{
	const struct symbol_frame *frame;
	struct site *site;
	size_t count;

	if (m->symbols == NULL)
		m->symbols = checked(symbols_open(m->path, m->buildid, m->user, m->nuser,
		    &n->o));
	count = symbols_lookup(m->symbols, offset, &frame);
	emit_problem(n, m);
	site = checked(malloc(sizeof *site + count * sizeof *site->frame));
	site->n = count;
	for (size_t i = 0; i < count; i++)
		site->frame[i] = put_frame(n, m, &frame[i]);
	return site;
}

/* Returns a site for code outside of all modules. */
static struct site *
resolve_nowhere(struct namer *n)
{
	static const struct symbol_frame unknown = { .function = "[unknown]" };
	struct site *site = checked(malloc(sizeof *site + sizeof *site->frame));

	site->n = 1;
	site->frame[0] = put_frame(n, NULL, &unknown);
	return site;
}

/* Returns the site of an offset, looked up once. */
static const struct site *
find_site(struct namer *n, uint64_t module, uint64_t offset)
{
	struct module *m = find_module(n, module);
	uint64_t key = hash_u64(hash_u64(HASH_INIT, module), offset);
	uint32_t i = idmap_get(&n->site_of, key);

	if (i != IDMAP_NONE)
		return n->site[i];
	if (n->nsite == n->site_room) {
		n->site_room = n->site_room ? n->site_room * 2 : 1024;
		n->site = checked(reallocarray(n->site, n->site_room,
		    sizeof(struct site *)));
	}
	add_index(&n->site_of, key, n->nsite);
	n->site[n->nsite] = m ? resolve(n, m, offset) : resolve_nowhere(n);
	return n->site[n->nsite++];
}

/* ---- records ----------------------------------------------------------- */

/* Emit a node for each frame, outermost first.  The innermost one has the raw node's id, which
 * samples and callees refer to. */
static void
on_stack(struct namer *n, const struct rec *raw)
{
	const struct site *site = find_site(n, raw->stack.module, raw->stack.offset);
	struct rec r = { .type = REC_STACK, .stack = raw->stack };

	for (size_t i = site->n; i-- > 0;) {
		uint64_t h = hash_u64(hash_u64(HASH_INIT, raw->stack.id), i);

		r.stack.id = i ? hash_id(h) : raw->stack.id;
		r.stack.frame = site->frame[i];
		r.stack.inlined = i < site->n - 1;
		rec_out_put(&n->out, &r);
		r.stack.caller.id = r.stack.id;
		r.stack.caller.cut = NULL;
	}
}

/* Returns the time of a record, 0 if it has none. */
static uint64_t
time_of(const struct rec *r)
{
	switch (r->type) {
	case REC_PROC: return r->proc.time;
	case REC_THREAD: return r->thread.time;
	case REC_MAP: return r->map.time;
	case REC_CPU: return r->cpu.time;
	case REC_OFF: return r->off.time;
	case REC_HEAP: return r->heap.time;
	case REC_MEMORY: return r->memory.time;
	case REC_COST: return r->cost.time;
	default: return 0;
	}
}

static int
on_record(void *ctx, const struct rec *r)
{
	struct namer *n = ctx;
	uint64_t time = time_of(r);

	if (time)
		n->time = time;
	if (r->type == REC_MODULE)
		on_module(n, &r->module);
	else if (r->type == REC_MAP)
		on_map(n, &r->map);
	if (r->type == REC_STACK && r->stack.frame == 0)
		on_stack(n, r);
	else
		rec_out_pass(&n->out, r);
	return n->out.error;
}

/* Write the buffered records, so that the next stage need not wait for more. */
static int
flush(void *ctx)
{
	struct namer *n = ctx;

	return rec_out_flush(&n->out);
}

/* ---- the program ------------------------------------------------------- */

/* Close the output.  Returns STATUS_FAILED if something was not written, else `status`.  A reader
 * that closed the pipe early needs no message. */
static int
finish(struct namer *n, int status)
{
	if (n->out.error == 0 && close(STDOUT_FILENO) < 0)
		n->out.error = errno;
	if (n->out.error && n->out.error != EPIPE)
		warnx(CANNOT_WRITE ": %s", strerror(n->out.error));
	return n->out.error ? STATUS_FAILED : status;
}

static void
free_names(struct namer *n)
{
	for (size_t i = 0; i < n->nmodule; i++) {
		symbols_close(n->module[i].symbols);
		free(n->module[i].buildid);
		free(n->module[i].path);
	}
	for (size_t i = 0; i < n->nsite; i++)
		free(n->site[i]);
	cache_close(n->o.cache);
	free(n->module);
	free(n->site);
	idmap_clear(&n->module_of);
	idmap_clear(&n->site_of);
	idmap_clear(&n->frames);
}

/* ---- -a: addresses of a program, in the format of addr2line(1) --------- */

static void
print_frame(const struct symbol_frame *f)
{
	printf("%s\n%s:", !f->named ? "??" : f->whole ? f->whole : f->function, f->file ? f->file : "??");
	if (f->file == NULL && !f->named)
		puts("0");
	else if (f->line == 0)
		puts("?");
	else
		printf("%" PRIu64 "\n", f->line);
}

static int
name_address(struct symbols *s, const char *text)
{
	const struct symbol_frame *frame;
	char *end;
	unsigned long long addr;
	size_t n;

	errno = 0;
	addr = strtoull(text, &end, 16);
	if (errno || end == text || text[0] == '-' || (*end && *end != '\n')) {
		warnx("%.*s: not an address", (int)strcspn(text, "\n"), text);
		return 1;
	}
	n = symbols_at(s, addr, &frame);
	for (size_t i = 0; i < n; i++)
		print_frame(&frame[i]);
	return 0;
}

/* Name the addresses of the command line, or else of standard input, one a line and each answered
 * at once.  Returns the exit status. */
static int
name_addresses(struct namer *n, char *const text[])
{
	const char *why;
	struct symbols *s = symbols_of_file(n->program, &n->o, &why);
	char line[256];
	int status = 0;

	if (s == NULL)
		errx(STATUS_FAILED, "%s: %s", n->program, why);
	for (size_t i = 0; text[i]; i++)
		status |= name_address(s, text[i]);
	while (text[0] == NULL && fgets(line, sizeof line, stdin) && !ferror(stdout)) {
		status |= name_address(s, line);
		fflush(stdout);
	}
	if (symbols_problem(s))
		warnx("%s: %s", n->program, symbols_problem(s));
	warn_about_debuginfod();
	symbols_close(s);
	if (fclose(stdout) == EOF && errno != EPIPE)
		err(STATUS_FAILED, CANNOT_WRITE);
	return status;
}

/* ---- options ----------------------------------------------------------- */

static void
kallsyms_option(struct namer *n, const char *arg)
{
	uint64_t fd;

	if (arg_number(arg, 0, INT_MAX, &fd) < 0)
		errx(STATUS_USAGE, "-k %s: not a descriptor", arg);
	/* A descriptor that was not inherited is ignored: the file may be readable. */
	if (fcntl((int)fd, F_GETFD) >= 0)
		n->o.kallsyms = (int)fd;
}

static void
dir_option(struct namer *n, const char *arg)
{
	if (n->o.ndir == DIRS)
		errx(STATUS_USAGE, "-S %s: more than %d directories", arg, DIRS);
	if (access(arg, R_OK | X_OK) < 0)
		err(STATUS_USAGE, "-S %s", arg);
	n->dir[n->o.ndir++] = arg;
}

static void
memory_option(struct namer *n, const char *arg)
{
	uint64_t most;

	if (arg_memory(arg, 1 << 20, 1ULL << 40, &most) < 0)
		errx(STATUS_USAGE, "-M %s: not memory from 1M to 1T", arg);
	n->memory.most = most;
}

static void
parse_options(struct namer *n, int argc, char *argv[])
{
	int c;

	n->memory.most = MEMORY << 20;
	n->o = (struct symbol_options){ .memory = &n->memory, .kallsyms = -1,
		.dir = n->dir };
	while ((c = next_option(argc, argv, "a:Hk:M:S:hV", synopsis)) != -1)
		switch (c) {
		case 'a': n->program = optarg; break;
		case 'H': n->o.hashes = 1; break;
		case 'k': kallsyms_option(n, optarg); break;
		case 'M': memory_option(n, optarg); break;
		case 'S': dir_option(n, optarg); break;
		}
}

int
main(int argc, char *argv[])
{
	static struct namer n;
	const struct filter_sink sink = { .record = on_record, .report = report_input,
		.flush = flush, .ctx = &n };
	struct filter *f;
	int status;

	parse_options(&n, argc, argv);
	signal(SIGPIPE, SIG_IGN);
	mapguard_begin();
	if (n.program)
		return name_addresses(&n, argv + optind);
	f = checked(filter_new(&sink));
	n.o.cache = cache_open(CACHE_LIMIT);
	rec_out_init(&n.out, STDOUT_FILENO, REC_LINE_MAX);
	filter_run(f, argv + optind);
	status = filter_failed(f) ? STATUS_FAILED : STATUS_OK;
	filter_free(f);
	free_names(&n);
	return finish(&n, status);
}
