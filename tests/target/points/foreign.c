/*
 * Stacks as C makes them.
 */
#include <alloca.h>
#include <setjmp.h>
#include <ucontext.h>

unsigned long realigned(unsigned long (*call)(void), unsigned long n);
unsigned long jumped(unsigned long (*call)(void));
unsigned long in_context(unsigned long (*call)(void), void *stack,
    unsigned long size);

/* gcc finds the callers of such a frame through a pointer in the frame, for
 * its arguments lie at no fixed distance. */
__attribute__((noinline)) unsigned long
realigned(unsigned long (*call)(void), unsigned long n)
{
	_Alignas(64) volatile char line[64];
	volatile char *more = alloca(n);

	line[n & 63] = 1;
	more[n - 1] = 2;
	return call() + (unsigned long)line[n & 63] + (unsigned long)more[n - 1];
}

static jmp_buf back;

__attribute__((noinline)) static void
jump(unsigned long n)
{
	volatile unsigned long room[64];

	room[n & 63] = n;
	longjmp(back, (int)room[n & 63]);
}

/* Call from where longjmp(3) has led back to. */
__attribute__((noinline)) unsigned long
jumped(unsigned long (*call)(void))
{
	volatile unsigned long n = 7;

	if (setjmp(back) == 0)
		jump(n);
	n += call();
	return n;
}

static ucontext_t here, there;
static unsigned long (*inside)(void);
static volatile unsigned long result;

static void
context_body(void)
{
	result = inside();
	result++;
}

/* Call in a context of makecontext(3), on its own stack. */
__attribute__((noinline)) unsigned long
in_context(unsigned long (*call)(void), void *stack, unsigned long size)
{
	inside = call;
	if (getcontext(&there) < 0)
		return 0;
	there.uc_stack.ss_sp = stack;
	there.uc_stack.ss_size = size;
	there.uc_link = &here;
	makecontext(&there, context_body, 0);
	if (swapcontext(&here, &there) < 0)
		return 0;
	return result;
}
