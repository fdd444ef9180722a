/*
 * The mappings of a process against the simplest model of them: an array of
 * what each address is mapped to, through thousands of random changes.  And
 * walks over stacks made by hand.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bpf/step.h"
#include "unwind/addrspace.h"
#include "unwind/module.h"
#include "unwind/unwind.h"
#include "tap.h"

#define SPAN 200

struct model {
	const struct module *module[SPAN];
	uint64_t offset[SPAN];
};

static int
agrees(const struct addrspace *s, const struct model *m)
{
	for (uint64_t a = 0; a < SPAN; a++) {
		const struct addrspace_map *map = addrspace_find(s, a);

		if (map == NULL ? m->module[a] != NULL
		                : map->module != m->module[a] ||
		            a - map->start + map->offset != m->offset[a])
			return 0;
	}
	for (size_t i = 1; i < s->n; i++)
		if (s->map[i].start < s->map[i - 1].end ||
		    s->map[i].start >= s->map[i].end)
			return 0;
	return 1;
}

static void
test_maps(void)
{
	static struct module module[5];
	static struct model m;
	struct addrspace s = { 0 }, copy = { 0 };
	int good = 1;

	srand(1);
	for (int round = 0; round < 20000 && good; round++) {
		uint64_t start = (uint64_t)(rand() % (SPAN - 1));
		uint64_t len = 1 + (uint64_t)rand() % (SPAN - start);
		struct addrspace_map map = { start, start + (len > 40 ? len % 40 + 1 : len),
			(uint64_t)(rand() % 1000), &module[rand() % 5], 0 };

		if (addrspace_add(&s, &map) < 0)
			break;
		for (uint64_t a = map.start; a < map.end; a++) {
			m.module[a] = map.module;
			m.offset[a] = a - map.start + map.offset;
		}
		good = agrees(&s, &m);
		if (round % 500 == 499) {
			good &= addrspace_copy(&copy, &s) == 0 && agrees(&copy, &m);
			addrspace_clear(&s);
			memset(&m, 0, sizeof m);
		}
	}
	ok(good, "20000 mappings over one another");
	addrspace_clear(&s);
	addrspace_clear(&copy);
}

/* ---- walks ------------------------------------------------------------- */

/* A module whose code has one rule per 16 bytes. */
static struct step_row row[] = {
	{ 0x100, STEP_RULE(STEP_SP, 1, 0) },    /* a leaf */
	{ 0x110, STEP_RULE(STEP_SP, 4, 0) },    /* a frame of 32 bytes */
	{ 0x120, STEP_RULE(STEP_FP, 2, 2) },    /* push rbp; mov rsp, rbp */
	{ 0x130, STEP_RULE(STEP_ROOT, 0, 0) },
	{ 0x140, STEP_RULE(STEP_NONE, 0, 0) },
	{ 0x150, STEP_RULE(STEP_BAD, 0, 0) },
	{ 0x160, STEP_RULE(STEP_SIGNAL, 0, 0) },
	{ 0x170, STEP_RULE(STEP_CLONE, 0, 0) },
	{ 0x180, STEP_RULE(STEP_SAVED, 1, 0) },  /* CFA = *(rsp + 8) + 8 */
	{ 0x190, STEP_RULE(STEP_DEREF, 1, 0) },  /* CFA = *(rbp - 8) */
	{ 0x1a0, STEP_RULE(STEP_PLT, 11, 0) },
	{ 0x1b0, STEP_RULE(STEP_FIRST, 0, 0) },
	{ 0x1c0, STEP_RULE(STEP_NONE, 0, 0) },
};
static uint32_t page[] = { 0, 13 };

#define BASE 0x400000UL
#define SP 0x7000UL
#define WORDS 64

struct bench {
	struct module module;
	struct addrspace space;
	uint64_t word[WORDS];
	struct addrspace_walk walk;
};

