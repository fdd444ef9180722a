/*
 * Calls back through two frames.  It is built without unwind tables: as
 * points-noeh.so with frame pointers, as points-nofp.so without.
 */
unsigned long noeh_outer(unsigned long (*call)(void));
unsigned long noeh_spin_outer(volatile unsigned long *turn);
unsigned long noeh_spin_bare_outer(volatile unsigned long *turn);

/* What the compiler must not see through, nor make a jump of. */
static unsigned long
after(unsigned long n)
{
	__asm__ volatile("" : "+r"(n));
	return n + 1;
}

__attribute__((noinline)) static unsigned long
noeh_inner(unsigned long (*call)(void), unsigned long n)
{
	volatile unsigned long room[8];

	room[n & 7] = n;
	return after(call()) + room[n & 7];
}

unsigned long
noeh_outer(unsigned long (*call)(void))
{
	volatile char room[100];

	room[7] = 1;
	return after(noeh_inner(call, after(5))) + (unsigned long)room[7];
}

/* Spin here: see spin() of points.rs. */
__attribute__((noinline)) static unsigned long
noeh_spin(volatile unsigned long *turn)
{
	volatile unsigned long now = *turn + 1;

	*turn = now;
	while (*turn == now)
		__builtin_ia32_pause();
	return now;
}

/* gcc gives a frame pointer to none that has no locals and calls nothing. */
__attribute__((noinline)) static unsigned long
noeh_spin_bare(volatile unsigned long *turn)
{
	unsigned long now = *turn + 1;

	*turn = now;
	while (*turn == now)
		__builtin_ia32_pause();
	return now;
}

unsigned long
noeh_spin_outer(volatile unsigned long *turn)
{
	return after(noeh_spin(turn));
}

unsigned long
noeh_spin_bare_outer(volatile unsigned long *turn)
{
	return after(noeh_spin_bare(turn));
}
