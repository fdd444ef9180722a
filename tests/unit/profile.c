/*
 * Self and total against sums made by hand, while a recording grows and when
 * it is damaged.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "profile/profile.h"
#include "profile/recording.h"
#include "record/db.h"
#include "record/store.h"
#include "stream/rec.h"
#include "tap.h"

#define END UINT64_MAX

static char dir[] = "/tmp/rsprof-profile.XXXXXX";
static char path[sizeof dir + 16];

/* ---- making recordings ------------------------------------------------- */

static int
take(void *ctx, const struct rec *r)
{
	return store_record(ctx, r);
}

static void
bad(void *ctx, unsigned long line, const char *why)
{
	(void)ctx;
	fprintf(stderr, "# fixture, line %lu: %s\n", line, why);
	abort();
}

static void
must(int good, const char *what)
{
	if (!good) {
		printf("Bail out! %s\n", what);
		exit(1);
	}
}

static void
write_records(const char *file, enum db_mode mode, const char *records)
{
	struct rec_sink sink = { take, bad, NULL };
	struct rec_reader *r;
	const char *why;
	struct db *db = db_open(file, mode, &why);

	must(db != NULL, db ? "" : why);
	must(db_exec(db, "BEGIN") == 0, db_error(db));
	sink.ctx = store_open(db);
	r = rec_reader_new(&sink);
	must(rec_push(r, records, strlen(records)) == 0, "push");
	must(rec_push_end(r) == 0, "end");
	must(store_flush(sink.ctx) == 0, "settle");
	store_close(sink.ctx);
	rec_reader_free(r);
	must(db_exec(db, "COMMIT") == 0, db_error(db));
	must(db_close(db) == 0, "close");
}

static void
change(const char *sql)
{
	const char *why;
	struct db *db = db_open(path, DB_APPEND, &why);

	must(db != NULL, db ? "" : why);
	must(db_exec(db, sql) == 0, db_error(db));
	must(db_close(db) == 0, "close");
}

static struct db *
reader(void)
{
	const char *why;
	struct db *db = db_open(path, DB_READ, &why);

	must(db != NULL, db ? "" : why);
	return db;
}

static struct profile *
open_profile(struct db *db, enum profile_group group, uint64_t since,
    uint64_t until, uint64_t window)
{
	struct recording *r = recording_open(db, RECORDING_TIME, since, until);
	struct profile *p = r ? profile_open(r, PROFILE_CPU, group, window) : NULL;

	must(p != NULL, db_error(db));
	return p;
}

static int
update(struct profile *p)
{
	return recording_update(profile_recording(p)) < 0 ? -1 : profile_update(p);
}

static void
close_profile(struct profile *p)
{
	struct recording *r = profile_recording(p);

	profile_close(p);
	recording_close(r);
}

/* ---- looking at them -------------------------------------------------- */

static const struct profile_row *
row(const struct profile *p, const char *name)
{
	const struct profile_row *r;
	size_t n, i;

	r = profile_rows(p, &n);
	for (i = 0; i < n; i++)
		if (strcmp(r[i].name, name) == 0)
			return &r[i];
	return NULL;
}

static size_t
rows(const struct profile *p)
{
	size_t n;

	profile_rows(p, &n);
	return n;
}

static void
is(const struct profile *p, const char *name, uint64_t self, uint64_t total)
{
	const struct profile_row *r = row(p, name);

	if (!ok(r && r->self == self && r->total == total,
	    "%s: self %llu, total %llu", name, (unsigned long long)self,
	    (unsigned long long)total) && r)
		printf("# got %llu and %llu\n", (unsigned long long)r->self,
		    (unsigned long long)r->total);
}

static void
is_now(const struct profile *p, const char *name, uint64_t self, uint64_t total)
{
	const struct profile_row *r = row(p, name);

	ok(r && r->now_self == self && r->now_total == total,
	    "%s now: self %llu, total %llu", name, (unsigned long long)self,
	    (unsigned long long)total);
}

static void
is_at(const struct profile *p, const char *name, const char *file,
    uint64_t line)
{
	const struct profile_row *r = row(p, name);

	ok(r && r->line == line && (file == NULL) == (r->file == NULL) &&
	    (file == NULL || strcmp(file, r->file) == 0), "%s at %s:%llu",
	    name, file ? file : "-", (unsigned long long)line);
}

static uint64_t
self_sum(const struct profile *p)
{
	const struct profile_row *r;
	uint64_t sum = 0;
	size_t n;

	for (r = profile_rows(p, &n); n--; r++)
		sum += r->self;
	return sum;
}

/* ---- the main fixture -------------------------------------------------- */

#define HEAD "rsprof\t1\tcpu\tmono=0\twall=1000\n"

/*
 * main:1 calls a:11, which calls b:21, which calls a:12; a:12 calls c in
 * another module, and so does main; one stack is cut, one is raw.
 *
 *	51 main:1
 *	52   a:11
 *	53     b:21
 *	54       a:12
 *	55         c:31 (libx)
 *	56   c:31 (libx)
 *	57 ?copy-end c:32 (the module of main)
 *	58 - libx+0x5800
 */
