#include "profile/profile_types.h"

#include <string.h>

static const char *const group_name[PROFILE_NGROUPS] = {
	"function", "generic", "line", "crate", "module", "thread"
};

static const char *const metric_name[PROFILE_NMETRICS] = { "cpu", "off", "wall" };

static const char *const state_name[PROFILE_NSTATES] = {
	"on", "ready", "sleeping", "disk", "stopped"
};

const char *
profile_metric_name(enum profile_metric metric)
{
	return metric_name[metric];
}

enum profile_metric
profile_metric(const char *name)
{
	unsigned m = 0;

	while (m < PROFILE_NMETRICS && strcmp(name, metric_name[m]))
		m++;
	return (enum profile_metric)m;
}

const char *
profile_state_name(enum profile_state state)
{
	return state_name[state];
}

const char *
profile_group_name(enum profile_group group)
{
	return group_name[group];
}

enum profile_group
profile_group(const char *name)
{
	unsigned g = 0;

	while (g < PROFILE_NGROUPS && strcmp(name, group_name[g]))
		g++;
	return (enum profile_group)g;
}

unsigned
profile_runtime(const char *category)
{
	static const struct {
		const char *name;
		unsigned bit;
	} names[] = {
		{ "std", PROFILE_RUNTIME_STD },
		{ "alloc", PROFILE_RUNTIME_ALLOC },
		{ "libc", PROFILE_RUNTIME_LIBC },
		{ "runtime", PROFILE_RUNTIME_EXECUTOR },
	};

	for (size_t i = 0; category && i < sizeof names / sizeof names[0]; i++)
		if (strcmp(category, names[i].name) == 0)
			return names[i].bit;
	return 0;
}
