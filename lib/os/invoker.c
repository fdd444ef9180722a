#include "os/invoker.h"

#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/arg.h"

void
invoker_find(struct invoker *out)
{
	const char *uid = getenv("SUDO_UID"), *gid = getenv("SUDO_GID");
	uint64_t u, g;

	*out = (struct invoker){ 0, 0 };
	if (geteuid() != 0 || uid == NULL || gid == NULL)
		return;
	if (arg_number(uid, 1, UINT_MAX - 1, &u) < 0 ||
	    arg_number(gid, 0, UINT_MAX - 1, &g) < 0)
		return;
	out->uid = (uid_t)u;
	out->gid = (gid_t)g;
}

int
invoker_become(const struct invoker *user)
{
	const struct passwd *entry;

	if (user->uid == 0)
		return 0;
	entry = getpwuid(user->uid);
	if ((entry ? initgroups(entry->pw_name, user->gid) : setgroups(0, NULL)) < 0)
		return -1;
	if (setresgid(user->gid, user->gid, user->gid) < 0)
		return -1;
	return setresuid(user->uid, user->uid, user->uid);
}