static const char fixture[] = HEAD
"proc\t0\t100\t1\tserver\t/srv/server\t./server\n"
"thread\t0\t100\t100\tserver\n"
"thread\t0\t100\t101\tworker\n"
"module\ta1\tbeef\t/srv/server\n"
"module\ta2\tcafe\t/lib/libx.so\n"
"frame\tf1\tmain\tmain.rs\t1\n"
"frame\tf2\ta\ta.rs\t11\n"
"frame\tf3\tb\tb.rs\t21\n"
"frame\tf4\ta\ta.rs\t12\n"
"frame\tf5\tc\tc.rs\t31\n"
"frame\tf6\tc\tc.rs\t32\n"
"stack\t51\t-\ta1\t5100\tf1\t0\n"
"stack\t52\t51\ta1\t5200\tf2\t0\n"
"stack\t53\t52\ta1\t5300\tf3\t1\n"
"stack\t54\t53\ta1\t5400\tf4\t0\n"
"stack\t55\t54\ta2\t5500\tf5\t0\n"
"stack\t56\t51\ta2\t5600\tf5\t0\n"
"stack\t57\t?copy-end\ta1\t5700\tf6\t0\n"
"stack\t58\t-\ta2\t5800\t-\t0\n"
"cpu\t1000\t100\t100\t51\t1\n"
"cpu\t2000\t100\t100\t52\t2\n"
"cpu\t3000\t100\t101\t53\t4\n"
"cpu\t4000\t100\t101\t54\t8\n"
"cpu\t5000\t100\t100\t55\t16\n"
"cpu\t6000\t100\t100\t56\t32\n"
"cpu\t7000\t100\t101\t57\t64\n"
"cpu\t8000\t100\t101\t58\t128\n"
"cpu\t9000\t100\t100\t?no-stack\t256\n"
"lost\t3000\tcpu\t7\tring-full\n"
"lost\t4000\tcpu\t2\tthrottled\n"
"lost\t5000\tcpu\t3\tring-full\n"
"note\t1\tcpu\tfirst\nnote\t2\tcpu\tsecond\nnote\t3\tcpu\tfirst\n"
"cost\t2000\tcpu\t100\t5000\n"
"cost\t4000\theap\t30\t7000\n"
"cost\t5000\tcpu\t150\t4000\n"
"cost\t6000\tcpu\t20\t4500\n"
"end\t10000\tcpu\tduration\n";

static void
test_functions(const struct profile *p)
{
	ok(rows(p) == 7, "seven functions: c is in two modules");
	is(p, "main", 1, 1 + 2 + 4 + 8 + 16 + 32);
	is(p, "a", 2 + 8, 2 + 4 + 8 + 16);
	is(p, "b", 4, 4 + 8 + 16);
	is(p, "libx.so+0x5800", 128, 128);
	is(p, "[no-stack]", 256, 256);
	is_at(p, "main", "main.rs", 1);
	is_at(p, "a", "a.rs", 12);
	is_at(p, "libx.so+0x5800", NULL, 0);
	ok(self_sum(p) == 511, "self times add up to the whole");
	ok(strcmp(row(p, "main")->module, "/srv/server") == 0, "its module");
	ok(row(p, "[no-stack]")->module == NULL, "no stack has no module");
}

static void
test_summary(const struct profile *p)
{
	const struct profile_summary *s = profile_summary(p);
	const struct profile_count *c;
	size_t n;

	ok(s->samples == 9 && s->ns == 511, "samples");
	ok(s->complete == 7, "complete stacks");
	ok(s->first == 0 && s->last == 10000, "from the start to the end");
	ok(s->lost == 12, "lost");
	ok(s->cost_ns == 150 + 20 + 30, "cost, of one that started again too");
	ok(s->cost_max_rss == 5000 + 7000, "memory of both producers");
	ok(!s->live, "not live");
	c = profile_losses(p, &n);
	ok(n == 2 && c[0].count == 10 && strcmp(c[0].reason, "ring-full") == 0
	    && strcmp(c[0].producer, "cpu") == 0 && c[1].count == 2,
	    "lost for two reasons");
	c = profile_cuts(p, &n);
	ok(n == 2 && c[0].count == 1 && strcmp(c[0].reason, "copy-end") == 0 &&
	    c[1].count == 1 && strcmp(c[1].reason, "no-stack") == 0,
	    "not complete for two reasons");
	ok(strcmp(profile_note(p, 0), "first") == 0 &&
	    strcmp(profile_note(p, 1), "second") == 0 &&
	    profile_note(p, 2) == NULL, "each note once");
}

static void
test_groups(struct profile *p)
{
	unsigned id = row(p, "b")->id;

	profile_regroup(p, PROFILE_LINE);
	ok(rows(p) == 8, "eight lines");
	ok(self_sum(p) == 511, "lines add up");
	is(p, "main", 1, 63);
	is_at(p, "b", "b.rs", 21);

	profile_regroup(p, PROFILE_MODULE);
	ok(rows(p) == 3 && self_sum(p) == 511, "modules add up");
	is(p, "/srv/server", 1 + 2 + 4 + 8 + 64, 63 + 64);
	is(p, "/lib/libx.so", 16 + 32 + 128, 16 + 32 + 128);
	is(p, "[no-stack]", 256, 256);

	profile_regroup(p, PROFILE_THREAD);
	ok(rows(p) == 2 && self_sum(p) == 511, "threads add up");
	is(p, "server", 1 + 2 + 16 + 32 + 256, 307);
	is(p, "worker", 4 + 8 + 64 + 128, 204);
	ok(row(p, "worker")->tid == 101 && row(p, "worker")->pid == 100,
	    "tid and pid");

	profile_regroup(p, PROFILE_FUNCTION);
	ok(row(p, "b")->id == id, "the id stays the same");
}

