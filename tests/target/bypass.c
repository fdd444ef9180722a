/*
 * bypass: looks like a program of rustc's, and has its four allocation functions,
 * which only jump on; but nothing goes through them.
 *
 * At the first line that it reads it allocates 20,000 times in early(), at the
 * second 1,000 times 64 bytes in later(); it keeps that until its input ends.
 */
#include <stdio.h>
#include <stdlib.h>

/* As panic messages of std have it. */
const char *volatile rust_path = "/rustc/0000000000000000000000000000000000000000/"
    "library/std/src/panicking.rs";

__asm__(".text\n"
    ".macro shim name to\n"
    ".balign 16\n.type \\name, @function\n"
    "\\name: .byte 0xe9\n.long \\to - . - 4\n.size \\name, . - \\name\n"
    ".endm\n"
    "shim __rust_alloc given_alloc\n"
    "shim __rust_dealloc given_dealloc\n"
    "shim __rust_realloc given_realloc\n"
    "shim __rust_alloc_zeroed given_zeroed\n");

/* What they would lead to. */
__attribute__((used)) static void *
given_alloc(size_t size)
{
	return malloc(size);
}

__attribute__((used)) static void *
given_zeroed(size_t size)
{
	return calloc(1, size);
}

__attribute__((used)) static void
given_dealloc(void *p)
{
	free(p);
}

__attribute__((used)) static void *
given_realloc(void *p, size_t old, size_t align, size_t size)
{
	(void)old, (void)align;
	return realloc(p, size);
}

static void *volatile kept[21000];

static __attribute__((noinline)) void
early(void)
{
	for (int i = 0; i < 20000; i++)
		kept[i] = malloc(100);
}

static __attribute__((noinline)) void
later(void)
{
	for (int i = 20000; i < 21000; i++)
		kept[i] = malloc(64);
}

static void
await_line(const char *say)
{
	puts(say);
	fflush(stdout);
	while (getchar() != '\n' && !feof(stdin))
		continue;
}

int
main(void)
{
	await_line("ready");
	early();
	await_line("early");
	later();
	await_line("done");
	return 0;
}
