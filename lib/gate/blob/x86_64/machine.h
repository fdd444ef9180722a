/*
 * What the blob asks of the processor and, without a library, of the kernel.
 */
#ifndef MACHINE_H
#define MACHINE_H

#include <stdint.h>

#define SYS_MPROTECT 10
#define SYS_FUTEX 202

/* Returns a number that no other living thread of the process has: %fs:0. */
static inline uint64_t
thread(void)
{
	uint64_t self;

	__asm__ volatile("mov %%fs:0, %0" : "=r"(self));
	return self;
}

/* Returns the time stamp counter. */
static inline uint64_t
now(void)
{
	uint32_t low, high;

	__asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
	return (uint64_t)high << 32 | low;
}

/* Copy len bytes. */
static inline void
copy(void *to, const void *from, uint64_t len)
{
	uint64_t words = len / 8, rest = len % 8;

	__asm__ volatile("rep movsq" : "+D"(to), "+S"(from), "+c"(words) : : "memory");
	__asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(rest) : : "memory");
}

/* Make a system call.  Returns what it returns, or -errno. */
static inline long
call(long number, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, uint64_t f)
{
	register uint64_t r10 __asm__("r10") = d;
	register uint64_t r8 __asm__("r8") = e;
	register uint64_t r9 __asm__("r9") = f;
	long result;

	__asm__ volatile("syscall"
	    : "=a"(result)
	    : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
	    : "rcx", "r11", "memory");
	return result;
}

#endif
