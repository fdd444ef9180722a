/*
 * walk PID: the frames of stacks of a process that somebody else has stopped, by rsprof's
 * tables and its step.  Each line of the input has registers in hex, those of struct
 * step_leaf behind two,
 *	PC SP R15 R14 R13 R12 RBP RBX R11 R10 R9 R8 RAX RCX RDX RSI RDI
 * and is answered by a line for each frame, innermost first, and an empty one:
 *	PC SP
 *	end | REASON
 */
#include <err.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "os/proc.h"
#include "unwind/addrspace.h"
#include "unwind/mapping.h"
#include "unwind/module.h"
#include "unwind/unwind.h"

struct process {
	pid_t pid;
	struct modules *modules;
	struct addrspace space;
};

static void
on_map(void *ctx, const struct proc_map *map)
{
	struct process *p = ctx;
	struct module *m = modules_get(p->modules, p->pid, map);
	struct addrspace_map s = { map->start, map->end, map->offset, m, 0 };

	if (m == NULL || addrspace_add(&p->space, &s) < 0)
		err(1, NULL);
}

static int
mapped(void *ctx, uint64_t addr)
{
	struct process *p = ctx;

	return addrspace_find(&p->space, addr) != NULL;
}

static int
read_word(void *ctx, uint64_t addr, uint64_t *out)
{
	struct process *p = ctx;

	return proc_read(p->pid, addr, out, sizeof *out);
}

/* Returns the rule for the frame that r has come to; STEP_NONE's where it is nowhere. */
static uint32_t
rule_of(struct process *p, const struct step_regs *r)
{
	uint64_t addr = r->exact ? r->pc : r->pc - 1;
	const struct addrspace_map *map = addrspace_find(&p->space, addr);

	if (map == NULL)
		return STEP_RULE(STEP_NONE, 0, 0);
	module_wait(map->module);
	return unwind_rule(&map->module->table, addr - map->start + map->offset);
}

static void
walk(struct process *p, struct step_regs r, const struct step_leaf *leaf)
{
	const struct unwind_stack stack = { .sp = r.sp, .more = read_word, .ctx = p,
		.leaf = leaf };
	const struct unwind_code code = { mapped, read_word, p };
	enum step_end end = STEP_OK;
	int beyond;

	for (int i = 0; i < 10000 && end == STEP_OK; i++) {
		printf("%" PRIx64 " %" PRIx64 "\n", (uint64_t)r.pc, (uint64_t)r.sp);
		end = unwind_step(rule_of(p, &r), &stack, &code, &r, &beyond);
	}
	printf("%s\n\n", end == STEP_END_ROOT ? "end"
	        : end == STEP_END_NONE        ? "none"
	        : end == STEP_END_BAD         ? "bad"
	                                      : "memory");
	fflush(stdout);
}

int
main(int argc, char *argv[])
{
	struct process p = { .modules = modules_new() };
	unsigned long long pc, sp;
	struct step_leaf leaf;

	if (argc != 2 || p.modules == NULL)
		errx(2, "usage: walk PID");
	p.pid = p.space.pid = atoi(argv[1]);
	if (mapping_code(p.pid, on_map, &p) < 0)
		err(1, "%s", argv[1]);
	while (scanf("%llx %llx", &pc, &sp) == 2) {
		for (int i = 0; i < STEP_LEAF; i++)
			if (scanf("%llx", &leaf.word[i]) != 1)
				errx(1, "registers are missing");
		walk(&p, (struct step_regs){ .pc = pc, .sp = sp,
		             .fp = leaf.word[STEP_IN_RBP], .exact = 1 }, &leaf);
	}
	addrspace_clear(&p.space);
	modules_free(p.modules);
	return 0;
}