static void
test_series(struct profile *p)
{
	uint64_t b[4];

	ok(profile_series(p, row(p, "a")->id, 't', PROFILE_CPU, 2000, 2000,
	    b, 3) == 0 &&
	    b[0] == 2 + 4 && b[1] == 8 + 16 && b[2] == 0, "total of a");
	ok(profile_series(p, row(p, "a")->id, 's', PROFILE_CPU, 0, 3000,
	    b, 2) == 0 &&
	    b[0] == 2 && b[1] == 8, "self of a");
	profile_regroup(p, PROFILE_THREAD);
	ok(profile_series(p, row(p, "worker")->id, 't', PROFILE_CPU, 0, 5000,
	    b, 3) == 0 &&
	    b[0] == 12 && b[1] == 192 && b[2] == 0, "a thread");
	profile_regroup(p, PROFILE_FUNCTION);
	ok(profile_series(p, 0, 't', PROFILE_WALL, 0, 0, b, 2) == 0 && b[0] == 0,
	    "no width, no time");
}

/* The same recording, without reading it again. */
static void
test_select(struct profile *p)
{
	static const struct profile_select all = { 0, END, PROFILE_ALL };
	struct profile_select some = { 3000, 6000, PROFILE_ALL };
	uint64_t b[2];

	ok(profile_select(p, &some) == 0 && rows(p) == 4 && self_sum(p) == 28,
	    "selected: from 3000 until before 6000");
	is(p, "main", 0, 28);
	is(p, "a", 8, 28);
	ok(profile_summary(p)->ns == 28 && profile_summary(p)->samples == 3 &&
	    profile_summary(p)->complete == 3, "its whole is that");
	ok(profile_summary(p)->last == 10000, "the recording is as long as before");
	profile_regroup(p, PROFILE_THREAD);
	some.thread = row(p, "worker")->id;
	ok(profile_select(p, &some) == 0 && rows(p) == 1 && self_sum(p) == 12,
	    "of one thread");
	profile_regroup(p, PROFILE_FUNCTION);
	is(p, "main", 0, 12);
	ok(profile_series(p, row(p, "a")->id, 't', PROFILE_CPU, 0, 10000, b, 1) == 0 &&
	    b[0] == 12, "and its series");
	ok(profile_select(p, &all) == 0 && rows(p) == 7 && self_sum(p) == 511,
	    "all of it again");
	ok(profile_summary(p)->samples == 9 && profile_summary(p)->complete == 7,
	    "as before");
}

/* main calls Vec::push, which calls alloc, which calls the program's own drop; a
 * thread begins in std. */
static const char noisy[] = HEAD
    "proc\t0\t100\t1\tserver\t/srv/server\t./server\n"
    "thread\t0\t100\t100\tserver\n"
    "module\ta1\tbeef\t/srv/server\n"
    "frame\tf1\tmain\tmain.rs\t1\tuser\n"
    "frame\tf2\tVec::push\tvec.rs\t2\tstd\n"
    "frame\tf3\talloc\talloc.rs\t3\talloc\n"
    "frame\tf4\tdrop\tmain.rs\t4\tuser\n"
    "stack\t51\t-\ta1\t5100\tf2\t0\n"
    "stack\t52\t51\ta1\t5200\tf1\t0\n"
    "stack\t53\t52\ta1\t5300\tf2\t0\n"
    "stack\t54\t53\ta1\t5400\tf3\t0\n"
    "stack\t55\t54\ta1\t5500\tf4\t0\n"
    "cpu\t1000\t100\t100\t51\t1\n"
    "cpu\t2000\t100\t100\t52\t2\n"
    "cpu\t3000\t100\t100\t53\t4\n"
    "cpu\t4000\t100\t100\t54\t8\n"
    "cpu\t5000\t100\t100\t55\t16\n"
    "end\t6000\tcpu\tduration\n";

static void
test_collapse(void)
{
	struct profile *p;
	struct db *db;
	uint64_t b[1];

	unlink(path);
	write_records(path, DB_CREATE, noisy);
	db = reader();
	p = open_profile(db, PROFILE_FUNCTION, 0, END, 0);
	is(p, "Vec::push", 1 + 4, 31);
	ok(profile_collapse(p, 1) == 0 && self_sum(p) == 31, "collapsed: the whole is the same");
	is(p, "main", 2 + 4 + 8, 30);
	is(p, "drop", 16, 16);
	is(p, "[runtime]", 1, 1);
	ok(row(p, "[runtime]")->special && !row(p, "main")->special, "which is no code");
	ok(row(p, "Vec::push") == NULL && row(p, "alloc") == NULL,
	    "what is collapsed is no row, nor what is above");
	ok(strcmp(row(p, "main")->callee, "Vec::push") == 0 && row(p, "main")->callee_ns == 12,
	    "what main called most");
	ok(row(p, "drop")->callee == NULL, "drop called nothing");
	ok(profile_series(p, row(p, "main")->id, 's', PROFILE_CPU, 0, 6000, b, 1) == 0 &&
	    b[0] == 14, "nor in a series");
	ok(profile_collapse(p, 0) == 0, "expanded");
	is(p, "alloc", 8, 24);
	is(p, "main", 2, 30);
	close_profile(p);
	db_close(db);
	unlink(path);
}

