/*
 * Arms probes in short windows of time, so that what they cost stays within a budget in
 * each tenth of a second, and accounts for the time in between (heap/census).
 *
 * What is seen in a window stands for what the process has done since the window before,
 * in its own progress: its CPU time less the cost of probes.
 */
#ifndef WINDOWS_H
#define WINDOWS_H

#include <stdint.h>

struct arena;
struct arming;
struct census;

struct windows_mark {
	uint64_t time, cpu; /* ns; CPU time of the process */
};

struct windows {
	/* Set by the owner. */
	struct arming *arming;
	double share;              /* the budget, of the process' CPU time: 0 to 1 */
	double (*hit)(void *ctx);  /* what a hit costs a program, ns */
	void *ctx;

	struct census *census; /* NULL: not prepared */
	int begun;             /* there are windows */
	int whole;             /* nothing is older than the recording */
	struct arena *arena;
	uint64_t due;          /* beginning of the next window */
	uint64_t random;       /* state of a random number */
	int open;              /* the last one is not accounted for yet: */
	struct windows_mark before, from, until; /* before arming, armed, before disarming */
	uint64_t ended;        /* end of the one before, with its last call */
	double cpu;            /* CPU time of the process then */
	uint64_t covered;      /* ns in windows, since windows_covered() */
	double cost;           /* CPU time that windows took, since windows_cost() */
	double hit_ns;         /* what a hit takes, as calls show; 0: not known */
	double load;           /* cost per CPU time in a window: 0 to 1 */
	double busy;           /* threads that run in a window, at most */
	double overhead;       /* CPU time of arming and disarming, ns */
	double seen;           /* allocations in windows */
	double done, allocs;   /* progress of allocations, in windows that tell it */
	double pace;           /* CPU time per time, outside of windows */
};

/* Look at what the allocator has in use before the first allocation is recorded; whole:
 * the process is only starting. */
void windows_prepare(struct windows *w, int whole);

/* Begin windows: all probes are removed.  load is the cost of probes per CPU time, as
 * far as it is known; else 1.  Returns -1 if memory is short. */
int windows_begin(struct windows *w, double load);
void windows_end(struct windows *w);

/* Have a window if it is time for one. */
void windows_round(struct windows *w);

/* Account for the last window, if its last calls have come. */
void windows_settle(struct windows *w);

/* Returns for how long windows have lasted since the last call, in ns. */
uint64_t windows_covered(struct windows *w);

/* Returns the CPU time of the process that windows have taken since the last call, ns. */
double windows_cost(struct windows *w);

/* Bring the census' ranges up to date.  Returns the bytes that the allocator has in use;
 * 0: not known. */
uint64_t windows_look(struct windows *w);

#endif
