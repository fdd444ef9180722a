/*
 * rsprof-top: a table of where the CPU time of a recording went: one
 * function, line, module or thread a row, with self and total time.
 */
#include <err.h>
#include <inttypes.h>
#include <locale.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "arg.h"
#include "db.h"
#include "name.h"
#include "profile.h"

#define ROWS 20       /* shown without -n */
#define COLUMNS 120   /* of a line where there is no terminal */
#define NAME_SIZE 8192
#define DATABASE 6    /* exit status */

struct report {
	const char *path;
	struct db *db;
	struct profile *profile;
	const struct profile_summary *sum;
	struct profile_row *row; /* sorted */
	size_t rows, shown;      /* that have time; that are printed */
};

struct format {
	const char *name;
	void (*print)(const struct report *r);
};

static enum profile_group group = PROFILE_FUNCTION;
static uint64_t max_rows = ROWS;
static uint64_t threshold; /* of total, in millionths of a percent */
static uint64_t since, until = UINT64_MAX;

static void
usage(void)
{
	fprintf(stderr, "usage: rsprof-top [-n N] [-t PCT] [-f text|json|csv]"
	    " [-g function|line|module|thread] [-s SINCE] [-u UNTIL]"
	    " cpu FILE\n");
	exit(2);
}

/* ---- figures ---------------------------------------------------------- */

static double
seconds(uint64_t ns)
{
	return (double)ns / 1e9;
}

static double
percent(uint64_t part, uint64_t whole)
{
	return whole ? 100.0 * (double)part / (double)whole : 0;
}

static uint64_t
meta_number(const struct report *r, const char *key)
{
	const char *s = db_meta(r->db, key);
	uint64_t n = 0;

	if (s)
		arg_number(s, 0, UINT64_MAX, &n);
	return n;
}

/* ---- text ------------------------------------------------------------- */

static size_t
columns(void)
{
	const char *s = getenv("COLUMNS");
	struct winsize w;
	uint64_t n;

	if (s && arg_number(s, 40, 10000, &n) == 0)
		return (size_t)n;
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_col)
		return w.ws_col;
	return COLUMNS;
}

static void
put_text(const char *s, size_t width)
{
	char buf[NAME_SIZE];

	name_text(buf, sizeof(buf), s, width);
	fputs(buf, stdout);
}

static void
put_process(const struct report *r)
{
	uint64_t pid = meta_number(r, "pid");
	const char *s = db_meta(r->db, "name");

	if (s == NULL && pid == 0)
		return;
	printf("%-10s", "Process");
	put_text(s ? s : "?", 40);
	if (pid)
		printf(" (pid %" PRIu64 ")", pid);
	if ((s = db_meta(r->db, "command"))) {
		fputs(": ", stdout);
		put_text(s, columns() - 20);
	}
	putchar('\n');
}

static void
put_start(const struct report *r)
{
	uint64_t start = meta_number(r, "start");
	time_t t = (time_t)((start + r->sum->first) / 1000000000);
	struct tm tm;
	char buf[64];

	if (start && localtime_r(&t, &tm) &&
	    strftime(buf, sizeof(buf), "%Y-%m-%d %H:%M:%S %z", &tm))
		printf("%s, ", buf);
}

static void
put_recorded(const struct report *r)
{
	const char *s;

	printf("%-10s", "Recorded");
	put_start(r);
	printf("%.3f s", seconds(r->sum->last - r->sum->first));
	if ((s = db_meta(r->db, "hz"))) {
		fputs(" at ", stdout);
		put_text(s, 10);
		fputs(" Hz", stdout);
	}
	if ((s = db_meta(r->db, "host"))) {
		fputs(" on ", stdout);
		put_text(s, 40);
	}
	puts(r->sum->live ? ", still going on" : "");
}

static void
put_cpu(const struct report *r)
{
	uint64_t duration = r->sum->last - r->sum->first;

	printf("%-10s%.3f s in %" PRIu64 " samples", "CPU",
	    seconds(r->sum->ns), r->sum->samples);
	if (duration)
		printf(", %.2f CPUs on average",
		    (double)r->sum->ns / (double)duration);
	putchar('\n');
}