/* The C main that rustc makes has no crate, but is above the program's. */
static const char started[] = HEAD
    "proc\t0\t100\t1\tserver\t/srv/server\t./server\n"
    "module\ta1\tbeef\t/srv/server\n"
    "frame\tf1\tmain\t-\t-\tuser\n"
    "frame\tf2\tstd::rt::lang_start::<()>\trt.rs\t2\tstd\n"
    "frame\tf3\tserver::main\tmain.rs\t3\tuser\n"
    "frame\tf4\tmemcpy\t-\t-\tlibc\n"
    "stack\t51\t-\ta1\t5100\tf1\t0\n"
    "stack\t52\t51\ta1\t5200\tf2\t0\n"
    "stack\t53\t52\ta1\t5300\tf3\t0\n"
    "stack\t54\t53\ta1\t5400\tf4\t0\n"
    "cpu\t1000\t100\t100\t51\t1\n"
    "cpu\t2000\t100\t100\t53\t2\n"
    "cpu\t3000\t100\t100\t54\t4\n"
    "cpu\t4000\t100\t100\t?probes\t8\n"
    "end\t6000\tcpu\tduration\n";

static void
test_outside(void)
{
	struct profile *p;
	struct db *db;

	write_records(path, DB_CREATE, started);
	db = reader();
	p = open_profile(db, PROFILE_FUNCTION, 0, END, 0);
	ok(profile_collapse(p, 1) == 0 && rows(p) == 3, "three rows");
	is(p, "server::main", 6, 6);
	is(p, "[runtime]", 1, 1);
	is(p, "[probes]", 8, 8);
	ok(profile_summary(p)->ns == 15 && self_sum(p) == 15, "probes are part of the whole");
	ok(profile_regroup(p, PROFILE_THREAD) == 0 && self_sum(p) == 15, "by thread, too");
	is(p, "[probes]", 8, 8);
	close_profile(p);
	db_close(db);
	unlink(path);
}

/* Nothing is known to be the program's own. */
static const char foreign[] = HEAD
    "proc\t0\t100\t1\tx\t/bin/x\tx\n"
    "module\ta1\tbeef\t/bin/x\n"
    "frame\tf1\tsleep\t-\t-\tlibc\n"
    "stack\t51\t-\ta1\t5100\tf1\t0\n"
    "stack\t52\t51\ta1\t5200\t-\t0\n"
    "cpu\t1000\t100\t100\t51\t1\n"
    "cpu\t2000\t100\t100\t52\t2\n"
    "end\t6000\tcpu\tduration\n";

static void
test_nothing_own(void)
{
	struct profile *p;
	struct db *db;

	write_records(path, DB_CREATE, foreign);
	db = reader();
	p = open_profile(db, PROFILE_FUNCTION, 0, END, 0);
	ok(profile_collapse(p, 1) == 0 && !recording_has_own(profile_recording(p)),
	    "no code of the program's own");
	is(p, "sleep", 1, 3);
	is(p, "x+0x5200", 2, 2);
	close_profile(p);
	db_close(db);
	unlink(path);
}

static void
test_range(struct db *db)
{
	struct profile *p = open_profile(db, PROFILE_FUNCTION, 3000, 6000,
	    2000);

	ok(rows(p) == 4 && self_sum(p) == 28, "from 3000 until before 6000");
	is(p, "main", 0, 28);
	is(p, "a", 8, 28);
	ok(row(p, "[no-stack]") == NULL, "what has no time is no row");
	ok(profile_summary(p)->first == 3000 &&
	    profile_summary(p)->last == 6000, "the range is that");
	ok(profile_summary(p)->cost_ns == 30 + 50, "cost within it");
	ok(profile_summary(p)->lost == 12 && !profile_note(p, 0),
	    "losses and notes within it");
	ok(profile_summary(p)->now_ns == 16, "the last 2000 of it");
	is_now(p, "b", 0, 16);
	close_profile(p);

	p = open_profile(db, PROFILE_FUNCTION, 20000, END, 10);
	ok(rows(p) == 0 && profile_summary(p)->samples == 0 &&
	    profile_summary(p)->first <= profile_summary(p)->last,
	    "nothing after the end");
	close_profile(p);
}

/* ---- on and off the CPU ------------------------------------------------ */

#define MS(n) #n "000000\t" /* milliseconds */

/*
 * Thread 100 is there for 3 s: serve (51) waits in recv (52), and for a CPU;
 * thread 101 comes at 1 s and goes at 2.5 s: work (53) waits in lock (54), and
 * for less than has a stack.  The state of one record is not known.
 */
static const char waits[] = "rsprof\t1\tcpu\tmono=0\twall=1000\thz=99\toff=7\n"
"proc\t0\t100\t1\tserver\t/srv/server\t./server\n"
"thread\t0\t100\t100\tserver\n"
"module\ta1\tbeef\t/srv/server\n"
"frame\tf1\tserve\ta.rs\t1\nframe\tf2\trecv\ta.rs\t2\n"
"frame\tf3\twork\ta.rs\t3\nframe\tf4\tlock\ta.rs\t4\n"
"stack\t51\t-\ta1\t1\tf1\t0\nstack\t52\t51\ta1\t2\tf2\t0\n"
"stack\t53\t?depth\ta1\t3\tf3\t0\nstack\t54\t53\ta1\t4\tf4\t0\n"
"cpu\t" MS(400) "100\t100\t51\t" MS(300) "\n"
"off\t" MS(1000) "100\t100\t52\t" MS(600) "2\tsleeping\n"
"off\t" MS(1000) "100\t100\t51\t" MS(100) "2\tready\n"
"thread\t" MS(1000) "100\t101\tworker\n"
"cpu\t" MS(1500) "100\t101\t53\t" MS(500) "\n"
"off\t" MS(2000) "100\t100\t52\t" MS(1000) "0\tsleeping\n"
"off\t" MS(2000) "100\t101\t54\t" MS(300) "1\tdisk\n"
"off\t" MS(2000) "100\t101\t?short\t" MS(100) "900\tsleeping\n"
"exit\t" MS(2500) "100\t101\n"
"off\t" MS(3000) "100\t101\t54\t" MS(600) "3\tpuzzled\n"
"off\t" MS(3000) "100\t100\t52\t" MS(200) "1\tsleeping\n"
"off\t" MS(3000) "100\t100\t51\t" MS(800) "1\tstopped\n"
"end\t" MS(3000) "cpu\tduration\n";

