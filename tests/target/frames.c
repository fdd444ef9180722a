/* Frames of all kinds that C compilers make, for whoever has to understand them from the
 * code.  Prints a number that means nothing. */
#include <alloca.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define APART __attribute__((noinline))

static int sink(char *p, int n) APART;
static int many(int a, int b, int c, int d, int e, int f, int g, int h, int i) APART;
static void die(const char *text) __attribute__((noreturn)) APART;

static int
sink(char *p, int n)
{
	memset(p, n, (size_t)(n & 7));
	return p[0];
}

static int
many(int a, int b, int c, int d, int e, int f, int g, int h, int i)
{
	char x[8] = { (char)a, (char)b, (char)c, (char)d, (char)e, (char)f };

	return sink(x, b) + h * i + g;
}

static void
die(const char *text)
{
	puts(text);
	exit(3);
}

static int
dynamic(int n)
{
	char *p = alloca((size_t)n + 8);

	return sink(p, n);
}

static int
large(int n)
{
	char b[200000];

	return sink(b, n);
}

static int
aligned(int n)
{
	_Alignas(64) char b[256];

	return sink(b, n);
}

static int
aligned_dynamic(int n)
{
	_Alignas(64) char b[256];
	char *p = alloca((size_t)n + 8);

	return sink(b, n) + sink(p, n);
}

static int
arguments(int n)
{
	return many(n, n, n, n, n, n, n, n + 1, n + 2) + many(n, n, n, n, n, n, 1, 2, 3);
}

static int
choose(int n)
{
	char b[64];

	switch (n) {
	case 0: return sink(b, 1);
	case 1: return sink(b + 1, 2) * 3;
	case 2: return sink(b + 2, 7) - n;
	case 3: puts("three"); return 4;
	case 4: return sink(b, 9) + sink(b, 10);
	case 5: die("five");
	case 6: return sink(b + 3, 4);
	case 9: return sink(b, 8) * sink(b, 3);
	default: return sink(b, n);
	}
}

static int
unlikely(int n)
{
	char b[8] = { (char)n };

	if (__builtin_expect(n == 77, 0)) {
		puts("seventy");
		puts("seven");
		if (n > 3)
			die("that is enough");
	}
	return sink(b, n) + 1;
}

static int
tail(int n)
{
	char c[8];

	sink(c, 1);
	return choose(n);
}

static int
recursive(int n)
{
	return n < 2 ? n : recursive(n - 1) + recursive(n - 2);
}

static int
in_loop(int n)
{
	int sum = 0;

	for (int i = 0; i < n; i++) {
		char *v = alloca((size_t)i + 8);

		sum += sink(v, i);
	}
	return sum;
}

/* Called by way of pointers, so that each stays a function of its own. */
static int (*const volatile frames[])(int) = { dynamic, large, aligned, aligned_dynamic,
	arguments, choose, unlikely, tail, recursive, in_loop };

int
main(int argc, char *argv[])
{
	int sum = 0;

	(void)argv;
	for (int i = 0; i < 5; i++)
		for (size_t f = 0; f < sizeof frames / sizeof *frames; f++)
			sum += frames[f](argc + i - 1);
	printf("%d\n", sum);
	return 0;
}
