/*
 * The user who called sudo(8): programs that need no privilege run as them.
 */
#ifndef INVOKER_H
#define INVOKER_H

#include <sys/types.h>

struct invoker {
	uid_t uid; /* 0: nobody, keep our own identity */
	gid_t gid;
};

/* Read SUDO_UID and SUDO_GID. out->uid is 0 where we are not root, were not
 * called by sudo, or were called by root. */
void invoker_find(struct invoker *out);

/* Take the user's identity for good, with the groups that the user database
 * gives them. Does nothing if user->uid is 0. Clears the signal of
 * PR_SET_PDEATHSIG. Returns 0, or -1 with errno. */
int invoker_become(const struct invoker *user);

#endif
