#include "heap/verdict.h"

#define FIRST_NS 200000000 /* in which it is looked more often */
#define SOON_NS 5000000
#define LATER_NS 20000000
#define LOOK_NS 500000000 /* a look, at most */
#define PLAIN 2           /* times the share: one need not look longer */
#define PLAIN_NS 1000000  /* of cost, for that */
#define LEAST_NS 50000000 /* of CPU time, else */

void
verdict_begin(struct verdict *v, const struct verdict_look *now)
{
	v->from = *now;
	if (v->begun == 0)
		v->begun = now->time;
}

int
verdict_is_over(struct verdict *v, const struct verdict_look *now, double share)
{
	double cost = now->cost - v->from.cost, cpu = (double)(now->cpu - v->from.cpu);
	int plain, long_enough = cpu >= LEAST_NS;

	if (cost > cpu) /* one of both was read a little later */
		cpu = cost;
	plain = cost >= PLAIN_NS && cost > PLAIN * share * cpu;
	if (plain || (long_enough && cpu > 0))
		v->load = cost / cpu;
	if (plain || (long_enough && cost > share * cpu))
		return 1;
	if (now->time >= v->from.time + LOOK_NS && long_enough)
		v->from = *now;
	return 0;
}

uint64_t
verdict_due(const struct verdict *v, uint64_t now)
{
	return now + (now < v->begun + FIRST_NS ? SOON_NS : LATER_NS);
}
