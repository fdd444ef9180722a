/*
 * gate slots PID: how many words of the files that a process has mapped lead into a gate.
 * gate maps PID: how many gates it has mapped.
 * gate trace PID: traces it, as a debugger does, until standard input ends.
 * gate sum PID BASE: reads the ring of the gate there until standard input ends or says
 *	anything; then "sampled N bytes ESTIMATE live ESTIMATE"
 *
 * Estimates weigh each sample by one over its chance.
 */
#include <err.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <unistd.h>

#include "base/idmap.h"
#include "gate/ring.h"
#include "os/proc.h"

struct range {
	uint64_t start, end;
};

struct scan {
	pid_t pid;
	struct range gate[64];
	size_t n, words, mappings;
};

static void
on_gate(void *ctx, const struct proc_map *map, const char *perms)
{
	struct scan *s = ctx;

	if (strstr(map->path, "memfd:rsprof-gate") && perms[2] == 'x' && s->n < 64)
		s->gate[s->n++] = (struct range){ map->start, map->end };
	s->mappings++;
}

static void
on_data(void *ctx, const struct proc_map *map, const char *perms)
{
	struct scan *s = ctx;
	uint64_t word[512];

	if (map->path[0] != '/' || perms[3] != 'p' || perms[2] == 'x' || perms[0] != 'r')
		return;
	for (uint64_t at = map->start; at < map->end; at += sizeof word) {
		if (proc_read(s->pid, at, word, sizeof word) < 0)
			return;
		for (size_t i = 0; i < 512; i++)
			for (size_t j = 0; j < s->n; j++)
				s->words += word[i] >= s->gate[j].start && word[i] < s->gate[j].end;
	}
}

/* ---- the ring ---------------------------------------------------------- */

struct sums {
	uint64_t sampled;
	double bytes, live;
	struct idmap place; /* of blocks that are live */
	double weight[1 << 20];
	uint32_t n;
};

static void
on_record(void *ctx, const struct gate_record *r)
{
	struct sums *s = ctx;
	uint32_t at = idmap_get(&s->place, r->block);

	if (at != IDMAP_NONE) {
		s->live -= s->weight[at];
		s->weight[at] = 0;
	}
	if (r->kind != GATE_SAMPLED) {
		idmap_delete(&s->place, r->block);
		return;
	}
	if (s->n == 1 << 20)
		errx(1, "too many");
	s->weight[s->n] = (double)r->size / -expm1(-(double)r->size / (double)r->period);
	s->sampled++;
	s->bytes += s->weight[s->n];
	s->live += s->weight[s->n];
	if (idmap_put(&s->place, r->block, s->n++) < 0)
		err(1, NULL);
}

static int
sum(pid_t pid, uint64_t base)
{
	struct pollfd in = { STDIN_FILENO, POLLIN, 0 };
	struct sums *s = calloc(1, sizeof *s);
	uint64_t at = base + GATE_CODE + GATE_RING_AT;
	struct ring *r;
	char path[80];
	int last = 0, fd;

	snprintf(path, sizeof path, "/proc/%d/map_files/%" PRIx64 "-%" PRIx64, (int)pid, at,
	    at + GATE_RING_FILE);
	fd = open(path, O_RDWR);
	r = ring_open(fd);
	if (s == NULL || fd < 0 || r == NULL)
		err(1, "%s", path);
	while (!last) {
		last = poll(&in, 1, 1) > 0;
		ring_read(r, 0, on_record, s);
	}
	if (ring_lost(r))
		errx(1, "records were lost");
	if (ring_given_up(r))
		errx(1, "records were given up");
	printf("sampled %" PRIu64 " bytes %.0f live %.0f\n", s->sampled, s->bytes, s->live);
	return 0;
}

int
main(int argc, char **argv)
{
	struct scan s = { .n = 0 };

	if (argc == 4 && strcmp(argv[1], "sum") == 0)
		return sum((pid_t)atoi(argv[2]), strtoull(argv[3], NULL, 16));
	if (argc != 3)
		errx(2, "usage: gate slots|maps|trace PID");
	s.pid = (pid_t)atoi(argv[2]);
	if (strcmp(argv[1], "trace") == 0) {
		if (ptrace(PTRACE_SEIZE, s.pid, NULL, NULL) < 0)
			err(1, "%s", argv[2]);
		puts("traced");
		fflush(stdout);
		return read(STDIN_FILENO, &s, 1) != 0;
	}
	if (proc_all_maps(s.pid, on_gate, &s) < 0)
		err(1, "%s", argv[2]);
	if (strcmp(argv[1], "maps") == 0) {
		printf("%zu\n", s.n);
		return 0;
	}
	proc_all_maps(s.pid, on_data, &s);
	printf("%zu\n", s.words);
	return 0;
}