#define MILLION UINT64_C(1000000)

static void
is_in(const struct profile *p, const char *name, uint64_t on, uint64_t ready,
    uint64_t sleeping, uint64_t disk, uint64_t stopped)
{
	const uint64_t want[] = { on, ready, sleeping, disk, stopped };
	const struct profile_row *r = row(p, name);
	uint64_t sum = 0;
	int i, good = r != NULL;

	for (i = 0; r && i < PROFILE_NSTATES; i++) {
		good &= r->in[i] == want[i] * MILLION;
		sum += r->in[i];
	}
	ok(good && sum == r->total, "%s by state, and that adds up", name);
}

static void
test_off_functions(struct profile *p)
{
	profile_measure(p, PROFILE_OFF);
	ok(profile_summary(p)->ns == 3700 * MILLION &&
	    self_sum(p) == 3700 * MILLION, "off the CPU, by function too");
	is(p, "serve", 900 * MILLION, 2700 * MILLION);
	is_in(p, "serve", 0, 100, 1800, 0, 800);
	is(p, "recv", 1800 * MILLION, 1800 * MILLION);
	is_in(p, "lock", 0, 0, 600, 300, 0);
	is(p, "[short]", 100 * MILLION, 100 * MILLION);
	ok(row(p, "serve")->waits == 4 && row(p, "lock")->waits == 4,
	    "waits for a CPU are not counted");
	ok(profile_summary(p)->waits == 908, "all the others are");
	ok(profile_summary(p)->complete_ns == 2700 * MILLION &&
	    profile_summary(p)->short_ns == 100 * MILLION, "complete stacks");

	profile_measure(p, PROFILE_WALL);
	ok(self_sum(p) == 4500 * MILLION, "wall is on and off");
	is(p, "serve", 1200 * MILLION, 3000 * MILLION);
	is_in(p, "serve", 300, 100, 1800, 0, 800);
	is_in(p, "work", 500, 0, 600, 300, 0);
	is_now(p, "serve", 800 * MILLION, 1000 * MILLION);
	ok(profile_summary(p)->now_on == 0, "nothing of it on the CPU now");

	profile_measure(p, PROFILE_CPU);
	ok(self_sum(p) == 800 * MILLION && row(p, "recv") == NULL,
	    "and on the CPU");
	is_in(p, "serve", 300, 0, 0, 0, 0);
}

static void
test_off_threads(struct profile *p)
{
	const struct profile_row *r;

	profile_regroup(p, PROFILE_THREAD);
	profile_measure(p, PROFILE_WALL);
	is_in(p, "server", 300, 100, 1800, 0, 800);
	r = row(p, "server");
	ok(r->total == r->present && r->present == 3000 * MILLION,
	    "all of the thread's time");
	is_in(p, "worker", 500, 0, 700, 300, 0);
	r = row(p, "worker");
	ok(r->total == r->present && r->present == 1500 * MILLION,
	    "also of one that comes and goes");
	profile_regroup(p, PROFILE_FUNCTION);
}

static void
test_off_series(struct profile *p)
{
	unsigned serve = row(p, "serve")->id;
	uint64_t b[6], on[6];
	int i, good = 1;

	profile_series(p, serve, 't', PROFILE_OFF, 0, 500 * MILLION, b, 6);
	ok(b[0] == 350 * MILLION && b[1] == 350 * MILLION &&
	    b[2] == 500 * MILLION && b[5] == 500 * MILLION,
	    "what is told at an interval's end was during it");
	profile_series(p, serve, 't', PROFILE_CPU, 0, 500 * MILLION, on, 6);
	ok(on[0] == 300 * MILLION && on[1] == 0, "a sample is where it is");
	profile_series(p, serve, 's', PROFILE_OFF, 0, 500 * MILLION, b, 6);
	ok(b[0] == 50 * MILLION && b[2] == 0 && b[4] == 400 * MILLION,
	    "its own");
	profile_series(p, serve, 't', PROFILE_WALL, 250 * MILLION,
	    1000 * MILLION, b, 3);
	for (i = 0; i < 2; i++)
		good &= b[i] / MILLION >= (i ? 998 : 1073) &&
		    b[i] <= (i ? 1000 : 1075) * MILLION;
	ok(good && b[2] <= 750 * MILLION && b[2] >= 748 * MILLION,
	    "both, in buckets that are not of the intervals");
	profile_regroup(p, PROFILE_THREAD);
	profile_series(p, row(p, "worker")->id, 't', PROFILE_OFF, 0,
	    1000 * MILLION, b, 4);
	ok(b[0] == 0 && b[1] == 400 * MILLION && b[2] == 600 * MILLION &&
	    b[3] == 0, "a thread");
	profile_regroup(p, PROFILE_FUNCTION);
}

