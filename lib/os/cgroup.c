#include "os/cgroup.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

/* How a version names its files, and what of memory.stat can be given back. */
static const struct version {
	const char *type, *limit, *usage, *stat[2];
} versions[] = {
	{ "cgroup", "memory.limit_in_bytes", "memory.usage_in_bytes",
	    { "total_inactive_file", "total_active_file" } },
	{ "cgroup2", "memory.max", "memory.current", { "inactive_file", "active_file" } },
};

/* Returns whether a word is in a list with commas. */
static int
is_in_list(const char *list, const char *word)
{
	size_t len = strlen(word);

	for (const char *at = list; (at = strstr(at, word)); at += len)
		if ((at == list || at[-1] == ',') && (at[len] == ',' || at[len] == '\0'))
			return 1;
	return 0;
}

/* Set `out` to where a version's groups are mounted.  Returns -1 if they are not. */
static int
find_mount(const struct version *v, char out[PATH_MAX])
{
	FILE *f = fopen("/proc/self/mounts", "re");
	char line[3 * PATH_MAX], type[64], options[1024];
	int found = -1;

	while (found < 0 && f && fgets(line, sizeof line, f))
		if (sscanf(line, "%*s %4095s %63s %1023s", out, type, options) == 3 &&
		    strcmp(type, v->type) == 0 &&
		    (v != versions || is_in_list(options, "memory")))
			found = 0;
	if (f)
		fclose(f);
	return found;
}

/* Set `out` to a process' group in a version's tree.  Returns -1 if it has none. */
static int
find_group(pid_t pid, const struct version *v, char out[PATH_MAX])
{
	char path[64], line[2 * PATH_MAX], *controllers, *group;
	int found = -1;
	FILE *f;

	snprintf(path, sizeof path, "/proc/%d/cgroup", (int)pid);
	f = fopen(path, "re");
	while (found < 0 && f && fgets(line, sizeof line, f)) {
		line[strcspn(line, "\n")] = '\0';
		controllers = strchr(line, ':');
		group = controllers ? strchr(controllers + 1, ':') : NULL;
		if (group == NULL || strlen(group) > PATH_MAX)
			continue;
		*group++ = '\0';
		if (v == versions ? is_in_list(controllers + 1, "memory") : controllers[1] == '\0') {
			strcpy(out, group);
			found = 0;
		}
	}
	if (f)
		fclose(f);
	return found;
}

/* Returns the number in a file, or behind a word there if `key` is not NULL; `fallback` if
 * there is none, as where it says "max". */
static uint64_t
number(const char *dir, const char *name, const char *key, uint64_t fallback)
{
	char path[2 * PATH_MAX + 64], word[64];
	uint64_t is, found = fallback;
	FILE *f;

	snprintf(path, sizeof path, "%s/%s", dir, name);
	f = fopen(path, "re");
	if (f == NULL)
		return fallback;
	if (key == NULL && fscanf(f, "%" SCNu64, &is) == 1)
		found = is;
	while (key && fscanf(f, "%63s %" SCNu64, word, &is) == 2)
		if (strcmp(word, key) == 0)
			found = is;
	fclose(f);
	return found;
}

static uint64_t
room_of(const char *dir, const struct version *v)
{
	uint64_t limit = number(dir, v->limit, NULL, UINT64_MAX), used;

	if (limit == UINT64_MAX)
		return UINT64_MAX;
	used = number(dir, v->usage, NULL, 0);
	for (size_t i = 0; i < 2; i++) {
		uint64_t cache = number(dir, "memory.stat", v->stat[i], 0);

		used -= cache < used ? cache : used;
	}
	return limit > used ? limit - used : 0;
}

uint64_t
cgroup_room(pid_t pid)
{
	char mount[PATH_MAX], group[PATH_MAX], dir[2 * PATH_MAX], *end;
	uint64_t least = UINT64_MAX, room;

	for (const struct version *v = versions; v < versions + 2; v++) {
		if (find_mount(v, mount) < 0 || find_group(pid, v, group) < 0)
			continue;
		/* The group, and all that it is in. */
		do {
			snprintf(dir, sizeof dir, "%s%s", mount, group);
			room = room_of(dir, v);
			if (room < least)
				least = room;
			end = strrchr(group, '/');
			if (end)
				*end = '\0';
		} while (end);
	}
	return least;
}
