/*
 * Child processes that other programs run in.
 */
#ifndef CHILD_H
#define CHILD_H

#include <signal.h>
#include <stddef.h>
#include <sys/types.h>

struct invoker;

#define CHILD_KEPT 4

struct child {
	char *const *argv;          /* looked for in PATH, ended by NULL */
	int in, out, err;           /* its descriptors 0, 1 and 2 */
	int kept[CHILD_KEPT];       /* further ones that it inherits under their numbers */
	size_t nkept;
	const int *ignored;         /* signals that it ignores, ended by 0 */
	const sigset_t *mask;       /* signals that it blocks */
	const struct invoker *user; /* whom it runs as; NULL: as we do */
	int mortal;                 /* it gets SIGTERM when we end, however we do */
};

/*
 * Start c->argv in a child process. All descriptors but those named in c must
 * be close-on-exec, and 0, 1 and 2 open. SIGPIPE, SIGTERM and SIGCHLD have their
 * default actions in it unless they are ignored by c. Where the program cannot be
 * executed, the child says so on its descriptor 2 and exits with status 126, or
 * 127 if there is no such program. Returns its number, or -1 with errno.
 */
pid_t child_start(const struct child *c);

/* Return a status of waitid(2) as shells have it: 128 and the number of the
 * signal for a process that was killed. */
int child_status(const siginfo_t *info);

/* Open /dev/null in place of those of the descriptors 0, 1 and 2 that are
 * closed; writing to 1 fails then. Returns 0, or -1 with errno. */
int child_open_standard(void);

#endif