static void
bench_init(struct bench *b)
{
	struct addrspace_map map = { BASE, BASE + 0x1000, 0, &b->module, 0 };

	memset(b, 0, sizeof *b);
	/* The first row begins its page: one entry counts it already. */
	page[0] = 1;
	b->module.table = (struct unwind_table){ .row = row, .page = page,
			.nrow = 13, .npage = 1, .base = 0x100 };
	addrspace_add(&b->space, &map);
}

static void
walk(struct bench *b, uint64_t offset, uint64_t bp, size_t len)
{
	struct unwind_stack stack = { .bytes = b->word, .sp = SP, .len = len };
	struct step_regs regs = { BASE + offset, SP, bp, 1, 0, 0 };

	addrspace_walk(&b->space, &stack, regs, &b->walk);
}

static int
went(const struct bench *b, const char *cut, size_t n, ...)
{
	va_list ap;
	int good = b->walk.n == n &&
	    (cut ? b->walk.cut && strcmp(cut, b->walk.cut) == 0 : !b->walk.cut);

	va_start(ap, n);
	for (size_t i = 0; i < n; i++)
		good &= b->walk.frame[i].offset == (uint64_t)va_arg(ap, int);
	va_end(ap);
	return good;
}

static void
test_walks(struct bench *b)
{
	/* leaf <- 32 bytes <- rbp frame <- root */
	b->word[0] = BASE + 0x115;
	b->word[4] = BASE + 0x125;
	b->word[10] = 0;              /* the saved rbp */
	b->word[11] = BASE + 0x131;
	walk(b, 0x100, SP + 80, sizeof b->word);
	ok(went(b, NULL, 4, 0x100, 0x114, 0x124, 0x130), "a walk to the root");
	walk(b, 0x100, SP + 80, 88);
	ok(went(b, "copy-end", 3, 0x100, 0x114, 0x124), "the copy is too short");
	walk(b, 0x100, 8, sizeof b->word);
	ok(went(b, "bad-memory", 3, 0x100, 0x114, 0x124), "rbp leads nowhere");
	walk(b, 0x100, SP + 20, sizeof b->word);
	ok(went(b, "bad-memory", 3, 0x100, 0x114, 0x124), "or is not aligned");
	/* rbp may lead to a lower stack, but not to what is no code. */
	walk(b, 0x100, SP, sizeof b->word);
	ok(went(b, "no-module", 3, 0x100, 0x114, 0x124), "or leads back");
	walk(b, 0x140, 1, sizeof b->word);
	ok(went(b, "no-unwind-info", 1, 0x140), "code without unwind information");
	walk(b, 0x150, 0, sizeof b->word);
	ok(went(b, "bad-unwind-info", 1, 0x150), "unwind information too clever");
	b->word[0] = BASE + 0x141;
	walk(b, 0x100, 0, sizeof b->word);
	ok(went(b, "no-unwind-info", 2, 0x100, 0x140), "with rbp 0, too");
	b->word[0] = BASE + 0x1b1;
	walk(b, 0x100, 0, sizeof b->word);
	ok(went(b, NULL, 2, 0x100, 0x1b0), "musl's first frame has rbp 0");
	walk(b, 0x100, 8, sizeof b->word);
	ok(went(b, "no-unwind-info", 2, 0x100, 0x1b0), "else it is none");
	b->word[0] = 0x1234;
	walk(b, 0x100, 0, sizeof b->word);
	ok(went(b, "no-module", 1, 0x100) && b->walk.unknown == 0x1233,
	    "a caller in no mapping");
	walk(b, 0x170, 0, sizeof b->word);
	ok(went(b, NULL, 1, 0x170), "but a new thread has none");
	b->word[0] = BASE + 0x131;
	walk(b, 0x170, 0, sizeof b->word);
	ok(went(b, NULL, 2, 0x170, 0x130), "and its parent has one");
	b->word[0] = 0;
	walk(b, 0x100, 0, sizeof b->word);
	ok(went(b, NULL, 1, 0x100), "a return address of 0 ends a stack");
	walk(b, 0x5000, 0, sizeof b->word);
	ok(b->walk.n == 1 && b->walk.frame[0].module == NULL &&
	        strcmp(b->walk.cut, "no-module") == 0, "code in no mapping");
}