static void
test_off(void)
{
	struct profile *p;
	struct db *db;

	ok(profile_metric("wall") == PROFILE_WALL &&
	    profile_metric("heap") == PROFILE_NMETRICS, "names of metrics");
	write_records(path, DB_REPLACE, waits);
	db = reader();
	p = open_profile(db, PROFILE_FUNCTION, 0, END, 1000 * MILLION);
	ok(profile_summary(p)->off && profile_summary(p)->off_least == 7,
	    "waits of 7 ns have a stack");
	test_off_functions(p);
	test_off_series(p);
	test_off_threads(p);
	close_profile(p);
	db_close(db);

	write_records(path, DB_REPLACE, fixture);
	change("DROP VIEW off_waits; DROP TABLE off; PRAGMA user_version = 1");
	db = reader();
	ok(db_schema(db) == 1, "a recording of the first schema");
	p = open_profile(db, PROFILE_FUNCTION, 0, END, 1000);
	ok(self_sum(p) == 511 && !profile_summary(p)->off, "can be read");
	write_records(path, DB_APPEND, HEAD "off\t1\t100\t100\t51\t5\t1\tdisk\n");
	ok(update(p) == 0 && db_schema(db) == DB_SCHEMA &&
	    profile_summary(p)->off, "and continued, also while it is read");
	profile_measure(p, PROFILE_WALL);
	is(p, "main", 1 + 5, 63 + 5);
	close_profile(p);
	db_close(db);
}

/* ---- producers -------------------------------------------------------- */

/* What a recording of these records says of its producers. */
static struct profile_summary
summary_of(const char *records, const char *more)
{
	struct profile_summary s;
	struct profile *p;
	struct db *db;

	write_records(path, DB_REPLACE, records);
	if (more)
		write_records(path, DB_APPEND, more);
	db = reader();
	p = open_profile(db, PROFILE_FUNCTION, 0, END, 1000);
	s = *profile_summary(p);
	close_profile(p);
	db_close(db);
	return s;
}

#define S(n) #n "000000000\t" /* seconds */

static void
test_producers(void)
{
	struct profile_summary s;

	s = summary_of(HEAD HEAD "cost\t" S(1) "cpu\t100\t50\n"
	    "cost\t" S(1) "cpu\t30\t7\ncost\t" S(2) "cpu\t104\t50\n"
	    "cost\t" S(2) "cpu\t32\t7\ncost\t" S(3) "cpu\t110\t50\n"
	    "end\t" S(3) "cpu\tstopped\ncost\t" S(3) "cpu\t34\t8\n"
	    "cost\t" S(4) "cpu\t36\t8\nend\t" S(4) "cpu\tstopped\n", NULL);
	ok(s.cost_ns == 110 + 36, "two producers of a kind: %llu",
	    (unsigned long long)s.cost_ns);
	ok(s.cost_max_rss == 58, "their memory: %llu",
	    (unsigned long long)s.cost_max_rss);
	ok(s.recorded == 4000000000, "their time");

	s = summary_of(HEAD "cost\t" S(1) "cpu\t100\t50\n"
	    "end\t" S(2) "cpu\tstopped\n",
	    "rsprof\t1\tcpu\tmono=0\twall=2000001000\n"
	    "cost\t" S(1) "cpu\t130\t60\nend\t" S(1) "cpu\tstopped\n");
	ok(s.cost_ns == 230, "one after the other: %llu",
	    (unsigned long long)s.cost_ns);
	ok(s.cost_max_rss == 60, "not at once");
	ok(s.recorded == 3000000000 && s.last == s.recorded, "without a gap");

	s = summary_of(HEAD "cost\t" S(1) "cpu\t100\t50\n"
	    "cost\t" S(2) "cpu\t110\t50\n",
	    "rsprof\t1\tcpu\tmono=0\twall=60000001000\n"
	    "cost\t" S(1) "cpu\t130\t60\nend\t" S(1) "cpu\tstopped\n");
	ok(s.cost_ns == 240 && s.cost_max_rss == 60,
	    "one that was cut off, and one after it");
	ok(s.recorded == 3000000000 && s.last == 61000000000,
	    "what is between them is not recorded");

	s = summary_of(HEAD "cpu\t" S(7) "1\t1\t?depth\t5\n", NULL);
	ok(s.recorded == 7000000000, "one that says nothing of itself");
}

/* ---- growing ---------------------------------------------------------- */

/* A process that has the recording open and writes what it is sent: strings,
 * their NUL included; it answers each with a byte. */
struct writer {
	pid_t pid;
	int to, from;
};

static void
writer_main(int in, int out)
{
	static char buf[65536];
	struct rec_sink sink = { take, bad, NULL };
	struct rec_reader *r;
	const char *why;
	size_t used = 0;
	struct db *db = db_open(path, DB_CREATE, &why);

	must(db != NULL, db ? "" : why);
	sink.ctx = store_open(db);
	r = rec_reader_new(&sink);
	while (read(in, buf + used, 1) == 1) {
		if (buf[used++])
			continue;
		must(db_exec(db, "BEGIN") == 0, db_error(db));
		must(rec_push(r, buf, used - 1) == 0, "push");
		must(db_exec(db, "COMMIT") == 0, db_error(db));
		must(write(out, "", 1) == 1, "answer");
		used = 0;
	}
	store_close(sink.ctx);
	rec_reader_free(r);
	_exit(db_close(db) < 0);
}

static struct writer
start_writer(void)
{
	struct writer w;
	int in[2], out[2];

	must(pipe(in) == 0 && pipe(out) == 0, "pipe");
	fflush(stdout);
	if ((w.pid = fork()) == 0) {
		close(in[1]);
		close(out[0]);
		writer_main(in[0], out[1]);
	}
	close(in[0]);
	close(out[1]);
	w.to = in[1];
	w.from = out[0];
	return w;
}