static void
put_stacks(const struct report *r)
{
	const struct profile_count *cut;
	size_t n, i;

	if (r->sum->samples == 0)
		return;
	cut = profile_cuts(r->profile, &n);
	printf("%-10s%.2f %% complete", "Stacks",
	    percent(r->sum->complete, r->sum->samples));
	for (i = 0; i < n; i++) {
		fputs(i ? ", " : " (", stdout);
		put_text(cut[i].reason, 40);
		printf(" %.2f %%", percent(cut[i].count, r->sum->samples));
	}
	puts(n ? ")" : "");
}

static void
put_lost(const struct report *r)
{
	const struct profile_count *lost;
	size_t n, i;

	lost = profile_losses(r->profile, &n);
	printf("%-10s%s", "Lost", n ? "" : "nothing");
	for (i = 0; i < n; i++) {
		printf("%s%" PRIu64 " ", i ? ", " : "", lost[i].count);
		put_text(lost[i].producer ? lost[i].producer : "?", 40);
		putchar(' ');
		put_text(lost[i].reason ? lost[i].reason : "?", 40);
	}
	putchar('\n');
}

static void
put_cost(const struct report *r)
{
	uint64_t duration = r->sum->last - r->sum->first;

	printf("%-10s%.3f s CPU", "Profiler", seconds(r->sum->cost_ns));
	if (duration)
		printf(" (%.2f %% of one CPU)",
		    percent(r->sum->cost_ns, duration));
	printf(", %.1f MB\n", (double)r->sum->cost_max_rss / 1e6);
}

static void
put_notes(const struct report *r)
{
	const char *note;
	size_t i;

	for (i = 0; (note = profile_note(r->profile, i)); i++) {
		printf("%-10s", "Note");
		put_text(note, SIZE_MAX);
		putchar('\n');
	}
}

/* Where a row is in the source, else in which file. */
static void
place(char *buf, size_t size, const struct profile_row *row)
{
	if (row->file && row->line)
		snprintf(buf, size, "%s:%" PRIu64, row->file, row->line);
	else
		snprintf(buf, size, "%s", row->file ? row->file :
		    row->module ? row->module : "");
}

static size_t
place_columns(const struct profile_row *row)
{
	char buf[NAME_SIZE];

	place(buf, sizeof(buf), row);
	return name_columns(buf);
}

/* How wide the name may be, and what is after it: as wide as they are, else
 * the place gets two fifths, or what the names leave. */
static void
share(const struct report *r, size_t width, size_t *name, size_t *after)
{
	size_t need_name = 8, need_place = 8, i, n;

	for (i = 0; i < r->shown; i++) {
		if ((n = name_columns(r->row[i].name)) > need_name)
			need_name = n;
		if ((n = place_columns(&r->row[i])) > need_place)
			need_place = n;
	}
	*name = need_name;
	*after = need_place;
	if (need_name + need_place <= width)
		return;
	*after = width * 2 / 5;
	if (need_name < width - *after)
		*after = width - need_name;
	if (*after > need_place)
		*after = need_place;
	*name = width - *after;
}

static void
put_padded(const char *s, size_t used, size_t width)
{
	printf("%s%*s", s, (int)(width > used ? width - used : 0), "");
}

static void
put_figures(const struct report *r, const struct profile_row *row)
{
	printf("%6.2f  %7.2f  %9.3f  %9.3f  ",
	    percent(row->self, r->sum->ns), percent(row->total, r->sum->ns),
	    seconds(row->self), seconds(row->total));
}
#define FIGURES 39 /* columns of them */

static void
put_place(const struct profile_row *row, size_t name, size_t after)
{
	char buf[NAME_SIZE], whole[NAME_SIZE];
	size_t used = name_short(buf, sizeof(buf), row->name, name);

	place(whole, sizeof(whole), row);
	if (*whole == '\0') {
		puts(buf);
		return;
	}
	put_padded(buf, used, name + 2);
	name_path(buf, sizeof(buf), whole, after);
	puts(buf);
}

static void
put_places(const struct report *r)
{
	size_t width = columns(), name, after, i;

	width = width > FIGURES + 32 ? width - FIGURES - 2 : 30;
	share(r, width, &name, &after);
	put_padded("Function", 8, name + 2);
	puts("Location");
	for (i = 0; i < r->shown; i++) {
		put_figures(r, &r->row[i]);
		put_place(&r->row[i], name, after);
	}
}