static void
test_rules(struct bench *b)
{
	b->word[1] = SP + 40;         /* CFA is 8 above it */
	b->word[5] = BASE + 0x131;
	walk(b, 0x180, 0, sizeof b->word);
	ok(went(b, NULL, 2, 0x180, 0x130), "a stack pointer saved on the stack");
	b->word[7] = SP + 24;         /* at rbp - 8: CFA */
	b->word[2] = BASE + 0x131;
	walk(b, 0x190, SP + 64, sizeof b->word);
	ok(went(b, NULL, 2, 0x190, 0x130), "a realigned stack");
	b->word[0] = BASE + 0x131;
	walk(b, 0x1a0, 0, sizeof b->word);
	ok(went(b, NULL, 2, 0x1a0, 0x130), "a PLT entry, before its push");
	b->word[0] = 7;
	b->word[1] = BASE + 0x131;
	walk(b, 0x1ab, 0, sizeof b->word);
	ok(went(b, NULL, 2, 0x1ab, 0x130), "and behind it");
	/* A signal: the interrupted frame's pc is exact. */
	memset(b->word, 0, sizeof b->word);
	b->word[STEP_UC_RIP / 8] = BASE + 0x100;
	b->word[STEP_UC_RSP / 8] = SP + 400;
	b->word[50] = BASE + 0x131;
	walk(b, 0x160, 0, sizeof b->word);
	ok(went(b, NULL, 3, 0x160, 0x100, 0x130), "a signal handler's frame");
	b->word[STEP_UC_RSP / 8] = 0x100000;
	walk(b, 0x160, 0, sizeof b->word);
	ok(went(b, "copy-end", 2, 0x160, 0x100), "on a stack of its own");
}

/* The target's own memory, for what the copy does not have. */
static int
more(void *ctx, uint64_t addr, uint64_t *out)
{
	struct bench *b = ctx;
	uint64_t at = addr - SP;

	if (addr < SP || at > sizeof b->word - 8)
		return -1;
	memcpy(out, (char *)b->word + at, sizeof *out);
	return 0;
}

static void
test_more(struct bench *b)
{
	struct unwind_stack stack = { .bytes = b->word, .sp = SP, .len = 8, .more = more,
		.ctx = b };
	struct step_regs regs = { BASE + 0x100, SP, SP + 80, 1, 0, 0 };

	b->word[0] = BASE + 0x115;
	b->word[4] = BASE + 0x125;
	b->word[10] = 0;
	b->word[11] = BASE + 0x131;
	addrspace_walk(&b->space, &stack, regs, &b->walk);
	ok(went(b, NULL, 4, 0x100, 0x114, 0x124, 0x130),
	    "what the copy does not have is asked for");
	regs.fp = 0x5000;
	addrspace_walk(&b->space, &stack, regs, &b->walk);
	ok(went(b, "bad-memory", 3, 0x100, 0x114, 0x124), "and is not there either");
}

static void
test_depth(struct bench *b)
{
	static uint64_t deep[ADDRSPACE_DEPTH + 10];
	struct unwind_stack stack = { .bytes = deep, .sp = SP, .len = sizeof deep };
	struct step_regs regs = { BASE + 0x100, SP, 0, 1, 0, 0 };

	for (size_t i = 0; i < ADDRSPACE_DEPTH + 10; i++)
		deep[i] = BASE + 0x105;
	addrspace_walk(&b->space, &stack, regs, &b->walk);
	ok(b->walk.n == ADDRSPACE_DEPTH && strcmp(b->walk.cut, "depth") == 0,
	    "a stack deeper than %d frames", ADDRSPACE_DEPTH);
}

