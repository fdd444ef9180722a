/*
 * Rows made from code: a small function for each construct.  They are written in
 * assembly; before an instruction, AT(kind, cfa, fp) says which rule it must get.
 */
#include <stdlib.h>
#include <string.h>

#include "bpf/step.h"
#include "unwind/synth.h"
#include "tap.h"

/* Numbers of enum step_kind, as the assembler has to know them. */
#define NONE "0"
#define SP "1"
#define FP "2"
#define DEREF "3"
#define SAVED "4"
#define R11 "7"
#define ROOT "9"
_Static_assert(STEP_NONE == 0 && STEP_SP == 1 && STEP_FP == 2 && STEP_DEREF == 3, "kinds");
_Static_assert((STEP_SAVED_SIZE | 4) == 524292 && STEP_FP_LOST == 254, "numbers");
_Static_assert(STEP_SAVED == 4 && STEP_R11 == 7 && STEP_ROOT == 9, "kinds");

/* A record in a section: the address of what follows, and a number. */
#define NOTE(section, number) \
	"771: .pushsection " section ",\"aw\"\n.quad 771b, " number "\n.popsection\n"
#define AT(kind, cfa, fp) NOTE("synth_expected", kind "|" #cfa "<<12|" #fp "<<4")
#define START(how) NOTE("synth_starts", #how)
#define NORETURN NOTE("synth_slots", "0")
#define POINTER(to) NOTE("synth_pointers", to) ".quad 0\n"
#define CODE(name, text) \
	__asm__(".pushsection synth_code,\"aw\"\n.balign 16\nbegin_" #name ":\n" START(1) \
	        text "end_" #name ":\n.popsection\n"); \
	extern const unsigned char begin_##name[], end_##name[];

struct note {
	uint64_t addr, number;
};

extern const struct note __start_synth_expected[], __stop_synth_expected[];
extern const struct note __start_synth_starts[], __stop_synth_starts[];
extern const struct note __start_synth_slots[], __stop_synth_slots[];
extern const struct note __start_synth_pointers[], __stop_synth_pointers[];

/* ---- frames ------------------------------------------------------------------- */

CODE(pushes,
    AT(SP, 1, 0) "push %rbp\n"
    AT(SP, 2, 0) "push %rbx\n"
    AT(SP, 3, 0) "sub $24, %rsp\n"
    AT(SP, 6, 0) "xor %ebp, %ebp\n" /* it is data */
    AT(SP, 6, 2) "add $24, %rsp\n"
    AT(SP, 3, 2) "pop %rbx\n"
    AT(SP, 2, 2) "pop %rbp\n"
    AT(SP, 1, 0) "ret\n")

CODE(frame,
    AT(SP, 1, 0) "push %rbp\n"
    AT(SP, 2, 0) "mov %rsp, %rbp\n"
    AT(FP, 2, 2) "push %rbx\n"
    AT(FP, 2, 2) "sub $200, %rsp\n"
    AT(FP, 2, 2) "lea -8(%rbp), %rsp\n"
    AT(FP, 2, 2) "pop %rbx\n"
    AT(FP, 2, 2) "leave\n"
    AT(SP, 1, 0) "ret\n")

CODE(enter,
    AT(SP, 1, 0) "enter $32, $0\n"
    AT(FP, 2, 2) "leave\n"
    AT(SP, 1, 0) "ret\n")

CODE(moved, /* saved by mov, into an area that is there already */
    AT(SP, 1, 0) "sub $40, %rsp\n"
    AT(SP, 6, 0) "mov %rbp, 32(%rsp)\n"
    AT(SP, 6, 0) "mov %rdi, %rbp\n"
    AT(SP, 6, 2) "mov 32(%rsp), %rbp\n"
    AT(SP, 6, 0) "lea 40(%rsp), %rsp\n"
    AT(SP, 1, 0) "ret\n")

CODE(aligned, /* LLVM: rbp is at a known distance */
    "push %rbp\n"
    "mov %rsp, %rbp\n"
    AT(FP, 2, 2) "and $-64, %rsp\n"
    AT(FP, 2, 2) "sub $192, %rsp\n"
    AT(FP, 2, 2) "mov %rbp, %rsp\n"
    AT(FP, 2, 2) "pop %rbp\n"
    AT(SP, 1, 0) "ret\n")

CODE(realigned, /* GCC: the CFA is kept in r10, then on the stack */
    AT(SP, 1, 0) "lea 8(%rsp), %r10\n"
    AT(SP, 1, 0) "and $-32, %rsp\n"
    AT(NONE, 0, 0) "push -8(%r10)\n"
    AT(NONE, 0, 0) "push %rbp\n"
    AT(NONE, 0, 0) "mov %rsp, %rbp\n"
    AT(NONE, 0, 0) "push %r10\n"
    AT(DEREF, 1, 0) "sub $40, %rsp\n"
    AT(DEREF, 1, 0) "mov -8(%rbp), %r10\n"
    AT(DEREF, 1, 0) "leave\n"
    "lea -8(%r10), %rsp\n"
    AT(SP, 1, 0) "ret\n")

CODE(saved, /* perlasm: the old rsp is kept on the aligned stack */
    AT(SP, 1, 0) "mov %rsp, %rax\n"
    AT(SP, 1, 0) "push %rbp\n"
    AT(SP, 2, 0) "sub $100, %rsp\n"
    "and $-256, %rsp\n"
    "mov %rax, 64(%rsp)\n"
    AT(SAVED, 8, 0) "xor %ebp, %ebp\n"
    AT(SAVED, 8, 2) "mov 64(%rsp), %rsi\n"
    AT(SAVED, 8, 2) "mov -8(%rsi), %rbp\n"
    AT(SAVED, 8, 0) "lea (%rsi), %rsp\n"
    AT(SP, 1, 0) "ret\n")

CODE(sized, /* qhasm: how much was subtracted is kept; 254 is STEP_FP_LOST */
    AT(SP, 1, 0) "mov %rsp, %r11\n"
    AT(SP, 1, 0) "and $31, %r11\n"
    AT(SP, 1, 0) "add $0x40, %r11\n"
    AT(SP, 1, 0) "sub %r11, %rsp\n"
    AT(NONE, 0, 0) "mov %r11, 32(%rsp)\n"
    AT(SAVED, 524292, 0) "mov %rbp, 40(%rsp)\n"
    AT(SAVED, 524292, 0) "xor %ebp, %ebp\n"
    AT(SAVED, 524292, 254) "xor %r11d, %r11d\n"
    AT(SAVED, 524292, 254) "mov 32(%rsp), %r11\n"
    AT(SAVED, 524292, 254) "mov 40(%rsp), %rbp\n"
    AT(SAVED, 524292, 0) "add %r11, %rsp\n"
    AT(SP, 1, 0) "ret\n")

CODE(probes, /* LLVM touches each page of a large frame */
    AT(SP, 1, 0) "lea -40960(%rsp), %r11\n"
    "1:\n"
    AT(R11, 5121, 0) "sub $4096, %rsp\n"
    AT(R11, 5121, 0) "movq $0, (%rsp)\n"
    AT(R11, 5121, 0) "cmp %r11, %rsp\n"
    AT(R11, 5121, 0) "jne 1b\n"
    AT(SP, 5121, 0) "add $40960, %rsp\n"
    AT(SP, 1, 0) "ret\n")

CODE(probestack, /* a function does: it keeps rax */
    AT(SP, 1, 0) "mov $0x2000, %eax\n"
    AT(SP, 1, 0) "call 1f\n"
    AT(SP, 1, 0) "sub %rax, %rsp\n"
    AT(SP, 1025, 0) "add $0x2000, %rsp\n"
    AT(SP, 1, 0) "ret\n"
    "1:\n"
    AT(SP, 1, 0) "ret\n")

CODE(alloca,
    "push %rbp\n"
    "mov %rsp, %rbp\n"
    AT(FP, 2, 2) "sub %rdi, %rsp\n"
    AT(FP, 2, 2) "push %rax\n"
    AT(FP, 2, 2) "call 1f\n"
    AT(FP, 2, 2) "mov %rbp, %rsp\n"
    AT(FP, 2, 2) "pop %rbp\n"
    AT(SP, 1, 0) "ret\n"
    "1: ret\n")

CODE(locked, /* a branch behind `lock', as in glibc's malloc: one thread needs none */
    AT(SP, 1, 0) "push %rax\n"
    AT(SP, 2, 0) "je 1f\n"
    AT(SP, 2, 0) "lock\n"
    "1:" AT(SP, 2, 0) "cmpxchg %edx, (%rdi)\n"
    AT(SP, 2, 0) "pop %rax\n"
    AT(SP, 1, 0) "ret\n")

CODE(clobbered, /* rbp is overwritten, its caller knows: 254 is STEP_FP_LOST */
    AT(SP, 1, 0) "mov %rdi, %rbp\n"
    AT(SP, 1, 254) "push %rbx\n"
    AT(SP, 2, 254) "pop %rbx\n"
    AT(SP, 1, 254) "ret\n")

CODE(lost, /* an alloca without a frame pointer: nobody can know */
    AT(SP, 1, 0) "sub %rdi, %rsp\n"
    AT(NONE, 0, 0) "add %rdi, %rsp\n"
    AT(NONE, 0, 0) "ret\n")

CODE(arguments, /* pushed for a call */
    AT(SP, 1, 0) "push $1\n"
    AT(SP, 2, 0) "push %rax\n"
    AT(SP, 3, 0) "push 8(%rdi)\n"
    AT(SP, 4, 0) "call 1f\n"
    AT(SP, 4, 0) "add $24, %rsp\n"
    AT(SP, 1, 0) "ret\n"
    "1: ret\n")

/* ---- branches -------------------------------------------------------------------- */

CODE(early, /* returns before there is a frame */
    AT(SP, 1, 0) "test %edi, %edi\n"
    AT(SP, 1, 0) "je 1f\n"
    AT(SP, 1, 0) "push %rbp\n"
    AT(SP, 2, 0) "mov %rdi, %rbp\n"
    AT(SP, 2, 2) "pop %rbp\n"
    "1:\n"
    AT(SP, 1, 0) "ret\n")

CODE(heights, /* come together at different ones */
    AT(SP, 1, 0) "test %edi, %edi\n"
    AT(SP, 1, 0) "je 1f\n"
    AT(SP, 1, 0) "push %rax\n"
    "1:\n"
    AT(NONE, 0, 0) "nop\n"
    AT(NONE, 0, 0) "jmp *%rdi\n")

CODE(loops,
    AT(SP, 1, 0) "push %rax\n"
    "1:\n"
    AT(SP, 2, 0) "jmp 1b\n")

/* The table stands behind: its entries are distances from it. */
#define SWITCH(table, most) \
	"cmp $" #most ", %edi\n ja 9f\n mov %edi, %eax\n lea " table "(%rip), %rcx\n" \
	"movslq (%rcx, %rax, 4), %rax\n add %rcx, %rax\n"

CODE(table,
    "push %rax\n" SWITCH("8f", 1)
    AT(SP, 2, 0) "jmp *%rax\n"
    "1:\n" AT(SP, 2, 0) "pop %rax\n"
    AT(SP, 1, 0) "ret\n"
    "2:\n" AT(SP, 2, 0) "push %rax\n"
    AT(SP, 3, 0) "add $16, %rsp\n"
    AT(SP, 1, 0) "ret\n"
    "9:\n" AT(SP, 2, 0) "pop %rcx\n"
    "ret\n"
    "8: .long 1b - 8b, 2b - 8b, -1, -1\n")

CODE(elsewhere, /* the entries are distances from a label of the code, as in glibc's printf */
    "push %rax\n movzbl (%rdi), %eax\n lea 8f(%rip), %rcx\n lea 1f(%rip), %rdx\n"
    "movslq (%rcx, %rax, 4), %rax\n add %rdx, %rax\n"
    AT(SP, 2, 0) "jmp *%rax\n"
    "1:\n" AT(SP, 2, 0) "pop %rax\n"
    AT(SP, 1, 0) "ret\n"
    "2:\n" AT(SP, 2, 0) "push %rax\n"
    AT(SP, 3, 0) "add $16, %rsp\n"
    AT(SP, 1, 0) "ret\n"
    "8: .long 0, 2b - 1b, 0x1000000\n")

CODE(threaded, /* an interpreter, whose instructions have the addresses of their labels */
    "push %rax\n lea 8f(%rip), %rcx\n"
    "movzbl (%rdi), %eax\n mov (%rcx, %rax, 8), %rax\n mov %rax, (%rsi)\n"
    AT(SP, 2, 0) "jmp *(%rsi)\n"
    "1:\n" AT(SP, 2, 0) "add $8, %rsi\n"
    AT(SP, 2, 0) "jmp *(%rsi)\n"
    "2:\n" AT(SP, 2, 0) "pop %rax\n"
    AT(SP, 1, 0) "ret\n"
    "8:" POINTER("1b") POINTER("2b") ".quad 1\n")

CODE(masked, /* its index is what a mask leaves */
    "push %rax\n and $1, %edi\n lea 8f(%rip), %rcx\n movslq (%rcx, %rdi, 4), %rdi\n"
    "add %rcx, %rdi\n"
    AT(SP, 2, 0) "jmp *%rdi\n"
    "1:\n" AT(SP, 2, 0) "pop %rax\n ret\n"
    "2:\n" AT(SP, 2, 0) "pop %rcx\n ret\n"
    "8: .long 1b - 8b, 2b - 8b, -1, -1\n")

CODE(unoptimised, /* as GCC -O0 does it */
    "push %rax\n mov %edi, %eax\n lea 0(, %rax, 4), %rdx\n lea 8f(%rip), %rax\n"
    "mov (%rdx, %rax), %eax\n cltq\n lea 8f(%rip), %rdx\n add %rdx, %rax\n"
    AT(SP, 2, 0) "jmp *%rax\n"
    "1:\n" AT(SP, 2, 0) "pop %rax\n ret\n"
    "2:\n" AT(SP, 2, 0) "pop %rcx\n ret\n"
    "8: .long 1b - 8b, 2b - 8b, 0x10000000\n")

CODE(merged, /* one jump for two tables, one behind the other */
    "push %rax\n test %esi, %esi\n je 5f\n" SWITCH("8f", 0) "jmp 6f\n"
    "5:" SWITCH("7f", 1)
    "6:\n" AT(SP, 2, 0) "jmp *%rax\n"
    "1:\n" AT(SP, 2, 0) "pop %rax\n ret\n"
    "2:\n" AT(SP, 2, 0) "pop %rcx\n ret\n"
    "3:\n" AT(SP, 2, 0) "pop %rdx\n ret\n"
    "9: pop %rcx\n ret\n"
    "8: .long 1b - 8b\n"
    "7: .long 2b - 7b, 3b - 7b, -1\n")

CODE(pointers, /* a table of addresses, which the loader sets */
    "push %rax\n lea 8f(%rip), %rcx\n"
    AT(SP, 2, 0) "jmp *(%rcx, %rdi, 8)\n"
    "1:\n" AT(SP, 2, 0) "pop %rax\n ret\n"
    "2:\n" AT(SP, 2, 0) "pop %rcx\n ret\n"
    "8:" POINTER("1b") POINTER("2b") ".quad 1\n")

CODE(unresolved, /* addresses that are taken may be where it goes */
    "push %rax\n"
    AT(SP, 2, 0) "jmp *8(%rdi)\n"
    START(4) AT(NONE, 0, 0) "mov $1, %eax\n"
    AT(NONE, 0, 0) "pop %rcx\n"
    AT(NONE, 0, 0) "ret\n"
    /* This one proves to be a function. */
    START(4) AT(SP, 1, 0) "push %rax\n"
    AT(SP, 2, 0) "pop %rax\n"
    AT(SP, 1, 0) "ret\n")

/* ---- calls that do not return, parts that stand elsewhere -------------------------- */

CODE(last, /* a call that nothing follows */
    AT(SP, 1, 0) "test %edi, %edi\n"
    "je 1f\n"
    AT(SP, 1, 0) "ret\n"
    "1:\n" AT(SP, 1, 0) "push %rax\n"
    AT(SP, 2, 0) "call *8f(%rip)\n"
    "int3\n .balign 16, 0xcc\n"
    START(1) AT(SP, 1, 0) "ret\n"
    "8: .quad 0\n")

CODE(lower, /* what stands behind the call is lower: so it does not return */
    AT(SP, 1, 0) "test %edi, %edi\n"
    "je 1f\n"
    AT(SP, 1, 0) "push %rax\n"
    AT(SP, 2, 0) "call *8f(%rip)\n"
    "1:\n" AT(SP, 1, 0) "push %rbx\n"
    AT(SP, 2, 0) "pop %rbx\n"
    AT(SP, 1, 0) "ret\n"
    "8: .quad 0\n")

CODE(named, /* it is known not to return, and what follows is another function's */
    AT(SP, 1, 0) "push %rax\n"
    AT(SP, 2, 0) "call *8f(%rip)\n"
    AT(NONE, 0, 0) "add $4096, %rsp\n"
    AT(NONE, 0, 0) "ret\n"
    "8:" NORETURN ".quad 0\n")

CODE(by_slot, /* so is one whose address the loader puts into a slot */
    AT(SP, 1, 0) "push %rax\n"
    AT(SP, 2, 0) "call *8f(%rip)\n"
    AT(NONE, 0, 0) "add $4096, %rsp\n"
    AT(NONE, 0, 0) "ret\n"
    START(1) "1:" AT(SP, 1, 0) "push %rax\n"
    AT(SP, 2, 0) "hlt\n"
    "8:" POINTER("1b"))

CODE(recursion, /* two that call each other, and never come to an end */
    AT(SP, 1, 0) "push %rax\n"
    AT(SP, 2, 0) "call 1f\n"
    AT(NONE, 0, 0) "add $4096, %rsp\n"
    "ret\n"
    "1:\n" AT(SP, 1, 0) "sub $24, %rsp\n"
    AT(SP, 4, 0) "call 2f\n"
    AT(NONE, 0, 0) "add $4096, %rsp\n"
    "ret\n"
    "2:\n" AT(SP, 1, 0) "push %rax\n"
    AT(SP, 2, 0) "call 1b\n"
    AT(NONE, 0, 0) "add $4096, %rsp\n"
    "ret\n")

CODE(tails, /* up, down, and to what has no other caller */
    "push %rax\n pop %rax\n"
    AT(SP, 1, 0) "jne 1f\n"
    AT(SP, 1, 0) "jmp 2f\n"
    START(2) "1:\n" AT(SP, 1, 0) "push %rbx\n"
    AT(SP, 2, 0) "pop %rbx\n"
    AT(SP, 1, 0) "ret\n"
    START(2) "2:\n" AT(SP, 1, 0) "push %rbx\n"
    AT(SP, 2, 0) "pop %rbx\n"
    AT(SP, 1, 0) "jmp 1b\n")

CODE(cold, /* a part elsewhere, with the state in which it is jumped to; it comes back */
    AT(SP, 1, 0) "push %rbp\n"
    "mov %rdi, %rbp\n"
    AT(SP, 2, 2) "je 5f\n"
    "1:\n" AT(SP, 2, 2) "pop %rbp\n"
    "ret\n"
    "2:\n" AT(SP, 3, 2) "pop %rcx\n" /* only reached from there */
    "jmp 1b\n"
    START(2) "5:\n" AT(SP, 2, 2) "push %rax\n"
    AT(SP, 3, 2) "jne 2b\n"
    AT(SP, 3, 2) "pop %rax\n"
    AT(SP, 2, 2) "pop %rbp\n"
    AT(SP, 1, 0) "ret\n")

CODE(held, /* a local symbol that nobody calls: it may be such a part */
    AT(SP, 1, 0) "ret\n"
    START(2) AT(NONE, 0, 0) "mov %rdi, (%rsp)\n"
    AT(NONE, 0, 0) "ret\n"
    START(2) AT(NONE, 0, 0) "mov %rdi, 8(%rsp)\n"
    AT(NONE, 0, 0) "pop %rcx\n"
    AT(NONE, 0, 0) "ret\n"
    START(2) AT(NONE, 0, 0) "inc %eax\n"
    AT(NONE, 0, 0) "jmp 7f\n"
    START(1) "7:" AT(SP, 1, 0) "ret\n")

CODE(proven, /* one that does what only a function does */
    AT(SP, 1, 0) "ret\n"
    START(2) AT(SP, 1, 0) "push %rbp\n"
    AT(SP, 2, 0) "sub $16, %rsp\n"
    AT(SP, 4, 0) "mov %rdi, 8(%rsp)\n"
    AT(SP, 4, 0) "call 7f\n"
    AT(SP, 4, 0) "add $16, %rsp\n"
    AT(SP, 2, 0) "pop %rbp\n"
    AT(SP, 1, 0) "ret\n"
    "7:" AT(SP, 1, 0) "inc %eax\n"
    AT(SP, 1, 0) "ret\n")

CODE(cold_table, /* an entry of a table leads there */
    "push %rax\n" SWITCH("8f", 1)
    AT(SP, 2, 0) "jmp *%rax\n"
    "1: pop %rax\n ret\n"
    "9: pop %rax\n ret\n"
    "8: .long 1b - 8b, 2f - 8b\n"
    START(2) "2:\n" AT(SP, 2, 0) "pop %rcx\n"
    AT(SP, 1, 0) "ret\n")

/* ---- what makes no sense ------------------------------------------------------------ */

CODE(height, /* returns from another height than it was called at */
    AT(NONE, 0, 0) "push %rax\n"
    AT(NONE, 0, 0) "push %rax\n"
    AT(NONE, 0, 0) "pop %rax\n"
    AT(NONE, 0, 0) "ret\n")

CODE(pointer, /* does not restore the caller's frame pointer */
    AT(NONE, 0, 0) "mov $1, %ebp\n"
    AT(NONE, 0, 0) "ret\n")

CODE(overlap, /* a jump into an instruction */
    AT(NONE, 0, 0) "je 1f + 1\n"
    "1:\n" AT(NONE, 0, 0) "mov $0x90909090, %eax\n"
    AT(NONE, 0, 0) "ret\n")

CODE(data, /* in the middle of code: what cannot be decoded is no path */
    AT(SP, 1, 0) "je 1f\n"
    AT(SP, 1, 0) "push %rax\n"
    ".byte 0x06, 0x0e, 0x16, 0x1e\n"
    "1:\n" AT(SP, 1, 0) "ret\n")

CODE(truncated,
    AT(SP, 1, 0) "push %rax\n"
    AT(NONE, 0, 0) ".byte 0x48, 0x81\n")

CODE(self, AT(SP, 1, 0) "jmp .\n")

CODE(popped, /* takes its return address: no row can lead up from there */
    AT(SP, 1, 0) "pop %rdi\n"
    AT(NONE, 0, 0) "jmp *%rdi\n")

CODE(switched, /* to another stack */
    AT(SP, 1, 0) "push %rbp\n"
    AT(SP, 2, 0) "mov %rdi, %rsp\n"
    AT(NONE, 0, 0) "pop %rbp\n"
    AT(NONE, 0, 0) "ret\n")

/* ---- the test ------------------------------------------------------------------------ */

/* Take the notes in a range of addresses as an array of pairs. */
static size_t
take(const struct note *from, const struct note *to, const unsigned char *begin,
    const unsigned char *end, struct note *out, size_t max)
{
	size_t n = 0;

	for (; from < to; from++)
		if (from->addr >= (uint64_t)begin && from->addr < (uint64_t)end && n < max)
			out[n++] = *from;
	return n;
}

static uint32_t
rule_at(const struct synth_rows *rows, uint64_t addr)
{
	for (size_t i = 0; i < rows->n; i++)
		if (addr - rows->row[i].addr < rows->row[i].len)
			return rows->row[i].rule;
	return 0;
}

/* Compare the rules of a function with what is expected. */
static int
compare(const struct synth_rows *rows, const struct note *expected, size_t n,
    const unsigned char *begin)
{
	int good = n > 0;

	for (size_t i = 0; i < n; i++) {
		uint32_t rule = rule_at(rows, expected[i].addr);

		if (rule == expected[i].number)
			continue;
		printf("# at +%zu: kind %u cfa %u fp %u, not %u %u %u\n",
		    (size_t)(expected[i].addr - (uint64_t)begin), STEP_KIND(rule),
		    STEP_CFA(rule), STEP_FP_WORDS(rule),
		    STEP_KIND((uint32_t)expected[i].number),
		    STEP_CFA((uint32_t)expected[i].number),
		    STEP_FP_WORDS((uint32_t)expected[i].number));
		good = 0;
	}
	return good;
}

static void
check(const char *name, const unsigned char *begin, const unsigned char *end)
{
	struct synth_segment segment = { (uint64_t)begin, (size_t)(end - begin), begin, 1 };
	struct synth_code code = { .segment = &segment, .nsegment = 1 };
	struct note expected[64], note[16];
	struct synth_start start[16];
	struct synth_pointer pointer[16];
	struct synth_rows rows;
	uint64_t slot[16];
	size_t n;

	code.nstart = take(__start_synth_starts, __stop_synth_starts, begin, end, note, 16);
	for (size_t i = 0; i < code.nstart; i++)
		start[i] = (struct synth_start){ note[i].addr, (unsigned)note[i].number };
	code.start = start;
	code.nnoreturn = take(__start_synth_slots, __stop_synth_slots, begin, end, note, 16);
	for (size_t i = 0; i < code.nnoreturn; i++)
		slot[i] = note[i].addr;
	code.noreturn = slot;
	code.npointer = take(__start_synth_pointers, __stop_synth_pointers, begin, end, note,
	    16);
	for (size_t i = 0; i < code.npointer; i++)
		pointer[i] = (struct synth_pointer){ note[i].addr, note[i].number, 1 };
	code.pointer = pointer;
	n = take(__start_synth_expected, __stop_synth_expected, begin, end, expected, 64);
	if (!ok(synth_rows(&code, &rows) == 0, "%s: made", name))
		return;
	ok(compare(&rows, expected, n, begin), "%s: %zu rules", name, n);
	free(rows.row);
}

#define CHECK(name) check(#name, begin_##name, end_##name)

/* A program's first instructions have no caller, but what they call has. */
CODE(root,
    AT(ROOT, 0, 0) "xor %ebp, %ebp\n"
    AT(ROOT, 0, 0) "and $-16, %rsp\n"
    AT(ROOT, 0, 0) "call 1f\n"
    AT(ROOT, 0, 0) "hlt\n"
    "1:\n" AT(SP, 1, 0) "push %rax\n"
    AT(SP, 2, 0) "pop %rax\n"
    "ret\n")

static void
check_root(void)
{
	struct synth_segment segment = { (uint64_t)begin_root,
		(size_t)(end_root - begin_root), begin_root, 1 };
	struct synth_start start = { (uint64_t)begin_root, SYNTH_ROOT };
	struct synth_code code = { .segment = &segment, .nsegment = 1, .start = &start,
		.nstart = 1 };
	struct note expected[64];
	struct synth_rows rows;
	size_t n = take(__start_synth_expected, __stop_synth_expected, begin_root, end_root,
	    expected, 64);

	ok(synth_rows(&code, &rows) == 0 && compare(&rows, expected, n, begin_root),
	    "root: %zu rules", n);
	free(rows.row);
}

/* Code that needs no rows is left alone, and what it calls is known. */
static void
check_covered(void)
{
	struct synth_segment segment = { (uint64_t)begin_arguments,
		(size_t)(end_arguments - begin_arguments), begin_arguments, 1 };
	struct synth_range covered = { segment.addr, segment.addr + segment.len - 1 };
	struct synth_start start[] = { { covered.addr, 1 }, { covered.end, 1 } };
	struct synth_code code = { .segment = &segment, .nsegment = 1, .covered = &covered,
		.ncovered = 1, .start = start, .nstart = 2 };
	struct synth_rows rows;

	ok(synth_rows(&code, &rows) == 0 && rows.n == 1 && rows.known == 1 &&
	        rows.row[0].addr == covered.end && rows.row[0].len == 1 &&
	        rows.row[0].rule == STEP_RULE(STEP_SP, 1, 0),
	    "covered: only the rest gets rows");
	free(rows.row);
}

/* Functions of which each is known only from the one before are all found, and in a time
 * that does not grow with the square of their number. */
static void
check_chain(void)
{
	static unsigned char code_bytes[1 << 20];
	struct synth_segment segment = { 0x100000, sizeof code_bytes, code_bytes, 1 };
	struct synth_start start = { 0x100000, 1 };
	struct synth_code code = { .segment = &segment, .nsegment = 1, .start = &start,
		.nstart = 1 };
	/* call to the next one; ret */
	static const unsigned char function[16] = { 0xe8, 11, 0, 0, 0, 0xc3, 0x90, 0x90, 0x90,
		0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90 };
	struct synth_rows rows;

	for (size_t i = 0; i < sizeof code_bytes; i += sizeof function)
		memcpy(code_bytes + i, function, sizeof function);
	if (!ok(synth_rows(&code, &rows) == 0, "chain: made"))
		return;
	/* The last ones do not return: they end in a call of nothing. */
	ok(rows.n == 65536 && rows.known > 6 * 65400, "chain: %zu rows", rows.n);
	free(rows.row);
}

/* Whatever is asked to stop does. */
static void
check_stop(void)
{
	static unsigned char nops[1 << 20];
	struct synth_segment segment = { 0x1000, sizeof nops, nops, 1 };
	struct synth_start start = { 0x1000, 1 };
	atomic_int stop = 1;
	struct synth_code code = { .segment = &segment, .nsegment = 1, .start = &start,
		.nstart = 1, .stop = &stop };
	struct synth_rows rows;

	memset(nops, 0x90, sizeof nops);
	ok(synth_rows(&code, &rows) < 0 && rows.row == NULL, "stops if it is to");
}

int
main(void)
{
	CHECK(pushes);
	CHECK(frame);
	CHECK(enter);
	CHECK(moved);
	CHECK(aligned);
	CHECK(realigned);
	CHECK(saved);
	CHECK(sized);
	CHECK(probes);
	CHECK(probestack);
	CHECK(alloca);
	CHECK(locked);
	CHECK(clobbered);
	CHECK(lost);
	CHECK(arguments);
	CHECK(early);
	CHECK(heights);
	CHECK(loops);
	CHECK(table);
	CHECK(elsewhere);
	CHECK(threaded);
	CHECK(masked);
	CHECK(unoptimised);
	CHECK(merged);
	CHECK(pointers);
	CHECK(unresolved);
	CHECK(last);
	CHECK(lower);
	CHECK(named);
	CHECK(by_slot);
	CHECK(recursion);
	CHECK(tails);
	CHECK(cold);
	CHECK(held);
	CHECK(proven);
	CHECK(cold_table);
	CHECK(height);
	CHECK(pointer);
	CHECK(overlap);
	CHECK(data);
	CHECK(truncated);
	CHECK(self);
	CHECK(popped);
	CHECK(switched);
	check_root();
	check_covered();
	check_chain();
	check_stop();
	return tap_done();
}
