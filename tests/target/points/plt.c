/*
 * Calls through a procedure linkage table whose global offset table cannot be
 * read just then, so that the fault's handler finds the thread in the table's
 * code.  It is linked for lazy binding.
 */
#include <stdint.h>
#include <sys/mman.h>

extern char got[] __asm__("_GLOBAL_OFFSET_TABLE_")
    __attribute__((visibility("hidden")));

unsigned long plt_target(void);
void *plt_page(void);
unsigned long plt_call(void);
unsigned long plt_call_0(void);

/* Another library could have one of the same name, so calls take the table. */
unsigned long
plt_target(void)
{
	return 1;
}

/* The page that is to be out of reach. */
void *
plt_page(void)
{
	return (void *)((uintptr_t)got & ~(uintptr_t)4095);
}

static unsigned long
call(const char *entry)
{
	unsigned long (*f)(void) = (unsigned long (*)(void))(uintptr_t)entry;
	unsigned long n;

	__asm__("" : "+r"(f));
	n = f();
	__asm__("" : "+r"(n));
	return n + 1;
}

static const char *
entry(void)
{
	const char *p;

	__asm__("lea plt_target@PLT(%%rip), %0" : "=r"(p));
	return p;
}

/* The fault is at the first instruction of its entry. */
__attribute__((noinline)) unsigned long
plt_call(void)
{
	return call(entry());
}

/* It is at the first instruction of entry 0, where one that was not bound
 * goes after it has pushed its number. */
__attribute__((noinline)) unsigned long
plt_call_0(void)
{
	return call(entry() + 6);
}