static void
tell(const struct writer *w, const char *records)
{
	size_t len = strlen(records) + 1;
	char c;

	must(write(w->to, records, len) == (ssize_t)len, "write");
	must(read(w->from, &c, 1) == 1, "the writer is gone");
}

static int
stop_writer(const struct writer *w)
{
	int status;

	close(w->to);
	close(w->from);
	waitpid(w->pid, &status, 0);
	return status;
}

/* Leave a recording of one sample as a killed writer does. */
static void
kill_writer(void)
{
	struct writer w = start_writer();

	tell(&w, HEAD "cpu\t1000\t100\t100\t?depth\t1\n");
	kill(w.pid, SIGKILL);
	stop_writer(&w);
}

static int
exists(const char *suffix)
{
	char name[sizeof path + 8];

	snprintf(name, sizeof name, "%s%s", path, suffix);
	return access(name, F_OK) == 0;
}

static void
test_growth(void)
{
	struct writer w;
	struct profile *p;
	struct db *db;
	unsigned id;

	unlink(path);
	w = start_writer();
	tell(&w, HEAD
	    "proc\t0\t100\t1\tserver\t/srv/server\t./server\n"
	    "thread\t0\t100\t100\tserver\n"
	    "module\ta1\tbeef\t/srv/server\n"
	    "frame\tf1\tmain\tmain.rs\t1\n"
	    "stack\t1\t-\ta1\t1\tf1\t0\n"
	    "cpu\t1000\t100\t100\t1\t1\ncpu\t1500\t100\t100\t?depth\t2\n");
	db = reader();
	p = open_profile(db, PROFILE_FUNCTION, 0, END, 1000);
	ok(profile_summary(p)->live, "live while it is written");
	is(p, "main", 1, 1);
	is_now(p, "main", 1, 1);
	id = row(p, "main")->id;
	ok(update(p) == 0 && profile_summary(p)->samples == 2,
	    "nothing new");

	tell(&w, "frame\tf2\twork\twork.rs\t2\n"
	    "stack\t2\t1\ta1\t2\tf2\t0\n"
	    "thread\t2000\t100\t100\trenamed\n"
	    "cpu\t2200\t100\t100\t2\t4\ncpu\t2100\t100\t100\t?depth\t8\n");
	ok(update(p) == 0, "an update");
	is(p, "main", 1, 5);
	is(p, "work", 4, 4);
	is(p, "[depth]", 10, 10);
	is_now(p, "main", 0, 4);
	is_now(p, "[depth]", 10, 10);
	ok(row(p, "main")->id == id, "the id stays the same");
	ok(profile_summary(p)->now_ns == 14, "the window has moved on");
	ok(profile_summary(p)->complete == 2, "complete stacks");

	tell(&w, "cost\t9000\tcpu\t1\t1\n");
	update(p);
	ok(profile_summary(p)->last == 9000 && profile_summary(p)->now_ns == 0,
	    "time goes on without samples");
	profile_regroup(p, PROFILE_THREAD);
	is(p, "renamed", 15, 15);

	tell(&w, "end\t10000\tcpu\tstopped\n");
	update(p);
	ok(!profile_summary(p)->live, "ended");
	ok(stop_writer(&w) == 0, "the writer closes while it is read");
	ok(update(p) == 0 && profile_summary(p)->samples == 4,
	    "and it can still be read");
	close_profile(p);
	ok(exists("-wal"), "more than one file until then");
	db_close(db);
	ok(!exists("-wal") && !exists("-shm"), "the last reader makes it one");
}

/* Waits are told of some time after CPU samples. */
static void
test_off_growth(void)
{
	const struct profile_summary *s;
	struct writer w;
	struct profile *p;
	struct db *db;

	unlink(path);
	w = start_writer();
	tell(&w, waits);
	tell(&w, "rsprof\t1\tcpu\tmono=0\twall=1000\toff=7\n"
	    "cpu\t" MS(3400) "100\t100\t51\t" MS(100) "\n"
	    "cost\t" MS(3500) "cpu\t1\t1\n");
	db = reader();
	p = open_profile(db, PROFILE_FUNCTION, 0, END, 500 * MILLION);
	s = profile_summary(p);
	ok(s->live && s->measured == 3500 * MILLION &&
	    s->now_ns == 100 * MILLION, "of the CPU there is all");
	profile_measure(p, PROFILE_WALL);
	ok(s->measured == 3000 * MILLION && s->now_ns == 1600 * MILLION &&
	    s->now_on == 0, "of both there is what there is of waits");
	tell(&w, "cost\t" MS(8000) "cpu\t1\t1\n");
	update(p);
	ok(s->measured == 8000 * MILLION && s->now_ns == 0,
	    "but nobody waits for them for ever");
	stop_writer(&w);
	close_profile(p);
	db_close(db);
}

static void
test_killed_writer(void)
{
	struct profile *p;
	struct db *db;

	unlink(path);
	kill_writer();
	ok(exists("-wal"), "a killed writer leaves its log");
	db = reader();
	p = open_profile(db, PROFILE_FUNCTION, 0, END, 1000);
	is(p, "[depth]", 1, 1);
	ok(!profile_summary(p)->live, "a killed writer is not live");
	close_profile(p);
	db_close(db);
	ok(!exists("-wal") && !exists("-shm"), "the reader tidies up");
	db = reader();
	p = open_profile(db, PROFILE_FUNCTION, 0, END, 1000);
	is(p, "[depth]", 1, 1);
	close_profile(p);
	db_close(db);
}

