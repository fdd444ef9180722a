/*
 * bypass: looks like a program of rustc's, and has its four allocation functions,
 * which only jump on; but nothing goes through them.
 *
 * At the first line that it reads it allocates 20,000 times in early(), at the
 * second 1,000 times 64 bytes in later(); it keeps that until its input ends.
 */
#include <stdio.h>
#include <stdlib.h>

#include "tests/target/shims.h"

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