/* ---- frame pointers ---------------------------------------------------- */

/* Code that is read while it is walked: all of it without unwind information
 * but the callers, from 0x800 on. */
static unsigned char code[0x1000] __attribute__((aligned(4096)));
static struct step_row pointer_row[] = {
	{ 0, STEP_RULE(STEP_FRAME, 0, 0) },
	{ 0x800, STEP_RULE(STEP_ROOT, 0, 0) },
};

#define FUNCTION 0x100 /* push %rbp; mov %rsp, %rbp; nop...; pop %rbp; ret */
#define MARKED 0x200   /* the same, behind an endbr64 */
#define BARE 0x300     /* a function that makes no frame */
#define STUB 0x400     /* jmp *0(%rip) */
#define CALL 0x800     /* calls FUNCTION */
#define CALL_STUB 0x810
#define CALL_OTHER 0x820 /* calls what is behind FUNCTION: MARKED */
#define CALL_BARE 0x830
#define CALL_REGISTER 0x840
#define NO_CALL 0x850

static void
call(size_t at, size_t to)
{
	uint32_t distance = (uint32_t)(to - (at + 5));

	code[at] = 0xe8;
	memcpy(code + at + 1, &distance, sizeof distance);
}

static void
write_code(void)
{
	static const unsigned char begin[] = { 0xf3, 0x0f, 0x1e, 0xfa, 0x55, 0x48,
		0x89, 0xe5 }, end[] = { 0x5d, 0xc3 }, jump[] = { 0xff, 0x25 },
		indirect[] = { 0xff, 0xd0 };

	memset(code, 0x90, sizeof code);
	memcpy(code + FUNCTION, begin + 4, 4);
	memcpy(code + FUNCTION + 0x20, end, sizeof end);
	memcpy(code + MARKED, begin, sizeof begin);
	memcpy(code + STUB, jump, sizeof jump);
	call(CALL, FUNCTION);
	call(CALL_STUB, STUB);
	call(CALL_OTHER, MARKED);
	call(CALL_BARE, BARE);
	memcpy(code + CALL_REGISTER + 3, indirect, sizeof indirect);
}

/* Is one frame left from pc by the return address behind a caller's call,
 * which stands at a place of the stack? */
static int
leaves(struct bench *b, size_t pc, uint64_t bp, size_t place, size_t caller)
{
	struct unwind_stack stack = { .bytes = b->word, .sp = SP,
		.len = sizeof b->word };
	struct step_regs regs = { (uintptr_t)code + pc, SP, bp, 1, 0, 0 };

	memset(b->word, 0, sizeof b->word);
	b->word[place] = (uintptr_t)code + caller + 5;
	addrspace_walk(&b->space, &stack, regs, &b->walk);
	if (went(b, NULL, 2, (int)pc, (int)caller + 4))
		return 1;
	return went(b, "no-unwind-info", 1, (int)pc) ? 0 : -1;
}

