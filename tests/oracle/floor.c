/*
 * floor PID: probes that do nothing where rsprof-heap would have its own: entry
 * and return of what allocates, entry of what frees.  It reads the plan, as
 * `rsprof-heap -n PID' prints it, says "ready", and stays.
 *
 * What they cost is what no profiler by uprobes can do without.
 */
#include <err.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "os/rawbpf.h"

#define MULTI 48   /* BPF_TRACE_UPROBE_MULTI, Linux 6.6 */
#define SESSION 57 /* BPF_TRACE_UPROBE_SESSION, Linux 6.13 */

static int
empty(unsigned attach)
{
	static const struct bpf_insn nothing[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	static struct rawbpf_program p;
	int fd;

	memset(&p, 0, sizeof p);
	p.type = BPF_PROG_TYPE_KPROBE;
	p.attach = attach;
	p.insn = nothing;
	p.n = 2;
	fd = rawbpf_load(&p);
	if (fd < 0)
		err(1, "an empty program");
	return fd;
}

int
main(int argc, char *argv[])
{
	char line[4600], layer[32], function[64], path[4200];
	unsigned long long offset;
	uint64_t at;
	int n = 0, on_free, session;

	if (argc != 2)
		errx(2, "usage: floor PID <PLAN");
	on_free = empty(MULTI);
	session = empty(SESSION);
	while (fgets(line, sizeof line, stdin)) {
		int frees;

		if (sscanf(line, "%31s %63s %4199[^+]+0x%llx", layer, function, path,
		        &offset) != 4)
			continue;
		frees = strstr(function, "free") || strstr(function, "dealloc") ||
		    strstr(function, "dallocx");
		at = offset;
		if (rawbpf_uprobes(frees ? on_free : session, frees ? MULTI : SESSION, path,
		        &at, NULL, 1, (unsigned)atoi(argv[1])) < 0)
			err(1, "%s", function);
		n++;
	}
	if (n == 0)
		errx(1, "no plan");
	puts("ready");
	fflush(stdout);
	pause();
	return 0;
}
