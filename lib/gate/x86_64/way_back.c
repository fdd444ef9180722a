#include "gate/way_back.h"

#include <cpuid.h>
#include <elf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>

#include "base/array.h"
#include "os/proc.h"

#define RED_ZONE 128
#define MOST_CODE (8 << 20) /* bytes of a file that are searched */
#define STATE_MAX 16384     /* bytes of vector registers */
#define FXSAVE 512          /* of them in the oldest format, with the kernel's words behind */
#define SOFTWARE 464        /* where these are in it */
#define TILES (3ULL << 17)  /* AMX: not in a frame unless the process has asked for it */

struct way_back_stack {
	uint64_t start, end;
	int is_main; /* the first thread's */
};

/* ---- pieces -------------------------------------------------------------- */

static const unsigned char ret[] = { 0x0f, 0x05, 0xc3 };
static const unsigned char restorers[][9] = {
	{ 0x48, 0xc7, 0xc0, 0x0f, 0x00, 0x00, 0x00, 0x0f, 0x05 }, /* mov $15, %rax; syscall */
	{ 0xb8, 0x0f, 0x00, 0x00, 0x00, 0x0f, 0x05 },             /* mov $15, %eax; syscall */
};
static const size_t lengths[] = { 9, 7 };

static void
search(struct way_back *w, uint64_t start, uint64_t end)
{
	unsigned char code[65536];

	for (; start < end && !(w->syscall_ret && w->sigreturn); start += sizeof code) {
		size_t len = end - start < sizeof code ? end - start : sizeof code;
		const unsigned char *at;

		if (proc_read(w->pid, start, code, len) < 0)
			return;
		at = w->syscall_ret ? NULL : memmem(code, len, ret, sizeof ret);
		if (at)
			w->syscall_ret = start + (uint64_t)(at - code);
		for (size_t i = 0; i < 2 && w->sigreturn == 0; i++)
			if ((at = memmem(code, len, restorers[i], lengths[i])))
				w->sigreturn = start + (uint64_t)(at - code);
	}
}

static void
on_map(void *ctx, const struct proc_map *map, const char *perms)
{
	struct way_back *w = ctx;
	const char *slash = strrchr(map->path, '/');

	if (perms[0] == 'r' && perms[1] == 'w' &&
	    array_room(&w->stack, w->n, &w->room, sizeof *w->stack) == 0)
		w->stack[w->n++] = (struct way_back_stack){ map->start, map->end,
			strcmp(map->path, "[stack]") == 0 };
	if (perms[2] == 'x' && slash &&
	    (strncmp(slash, "/libc", 5) == 0 || strncmp(slash, "/ld-musl", 8) == 0))
		search(w, map->start, map->end);
}

/* Of programs without a C library beside them. */
static void
on_code(void *ctx, const struct proc_map *map)
{
	struct way_back *w = ctx;

	if (map->path[0] == '/' && map->end - map->start <= MOST_CODE)
		search(w, map->start, map->end);
}

void
way_back_find(struct way_back *w, pid_t pid)
{
	*w = (struct way_back){ .pid = pid };
	proc_all_maps(pid, on_map, w);
	if (w->syscall_ret == 0 || w->sigreturn == 0)
		proc_maps(pid, on_code, w);
}

void
way_back_clear(struct way_back *w)
{
	free(w->stack);
}

/* ---- the frame ------------------------------------------------------------ */

/* As the kernel has it: struct rt_sigframe, with its struct ucontext and sigcontext. */
struct frame {
	uint64_t handler_end;
	uint64_t flags, link;
	uint64_t stack;
	uint32_t stack_flags, pad;
	uint64_t stack_size;
	uint64_t r8, r9, r10, r11, r12, r13, r14, r15, di, si, bp, bx, dx, ax, cx, sp, ip, eflags;
	uint16_t cs, gs, fs, ss;
	uint64_t error, trap, old_mask, address, state, reserved[8];
	uint64_t mask;
	uint64_t info[16];
};

_Static_assert(sizeof(struct frame) == 8 + 40 + 256 + 8 + 128, "as the kernel has it");

#define HAS_STATE 1U     /* UC_FP_XSTATE */
#define HAS_SS 6U        /* UC_SIGCONTEXT_SS, UC_STRICT_RESTORE_SS */
#define NO_STACK 0x7000U /* no flags of a signal stack: it stays as it is */
#define RESTART_SYSCALL 219