static void
put_modules(const struct report *r)
{
	char buf[NAME_SIZE];
	size_t width = columns(), i;

	width = width > FIGURES + 30 ? width - FIGURES : 30;
	puts("Module");
	for (i = 0; i < r->shown; i++) {
		put_figures(r, &r->row[i]);
		name_path(buf, sizeof(buf), r->row[i].name, width);
		puts(buf);
	}
}

static void
put_threads(const struct report *r)
{
	size_t i;

	puts("    TID  Thread");
	for (i = 0; i < r->shown; i++) {
		put_figures(r, &r->row[i]);
		printf("%7" PRIu64 "  ", r->row[i].tid);
		put_text(r->row[i].name, 64);
		putchar('\n');
	}
}

static void
put_left_out(const struct report *r)
{
	uint64_t self = 0;
	size_t i;

	if (r->shown == r->rows)
		return;
	for (i = r->shown; i < r->rows; i++)
		self += r->row[i].self;
	printf("%6.2f  in %zu more row%s (-n 0 -t 0 shows all)\n",
	    percent(self, r->sum->ns), r->rows - r->shown,
	    r->rows - r->shown == 1 ? "" : "s");
}

static void
print_text(const struct report *r)
{
	put_process(r);
	put_recorded(r);
	put_cpu(r);
	put_stacks(r);
	put_lost(r);
	put_cost(r);
	put_notes(r);
	if (r->sum->samples == 0) {
		puts("\nThere are no samples in the recording or in this part "
		    "of it.");
		return;
	}
	printf("\n%6s  %7s  %9s  %9s  ", "Self %", "Total %", "Self s",
	    "Total s");
	if (group == PROFILE_THREAD)
		put_threads(r);
	else if (group == PROFILE_MODULE)
		put_modules(r);
	else
		put_places(r);
	put_left_out(r);
}

/* ---- JSON ------------------------------------------------------------- */

static void
json_string(const char *s)
{
	uint32_t c;
	size_t n;

	if (s == NULL) {
		fputs("null", stdout);
		return;
	}
	putchar('"');
	while (*s) {
		n = name_decode(s, &c);
		if (n == 0)
			fputs("\\ufffd", stdout);
		else if (c < ' ' || c == 0x7f)
			printf("\\u%04x", (unsigned)c);
		else
			printf("%s%.*s", c == '"' || c == '\\' ? "\\" : "",
			    (int)n, s);
		s += n ? n : 1;
	}
	putchar('"');
}

/* ,"key": ; the comma not before the first of an object. */
static void
json_key(const char *key)
{
	printf("%s\"%s\":", *key == '{' ? "{" : ",",
	    *key == '{' ? key + 1 : key);
}

static void
json_number(const char *key, uint64_t n)
{
	json_key(key);
	printf("%" PRIu64, n);
}

static void
json_text(const char *key, const char *s)
{
	json_key(key);
	json_string(s);
}

/* A number that the recording has as text, if it is one. */
static void
json_meta_number(const struct report *r, const char *key, const char *meta)
{
	const char *s = db_meta(r->db, meta);
	uint64_t n;

	json_key(key);
	if (s && arg_number(s, 0, UINT64_MAX, &n) == 0)
		printf("%" PRIu64, n);
	else
		fputs("null", stdout);
}

static void
json_process(const struct report *r)
{
	json_meta_number(r, "pid", "pid");
	json_text("name", db_meta(r->db, "name"));
	json_text("exe", db_meta(r->db, "exe"));
	json_text("command", db_meta(r->db, "command"));
	json_text("host", db_meta(r->db, "host"));
	json_text("kernel", db_meta(r->db, "kernel"));
	json_meta_number(r, "hz", "hz");
	json_meta_number(r, "start_ns", "start");
}

static void
json_counts(const char *key, const struct profile_count *c, size_t n,
    int producers)
{
	size_t i;

	json_key(key);
	putchar('[');
	for (i = 0; i < n; i++) {
		if (i)
			putchar(',');
		if (producers)
			json_text("{producer", c[i].producer);
		json_text(producers ? "reason" : "{reason", c[i].reason);
		json_number("count", c[i].count);
		putchar('}');
	}
	putchar(']');
}