/* The name may be that of another recording when its reader ends. */
static void
test_replaced(void)
{
	struct db *db;
	struct stat before, after;
	char log[sizeof path + 8];

	unlink(path);
	kill_writer();
	db = reader();
	unlink(path);
	snprintf(log, sizeof log, "%s-wal", path);
	unlink(log);
	kill_writer();
	must(stat(log, &before) == 0 && before.st_size > 0, "no log");
	db_close(db);
	ok(stat(log, &after) == 0 && after.st_size == before.st_size,
	    "a reader leaves a recording alone that took its own's name");
	unlink(log);
}

/* ---- damage ----------------------------------------------------------- */

static void
damaged(const char *what, const char *sql, uint64_t main_total, size_t complete)
{
	struct profile *p;
	struct db *db;

	write_records(path, DB_REPLACE, fixture);
	change(sql);
	db = reader();
	p = open_profile(db, PROFILE_FUNCTION, 0, END, 1000);
	ok(self_sum(p) == 511 && profile_summary(p)->samples == 9,
	    "%s: every sample counts", what);
	ok(row(p, "main") ? row(p, "main")->total == main_total :
	    main_total == 0, "%s: what hangs together stays", what);
	ok(profile_summary(p)->complete == complete, "%s: not complete", what);
	close_profile(p);
	db_close(db);
}

/* Stacks nest as deep as there are nodes; the last one may be the caller of
 * the first. */
static void
deep(int circle)
{
	struct profile *p;
	struct db *db;

	write_records(path, DB_REPLACE, HEAD "module\ta1\tb\t/m\n"
	    "frame\tf1\tf\tf.rs\t1\nstack\t1\t-\ta1\t1\tf1\t0\n"
	    "cpu\t1\t1\t1\t1\t1\n");
	change("WITH RECURSIVE n(i) AS (VALUES(2) UNION ALL SELECT i + 1 "
	    "FROM n WHERE i < 300000) INSERT INTO stack(id, parent, module, "
	    "offset, frame, inlined) SELECT i, i - 1, 1, i, "
	    "CASE WHEN i % 2 THEN 1 END, 0 FROM n;"
	    "INSERT INTO cpu VALUES(1, 1, 300000, 2, NULL)");
	if (circle)
		change("UPDATE stack SET parent = 300000 WHERE id = 1");
	db = reader();
	p = open_profile(db, PROFILE_FUNCTION, 0, END, 1000);
	is(p, "f", 1, 3);
	is(p, "m+0x493e0", 2, circle ? 3 : 2);
	ok(self_sum(p) == 3, "300000 frames%s", circle ? " in a circle" : "");
	close_profile(p);
	db_close(db);
}

static void
test_damage(void)
{
	damaged("a caller is missing", "DELETE FROM stack WHERE id = 2",
	    1 + 32, 3);
	damaged("a stack is its own caller",
	    "UPDATE stack SET parent = 1 WHERE id = 1", 63, 1);
	/* It is cut open outside of a, so that main is the innermost. */
	damaged("a circle", "UPDATE stack SET parent = 5 WHERE id = 1", 33, 1);
	damaged("no threads", "DELETE FROM thread; DELETE FROM process", 63, 7);
	damaged("no names", "DELETE FROM string; DELETE FROM module", 0, 7);
	damaged("no frames", "DELETE FROM frame", 0, 7);
	damaged("wrong types", "UPDATE stack SET module = 'x', frame = 1e300, "
	    "offset = x'00'; UPDATE thread SET tid = 'y', name = 5", 0, 7);
	damaged("huge ids", "UPDATE stack SET id = 9e18 WHERE id = 7;"
	    "UPDATE cpu SET stack = 9e18 WHERE stack = 7", 63, 7);
	deep(0);
	deep(1);
}

static void
test_errors(void)
{
	struct db *db;
	struct profile *p;

	write_records(path, DB_REPLACE, fixture);
	change("DROP TABLE cpu");
	db = reader();
	ok(recording_open(db, RECORDING_TIME, 0, END) == NULL &&
	    strstr(db_error(db), path) && strstr(db_error(db), "cpu"),
	    "a missing table: %s", db_error(db));
	db_close(db);

	write_records(path, DB_REPLACE, HEAD);
	db = reader();
	p = open_profile(db, PROFILE_FUNCTION, 0, END, 1000);
	ok(rows(p) == 0 && profile_summary(p)->samples == 0, "nothing in it");
	close_profile(p);
	db_close(db);
	profile_close(NULL);
	db_close(NULL);
}

int
main(void)
{
	struct profile *p;
	struct db *db;

	must(mkdtemp(dir) != NULL, "mkdtemp");
	snprintf(path, sizeof path, "%s/p.db", dir);
	ok(profile_group("thread") == PROFILE_THREAD &&
	    profile_group("x") == PROFILE_NGROUPS, "names of groups");

	write_records(path, DB_CREATE, fixture);
	db = reader();
	p = open_profile(db, PROFILE_FUNCTION, 0, END, 2000);
	test_functions(p);
	is_now(p, "[no-stack]", 256, 256);
	test_summary(p);
	test_groups(p);
	test_series(p);
	test_select(p);
	close_profile(p);
	test_range(db);
	db_close(db);
	test_collapse();
	test_outside();
	test_nothing_own();
	write_records(path, DB_CREATE, fixture);
	test_growth();
	test_off_growth();
	test_killed_writer();
	test_replaced();
	test_producers();
	test_off();
	test_damage();
	test_errors();
	unlink(path);
	rmdir(dir);
	return tap_done();
}