/* Set the registers that a frame restores: a system call that was interrupted begins again. */
static void
set_registers(struct frame *f, const struct user_regs_struct *u)
{
	int64_t error = (int64_t)u->orig_rax < 0 ? 0 : -(int64_t)u->rax;

	f->r8 = u->r8;
	f->r9 = u->r9;
	f->r10 = u->r10;
	f->r11 = u->r11;
	f->r12 = u->r12;
	f->r13 = u->r13;
	f->r14 = u->r14;
	f->r15 = u->r15;
	f->di = u->rdi;
	f->si = u->rsi;
	f->bp = u->rbp;
	f->bx = u->rbx;
	f->dx = u->rdx;
	f->ax = u->rax;
	f->cx = u->rcx;
	f->sp = u->rsp;
	f->ip = u->rip;
	f->eflags = u->eflags;
	f->cs = (uint16_t)u->cs;
	f->ss = (uint16_t)u->ss;
	if (error >= 512 && error <= 516 && error != 515) {
		f->ax = error == 516 ? RESTART_SYSCALL : u->orig_rax;
		f->ip -= 2;
	}
}

/* Returns how many bytes vector registers of these kinds take in a frame. */
static uint32_t
size_of_state(uint64_t kinds)
{
	uint32_t most = FXSAVE + 64, a, b, c, d;

	for (unsigned i = 2; i < 63; i++)
		if (kinds & 1ULL << i) {
			__cpuid_count(0xd, i, a, b, c, d);
			most = a + b > most ? a + b : most;
		}
	return most;
}

/* Read the vector registers as a frame has them.  Returns their size, 0 if that fails. */
static size_t
read_state(pid_t tid, unsigned char state[STATE_MAX + 4])
{
	static const uint32_t end = 0x46505845;
	struct iovec iov = { state, STATE_MAX };
	struct {
		uint32_t magic, extended;
		uint64_t kinds;
		uint32_t size, pad[7];
	} words = { .magic = 0x46505853 };

	if (ptrace(PTRACE_GETREGSET, tid, NT_X86_XSTATE, &iov) < 0 || iov.iov_len < FXSAVE + 64)
		return 0;
	/* There the kernel tells all kinds that there may be. */
	memcpy(&words.kinds, state + SOFTWARE, sizeof words.kinds);
	words.kinds &= ~TILES;
	words.size = size_of_state(words.kinds);
	words.extended = words.size + sizeof end;
	if (words.size > iov.iov_len)
		return 0;
	memcpy(state + SOFTWARE, &words, sizeof words);
	memcpy(state + words.size, &end, sizeof end);
	return words.extended;
}

/* Returns the beginning of the stack that a thread of a C library has, 0 if it is another. */
static uint64_t
beginning_of_stack(const struct way_back *w, const struct user_regs_struct *u)
{
	size_t i = array_upto(w->stack, w->n, sizeof *w->stack, u->rsp);
	const struct way_back_stack *s = i ? &w->stack[i - 1] : NULL;

	if (s == NULL || u->rsp >= s->end)
		return 0;
	return s->is_main || (u->fs_base > u->rsp && u->fs_base < s->end) ? s->start : 0;
}

uint64_t
way_back_lay(const struct way_back *w, pid_t tid, const void *registers, uint64_t mask)
{
	const struct user_regs_struct *user = registers;
	unsigned char state[STATE_MAX + 4];
	struct frame f = { .handler_end = w->sigreturn, .flags = HAS_STATE | HAS_SS,
		.stack_flags = NO_STACK, .mask = mask };
	struct iovec local[2] = { { &f, sizeof f }, { state, 0 } }, remote[2];
	uint64_t start = beginning_of_stack(w, user), at;
	size_t len;

	if (w->syscall_ret == 0 || w->sigreturn == 0 || start == 0 ||
	    (len = read_state(tid, state)) == 0)
		return 0;
	set_registers(&f, user);
	f.state = (user->rsp - RED_ZONE - len) & ~63ULL;
	at = (f.state - sizeof f) & ~15ULL;
	if (at < start + 4096)
		return 0;
	local[1].iov_len = len;
	remote[0] = (struct iovec){ NULL, sizeof f };
	remote[1] = (struct iovec){ NULL, len };
	memcpy(&remote[0].iov_base, &at, sizeof at);
	memcpy(&remote[1].iov_base, &f.state, sizeof f.state);
	return process_vm_writev(w->pid, local, 2, remote, 2, 0) == (ssize_t)(sizeof f + len) ? at : 0;
}