static void
json_notes(const struct report *r)
{
	const char *note;
	size_t i;

	json_key("notes");
	putchar('[');
	for (i = 0; (note = profile_note(r->profile, i)); i++) {
		if (i)
			putchar(',');
		json_string(note);
	}
	putchar(']');
}

static void
json_summary(const struct report *r)
{
	const struct profile_count *c;
	size_t n;

	json_number("from_ns", r->sum->first);
	json_number("to_ns", r->sum->last);
	json_key("live");
	fputs(r->sum->live ? "true" : "false", stdout);
	json_number("samples", r->sum->samples);
	json_number("cpu_ns", r->sum->ns);
	json_number("complete_samples", r->sum->complete);
	c = profile_cuts(r->profile, &n);
	json_counts("incomplete", c, n, 0);
	c = profile_losses(r->profile, &n);
	json_counts("lost", c, n, 1);
	json_number("cost_ns", r->sum->cost_ns);
	json_number("cost_bytes", r->sum->cost_max_rss);
	json_notes(r);
}

static void
json_row(const struct profile_row *row)
{
	if (group == PROFILE_THREAD) {
		json_text("{thread", row->name);
		json_number("pid", row->pid);
		json_number("tid", row->tid);
	} else if (group == PROFILE_MODULE) {
		json_text("{module", row->name);
	} else {
		json_text("{function", row->name);
		json_text("file", row->file);
		json_key("line");
		if (row->line)
			printf("%" PRIu64, row->line);
		else
			fputs("null", stdout);
		json_text("module", row->module);
	}
	json_number("self_ns", row->self);
	json_number("total_ns", row->total);
	putchar('}');
}

static void
print_json(const struct report *r)
{
	size_t i;

	json_text("{metric", "cpu");
	json_text("group", profile_group_name(group));
	json_text("file", r->path);
	json_process(r);
	json_summary(r);
	json_number("rows_total", r->rows);
	json_key("rows");
	fputs("[", stdout);
	for (i = 0; i < r->shown; i++) {
		fputs(i ? ",\n" : "\n", stdout);
		json_row(&r->row[i]);
	}
	puts("]}");
}

/* ---- CSV (RFC 4180) --------------------------------------------------- */

static void
csv_text(const char *s)
{
	putchar(',');
	if (s == NULL)
		return;
	if (strpbrk(s, ",\"\r\n") == NULL) {
		fputs(s, stdout);
		return;
	}
	putchar('"');
	for (; *s; s++) {
		if (*s == '"')
			putchar('"');
		putchar(*s);
	}
	putchar('"');
}

static void
csv_row(const struct profile_row *row)
{
	printf("%" PRIu64 ",%" PRIu64, row->self, row->total);
	if (group == PROFILE_THREAD) {
		printf(",%" PRIu64 ",%" PRIu64, row->pid, row->tid);
		csv_text(row->name);
	} else if (group == PROFILE_MODULE) {
		csv_text(row->name);
	} else {
		csv_text(row->name);
		csv_text(row->file);
		if (row->line)
			printf(",%" PRIu64, row->line);
		else
			putchar(',');
		csv_text(row->module);
	}
	fputs("\r\n", stdout);
}

static void
print_csv(const struct report *r)
{
	static const char place_head[] = "function,file,line,module";
	static const char *const head[PROFILE_NGROUPS] = {
		[PROFILE_FUNCTION] = place_head,
		[PROFILE_LINE] = place_head,
		[PROFILE_MODULE] = "module",
		[PROFILE_THREAD] = "pid,tid,thread",
	};
	size_t i;

	printf("self_ns,total_ns,%s\r\n", head[group]);
	for (i = 0; i < r->shown; i++)
		csv_row(&r->row[i]);
}

/* ---- the report ------------------------------------------------------- */

static const struct format formats[] = {
	{ "text", print_text },
	{ "json", print_json },
	{ "csv", print_csv },
};
#define NFORMATS (sizeof(formats) / sizeof(formats[0]))

static int
compare_text(const char *a, const char *b)
{
	return strcmp(a ? a : "", b ? b : "");
}

/* The costliest first; the rest makes the order the same every time. */
static int
compare(const void *x, const void *y)
{
	const struct profile_row *a = x, *b = y;
	int c;

	if (a->self != b->self)
		return a->self > b->self ? -1 : 1;
	if (a->total != b->total)
		return a->total > b->total ? -1 : 1;
	if ((c = compare_text(a->name, b->name)) ||
	    (c = compare_text(a->file, b->file)))
		return c;
	if (a->line != b->line)
		return a->line < b->line ? -1 : 1;
	return a->id < b->id ? -1 : a->id > b->id;
}

