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
profile_category(const char *name)
{
	static const struct {
		const char *name;
		unsigned bit;
	} names[] = {
		{ "std", PROFILE_STD },
		{ "alloc", PROFILE_ALLOC },
		{ "libc", PROFILE_LIBC },
		{ "runtime", PROFILE_RUNTIME },
		{ "kernel", PROFILE_KERNEL },
		{ "user", PROFILE_USER },
		{ "dep", PROFILE_DEP },
		{ "other", PROFILE_OTHER },
	};

	for (size_t i = 0; name && i < sizeof names / sizeof names[0]; i++)
		if (strcmp(name, names[i].name) == 0)
			return names[i].bit;
	return 0;
}