static void
test_pointers(void)
{
	static struct bench b;
	struct addrspace_map map = { (uintptr_t)code, (uintptr_t)code + sizeof code, 0,
		&b.module, 0 };
	uint64_t bp = SP + 80; /* word 10; the return address is word 11 */

	write_code();
	b.module.table.row = pointer_row;
	b.module.table.nrow = 2;
	unwind_index(&b.module.table);
	b.space.pid = getpid();
	addrspace_add(&b.space, &map);

	ok(leaves(&b, FUNCTION + 8, bp, 11, CALL) == 1, "a frame pointer is followed");
	ok(leaves(&b, FUNCTION + 8, bp, 11, NO_CALL) == 0, "not to what is no call");
	ok(leaves(&b, FUNCTION + 8, bp, 11, CALL_OTHER) == 0,
	    "nor to the call of a function further on");
	ok(leaves(&b, FUNCTION + 8, bp, 11, CALL_STUB) == 1,
	    "but to one of a jump, which may lead anywhere");
	ok(leaves(&b, FUNCTION + 8, bp, 11, CALL_REGISTER) == 1, "or through a register");
	ok(leaves(&b, FUNCTION + 8, SP - 16, 11, CALL) == 0, "it does not lead down");
	ok(leaves(&b, FUNCTION + 8, bp + 4, 11, CALL) == 0, "and is a multiple of 8");
	ok(leaves(&b, FUNCTION + 8, 0, 11, CALL) == 0, "and not 0");
	ok(leaves(&b, FUNCTION, bp, 0, CALL) == 1, "before it is saved");
	ok(leaves(&b, FUNCTION + 1, bp, 1, CALL) == 1, "before it is set");
	ok(leaves(&b, MARKED, bp, 0, CALL_OTHER) == 1, "at an endbr64");
	ok(leaves(&b, FUNCTION + 0x21, bp, 0, CALL) == 1, "at the return");
	ok(leaves(&b, BARE + 8, bp, 0, CALL_BARE) == 1, "a function that makes none");
	addrspace_clear(&b.space);
	free(b.module.table.page);
}

/* ---- walks of the kernel's --------------------------------------------- */

static void
test_versions(void)
{
	static struct module old, new, other;
	static struct bench b;
	struct addrspace_map map = { 0x1000, 0x2000, 0x100, &old, 0 };
	const uint64_t addr[] = { 0x1010, 0x5020, 0x1030 };
	const struct addrspace *s = &b.space;

	b.space.next = 3;
	addrspace_add(&b.space, &map);
	map = (struct addrspace_map){ 0x5000, 0x6000, 0, &other, 0 };
	addrspace_add(&b.space, &map);
	addrspace_walked(s, 3, addr, 3, NULL, &b.walk);
	ok(went(&b, NULL, 3, 0x110, 0x20, 0x130) && b.walk.frame[0].module == &old &&
	        b.walk.frame[1].module == &other,
	    "a walk with the mappings as they are");
	addrspace_walked(s, 3, addr, 3, "depth", &b.walk);
	ok(went(&b, "depth", 3, 0x110, 0x20, 0x130), "and why it ended");
	addrspace_walked(s, 2, addr, 3, NULL, &b.walk);
	ok(went(&b, "no-module", 1, 0x110), "one made before any was known");

	b.space.next = 4;
	map = (struct addrspace_map){ 0x5000, 0x6000, 0x40, &new, 0 };
	addrspace_add(&b.space, &map);
	addrspace_walked(s, 3, addr, 3, NULL, &b.walk);
	ok(went(&b, "no-module", 2, 0x110, 0x60) && b.walk.frame[1].module == &new,
	    "one made before a mapping was replaced ends there");
	addrspace_walked(s, 3, addr, 2, "bad-memory", &b.walk);
	ok(went(&b, "bad-memory", 2, 0x110, 0x60), "or for the reason that it had there");
	addrspace_walked(s, 4, addr, 3, NULL, &b.walk);
	ok(went(&b, NULL, 3, 0x110, 0x60, 0x130), "one made after it goes through");
	ok(b.space.last == 4 && b.space.changed, "the kernel has to be told");

	addrspace_clear(&b.space);
	addrspace_walked(s, 4, addr, 3, NULL, &b.walk);
	ok(b.walk.n == 1 && b.walk.frame[0].module == NULL && b.walk.cut &&
	        strcmp(b.walk.cut, "no-module") == 0,
	    "and one of a program that is gone knows nothing");
	addrspace_walked(s, 4, addr, 0, "no-stack", &b.walk);
	ok(went(&b, "no-stack", 0), "a stack of no frames");
}

int
main(void)
{
	static struct bench b;

	test_maps();
	bench_init(&b);
	test_walks(&b);
	test_rules(&b);
	test_more(&b);
	test_depth(&b);
	test_pointers();
	test_versions();
	addrspace_clear(&b.space);
	return tap_done();
}
