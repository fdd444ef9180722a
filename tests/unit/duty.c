/*
 * What probes cost, as heap/duty sees it: with a kernel that counts hits in
 * proportion to the CPU time of this process.
 */
#include "heap/duty.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "heap/arming.h"
#include "os/proc.h"
#include "sample/producer.h"
#include "sample/target.h"
#include "tap.h"

#define HIT_NS 1000
#define LOOK_NS 20000000       /* between two rounds */
#define INTERVAL_NS 1000000000 /* between two sums */
#define TIME_NS 2200000000

static double share; /* of the CPU time that hits take */

/* ---- in place of heap/heap --------------------------------------------- */

void
heap_load(struct heap *h, struct heap_load *out)
{
	(void)h;
	memset(out, 0, sizeof *out);
	out->entries = (uint64_t)(share * (double)proc_cpu(getpid()) / HIT_NS);
}

int
heap_rate(struct heap *h, uint64_t period, double scale)
{
	(void)h, (void)period, (void)scale;
	return 0;
}

int
heap_arm(struct heap *h, pid_t pid, const struct probe *probe, size_t n,
    void (*fn)(void *ctx, const struct probe *probe, int error), void *ctx)
{
	(void)h, (void)pid, (void)probe, (void)fn, (void)ctx;
	return (int)n;
}

int
heap_armed(const struct heap *h, pid_t pid)
{
	(void)h, (void)pid;
	return 1;
}

void
heap_disarm(struct heap *h, pid_t pid)
{
	(void)h, (void)pid;
}

int
heap_compare(struct heap *h, pid_t pid, const struct probe *probe, size_t n)
{
	(void)h, (void)pid, (void)probe, (void)n;
	return -1;
}

int
heap_has_probes(const struct heap *h)
{
	(void)h;
	return 1;
}

int
heap_is_by_gate(const struct heap *h, pid_t pid)
{
	(void)h, (void)pid;
	return 0;
}

int
heap_stop_at(struct heap *h, pid_t pid, const char *file, uint64_t offset)
{
	(void)h, (void)pid, (void)file, (void)offset;
	return -1;
}

void
heap_disarm_soon(struct heap *h, pid_t pid)
{
	(void)h, (void)pid;
}

int
heap_read(struct heap *h)
{
	(void)h;
	return 0;
}

void
heap_log(struct heap *h, pid_t pid,
    void (*fn)(void *ctx, const struct heap_logged *call), void *ctx)
{
	(void)h, (void)pid, (void)fn, (void)ctx;
}

void
heap_living(struct heap *h, void (*fn)(void *ctx, const struct heap_living *l), void *ctx)
{
	(void)h, (void)fn, (void)ctx;
}

/* ---- tests ------------------------------------------------------------- */

/* Use CPU time until then, with rounds and sums in between.  Returns whether duty has
 * chosen a cheaper way. */
static int
run(struct duty *d, uint64_t until)
{
	uint64_t now = proc_now(), look = now, sums = now;
	int cheaper = 0;

	while (now < until && !cheaper) {
		now = proc_now();
		if (now >= look + LOOK_NS) {
			look = now;
			cheaper = duty_round(d) != NULL;
		}
		if (now >= sums + INTERVAL_NS) {
			sums = now;
			duty_covered(d);
		}
	}
	return cheaper;
}

static int
is_cheaper(double cost)
{
	struct producer p = { .pid = getpid() };
	struct arming a = { .producer = &p, .any = 1 };
	struct duty d = { .arming = &a, .percent = 10, .hit_ns = HIT_NS };
	int got;

	rec_out_init(&p.out, open("/dev/null", O_WRONLY), REC_PRODUCER_MAX);
	p.targets = targets_new(&p.out, "heap");
	share = cost;
	duty_begin(&d);
	got = run(&d, proc_now() + TIME_NS);
	windows_end(&d.windows);
	targets_free(p.targets);
	close(p.out.fd);
	return got;
}

int
main(void)
{
	ok(!is_cheaper(0.06), "what costs less than the budget stays as it is");
	ok(is_cheaper(0.2), "what costs more does not");
	return tap_done();
}