/* The rows to show come first, in order; then those that -t hides. */
static void
choose(struct report *r)
{
	struct profile_row hidden;
	size_t i, to = 0;

	qsort(r->row, r->rows, sizeof(*r->row), compare);
	for (i = 0; i < r->rows; i++) {
		if (percent(r->row[i].total, r->sum->ns) * 1e6 <
		    (double)threshold)
			continue;
		hidden = r->row[to];
		r->row[to++] = r->row[i];
		r->row[i] = hidden;
	}
	r->shown = max_rows && to > max_rows ? (size_t)max_rows : to;
}

static int
read_report(struct report *r)
{
	const struct profile_row *row;

	r->profile = profile_open(r->db, group, since, until, 0);
	if (r->profile == NULL) {
		warnx("%s", db_error(r->db));
		return -1;
	}
	r->sum = profile_summary(r->profile);
	row = profile_rows(r->profile, &r->rows);
	if ((r->row = calloc(r->rows + 1, sizeof(*r->row))) == NULL)
		err(1, NULL);
	if (r->rows)
		memcpy(r->row, row, r->rows * sizeof(*row));
	choose(r);
	return 0;
}

static int
print_report(const char *path, const struct format *format)
{
	struct report r = { .path = path };
	const char *why;
	int failed;

	if ((r.db = db_open(path, DB_READ, &why)) == NULL)
		errx(DATABASE, "%s", why);
	if ((failed = read_report(&r) == -1) == 0)
		format->print(&r);
	free(r.row);
	profile_close(r.profile);
	db_close(r.db);
	return failed ? DATABASE : 0;
}

static void
close_stdout(void)
{
	if (ferror(stdout) || fclose(stdout) == EOF)
		err(1, "<stdout>");
}

/* ---- options ---------------------------------------------------------- */

static const struct format *
format_option(const char *s)
{
	size_t i;

	for (i = 0; i < NFORMATS; i++)
		if (strcmp(s, formats[i].name) == 0)
			return &formats[i];
	errx(2, "unknown format: %s (text, json or csv)", s);
}

static void
percent_option(const char *s)
{
	char *end;
	double n = strtod(s, &end);

	if (*s == '\0' || s[strspn(s, "0123456789.")] || *end ||
	    !(n >= 0 && n <= 100))
		errx(2, "bad percentage: %s (0 to 100)", s);
	threshold = (uint64_t)(n * 1e6 + 0.5);
}

static void
group_option(const char *s)
{
	if ((group = profile_group(s)) == PROFILE_NGROUPS)
		errx(2, "cannot group by %s (by function, line, module or "
		    "thread)", s);
}

static void
time_option(const char *s, uint64_t *ns)
{
	if (arg_duration(s, ns) == -1)
		errx(2, "bad time: %s (such as 90, 1.5, 30s or 1h30m)", s);
}

static const struct format *
options(int argc, char **argv)
{
	const struct format *format = formats;
	int c;

	while ((c = getopt(argc, argv, "+n:t:f:g:s:u:V")) != -1)
		switch (c) {
		case 'n':
			if (arg_number(optarg, 0, SIZE_MAX, &max_rows) == -1)
				errx(2, "bad number of rows: %s", optarg);
			break;
		case 't': percent_option(optarg); break;
		case 'f': format = format_option(optarg); break;
		case 'g': group_option(optarg); break;
		case 's': time_option(optarg, &since); break;
		case 'u': time_option(optarg, &until); break;
		case 'V':
			puts("rsprof-top " VERSION);
			close_stdout();
			exit(0);
		default:
			usage();
		}
	return format;
}

int
main(int argc, char **argv)
{
	const struct format *format;
	int status;

	setlocale(LC_CTYPE, "");
	format = options(argc, argv);
	if (argc - optind != 2)
		usage();
	if (strcmp(argv[optind], "cpu"))
		errx(2, "unknown metric: %s (cpu)", argv[optind]);
	if (until <= since)
		errx(2, "-u must be later than -s");
	status = print_report(argv[optind + 1], format);
	close_stdout();
	return status;
}
