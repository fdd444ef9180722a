#include "os/proc.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "base/array.h"

#define PF_KTHREAD 0x00200000 /* include/linux/sched.h */

/* Read the start of /proc/PID/stat, whose name may hold newlines, and its owner.
 * Returns -1 with errno. */
static int
read_stat(pid_t pid, char *buf, size_t size, struct stat *st)
{
	char path[64];
	size_t n;
	FILE *f;

	snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
	f = fopen(path, "re");
	if (f == NULL)
		return -1;
	n = fread(buf, 1, size - 1, f);
	buf[n] = '\0';
	if (n == 0 || fstat(fileno(f), st) < 0) {
		fclose(f);
		errno = ESRCH;
		return -1;
	}
	fclose(f);
	return 0;
}

#define EIGHT_MORE " %*s %*s %*s %*s %*s %*s %*s %*s"
#define TEN_MORE EIGHT_MORE " %*s %*s"

int
proc_stat(pid_t pid, struct proc_stat *out)
{
	char text[1024], *name, *end;
	struct stat st;
	unsigned flags;
	int n;

	if (read_stat(pid, text, sizeof text, &st) < 0)
		return -1;
	/* The name is in parentheses and may hold any of them itself. */
	name = strchr(text, '(');
	end = strrchr(text, ')');
	n = name && end ? sscanf(end + 1, " %c %d %*d %*d %*d %*d %u" TEN_MORE EIGHT_MORE
	                             " %" SCNu64, &out->state, &out->ppid, &flags, &out->stack) : 0;
	if (n != 4) {
		errno = EIO;
		return -1;
	}
	*end = '\0';
	snprintf(out->name, sizeof out->name, "%s", name + 1);
	out->kernel = (flags & PF_KTHREAD) != 0;
	out->uid = st.st_uid;
	return 0;
}

int
proc_thread_has_ended(pid_t tid)
{
	struct proc_stat s;

	if (proc_stat(tid, &s) < 0) /* unless that says something of us alone */
		return errno != EMFILE && errno != ENFILE && errno != ENOMEM;
	return s.state == 'Z' || s.state == 'X';
}

pid_t
proc_shown(pid_t pid)
{
	struct proc_stat s;
	pid_t *tid, shown = pid;
	size_t n;

	if (proc_stat(pid, &s) < 0 || (s.state != 'Z' && s.state != 'X'))
		return pid;
	tid = proc_threads(pid, &n);
	for (size_t i = 0; tid && i < n && shown == pid; i++)
		if (tid[i] != pid && !proc_thread_has_ended(tid[i]))
			shown = tid[i];
	free(tid);
	return shown;
}

int
proc_has_ended(pid_t pid)
{
	return proc_thread_has_ended(pid) && proc_shown(pid) == pid;
}

int
proc_thread_name(pid_t pid, pid_t tid, char out[PROC_NAME_MAX])
{
	char path[64];
	FILE *f;
	size_t n;

	snprintf(path, sizeof path, "/proc/%d/task/%d/comm", (int)pid, (int)tid);
	f = fopen(path, "re");
	if (f == NULL)
		return -1;
	n = fread(out, 1, PROC_NAME_MAX - 1, f);
	fclose(f);
	if (n > 0 && out[n - 1] == '\n')
		n--;
	out[n] = '\0';
	return 0;
}

char *
proc_exe(pid_t pid)
{
	char path[64], target[4096];
	ssize_t n;

	snprintf(path, sizeof path, "/proc/%d/exe", (int)proc_shown(pid));
	n = readlink(path, target, sizeof target - 1);
	if (n <= 0)
		return NULL;
	target[n] = '\0';
	return strdup(target);
}

char *
proc_cmdline(pid_t pid)
{
	char path[64], buf[4096];
	FILE *f;
	size_t n;

	snprintf(path, sizeof path, "/proc/%d/cmdline", (int)proc_shown(pid));
	f = fopen(path, "re");
	if (f == NULL)
		return NULL;
	n = fread(buf, 1, sizeof buf - 1, f);
	fclose(f);
	while (n > 0 && buf[n - 1] == '\0')
		n--;
	if (n == 0)
		return NULL;
	for (size_t i = 0; i < n; i++)
		if (buf[i] == '\0')
			buf[i] = ' ';
	buf[n] = '\0';
	return strdup(buf);
}

/* ---- lists of numbers -------------------------------------------------- */

struct list {
	pid_t *pid;
	size_t n, room;
};

static int
push(struct list *l, pid_t pid)
{
	if (array_room(&l->pid, l->n, &l->room, sizeof *l->pid) < 0)
		return -1;
	l->pid[l->n++] = pid;
	return 0;
}

/* Read the numbers in a directory; an empty one still gives a list. */
static int
read_numbers(const char *path, struct list *l)
{
	DIR *d = opendir(path);
	struct dirent *e;
	int error = 0;

	if (d == NULL)
		return -1;
	l->room = 64;
	l->pid = reallocarray(NULL, l->room, sizeof *l->pid);
	if (l->pid == NULL)
		error = ENOMEM;
	while (!error && (e = readdir(d)))
		if (isdigit((unsigned char)e->d_name[0]) &&
		    push(l, (pid_t)strtol(e->d_name, NULL, 10)) < 0)
			error = ENOMEM;
	closedir(d);
	errno = error;
	return error ? -1 : 0;
}

pid_t *
proc_threads(pid_t pid, size_t *n)
{
	struct list l = { NULL, 0, 0 };
	char path[64];

	snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
	if (read_numbers(path, &l) < 0) {
		free(l.pid);
		return NULL;
	}
	*n = l.n;
	return l.pid;
}

/* Returns whether a list has a pid. */
static int
is_in(const struct list *l, pid_t pid)
{
	for (size_t i = 0; i < l->n; i++)
		if (l->pid[i] == pid)
			return 1;
	return 0;
}

/* Add the descendants of root.  Pids do not ascend from parent to child, so go on
 * until none is new. */
static int
add_descendants(const struct list *all, const pid_t *ppid, pid_t root,
    struct list *out)
{
	size_t before;

	do {
		before = out->n;
		for (size_t i = 0; i < all->n; i++)
			if (ppid[i] > 0 && !is_in(out, all->pid[i]) &&
			    (ppid[i] == root || is_in(out, ppid[i])) &&
			    push(out, all->pid[i]) < 0)
				return -1;
	} while (out->n > before);
	return 0;
}

pid_t *
proc_descendants(pid_t pid, size_t *n)
{
	struct list all = { NULL, 0, 0 }, out = { NULL, 0, 0 };
	struct proc_stat st;
	pid_t *ppid = NULL;

	out.pid = malloc(64 * sizeof *out.pid);
	out.room = 64;
	if (out.pid && read_numbers("/proc", &all) == 0)
		ppid = calloc(all.n + 1, sizeof *ppid);
	for (size_t i = 0; ppid && i < all.n; i++)
		if (proc_stat(all.pid[i], &st) == 0)
			ppid[i] = st.ppid;
	if (ppid == NULL || add_descendants(&all, ppid, pid, &out) < 0) {
		free(out.pid);
		out.pid = NULL;
		errno = ENOMEM;
	}
	free(all.pid);
	free(ppid);
	*n = out.n;
	return out.pid;
}

/* ---- mappings ---------------------------------------------------------- */

/* Turn the newlines of a path back, which /proc/PID/maps writes as \\012. */
static void
unescape(char *path)
{
	char *to = path;

	for (const char *from = path; *from; to++)
		if (strncmp(from, "\\012", 4) == 0) {
			*to = '\n';
			from += 4;
		} else {
			*to = *from++;
		}
	*to = '\0';
}

static int
parse_map(char *line, struct proc_map *m, char perms[8])
{
	int at = 0;

	line[strcspn(line, "\n")] = '\0';
	if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %7s %" SCNx64 " %x:%x %" SCNu64
	        " %n", &m->start, &m->end, perms, &m->offset, &m->major, &m->minor,
	        &m->ino, &at) < 7)
		return -1;
	m->path = line + at;
	m->copied = 0;
	unescape(line + at);
	return 0;
}

int
proc_all_maps(pid_t pid,
    void (*fn)(void *ctx, const struct proc_map *map, const char *perms), void *ctx)
{
	char path[64], perms[8], *line = NULL;
	struct proc_map m;
	size_t size = 0;
	FILE *f;

	snprintf(path, sizeof path, "/proc/%d/maps", (int)proc_shown(pid));
	f = fopen(path, "re");
	if (f == NULL)
		return -1;
	while (getline(&line, &size, f) > 0)
		if (parse_map(line, &m, perms) == 0)
			fn(ctx, &m, perms);
	free(line);
	fclose(f);
	return 0;
}

/* The callers of proc_maps() and proc_data_maps(). */
struct maps {
	void (*code)(void *ctx, const struct proc_map *map);
	void (*data)(void *ctx, uint64_t start, uint64_t end, int own);
	void *ctx;
};

static void
on_code_map(void *ctx, const struct proc_map *map, const char *perms)
{
	const struct maps *m = ctx;

	if (perms[2] == 'x')
		m->code(m->ctx, map);
}

static void
on_data_map(void *ctx, const struct proc_map *map, const char *perms)
{
	const struct maps *m = ctx;

	if (perms[0] == 'r' && strcmp(map->path, "[vsyscall]") != 0)
		m->data(m->ctx, map->start, map->end, perms[3] == 'p');
}

int
proc_maps(pid_t pid, void (*fn)(void *ctx, const struct proc_map *map), void *ctx)
{
	struct maps m = { .code = fn, .ctx = ctx };

	return proc_all_maps(pid, on_code_map, &m);
}

int
proc_data_maps(pid_t pid,
    void (*fn)(void *ctx, uint64_t start, uint64_t end, int own), void *ctx)
{
	struct maps m = { .data = fn, .ctx = ctx };

	return proc_all_maps(pid, on_data_map, &m);
}

uint64_t
proc_cpu(pid_t pid)
{
	struct timespec t;
	clockid_t clock;

	if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &t) < 0)
		return 0;
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* Returns the kilobytes in a line of /proc/PID/status, in bytes; 0 where it is another
 * line. */
static uint64_t
kilobytes(const char *line, const char *key)
{
	size_t len = strlen(key);

	return strncmp(line, key, len) == 0 ? strtoull(line + len, NULL, 10) << 10 : 0;
}

int
proc_memory(pid_t pid, uint64_t *rss, uint64_t *anon)
{
	char path[64], line[256];
	FILE *f;

	snprintf(path, sizeof path, "/proc/%d/status", (int)proc_shown(pid));
	f = fopen(path, "re");
	if (f == NULL)
		return -1;
	*rss = *anon = 0;
	while (fgets(line, sizeof line, f)) {
		*rss += kilobytes(line, "VmRSS:");
		*anon += kilobytes(line, "RssAnon:");
	}
	fclose(f);
	return 0;
}

uint64_t
proc_data(pid_t pid)
{
	char path[64], line[256];
	uint64_t bytes = 0;
	FILE *f;

	snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof line, f))
		bytes += kilobytes(line, "VmData:");
	if (f)
		fclose(f);
	return bytes;
}

int
proc_read(pid_t pid, uint64_t addr, void *to, size_t len)
{
	struct iovec local = { to, len }, remote = { NULL, len };
	ssize_t n;
	pid_t shown;

	memcpy(&remote.iov_base, &addr, sizeof addr);
	n = process_vm_readv(pid, &local, 1, &remote, 1, 0);
	if (n < 0 && errno == ESRCH && (shown = proc_shown(pid)) != pid)
		n = process_vm_readv(shown, &local, 1, &remote, 1, 0);
	return n == (ssize_t)len ? 0 : -1;
}

long
proc_number(const char *path, long fallback)
{
	FILE *f = fopen(path, "re");
	long v;

	if (f == NULL)
		return fallback;
	if (fscanf(f, "%ld", &v) != 1)
		v = fallback;
	fclose(f);
	return v;
}

int
proc_sibling(char path[PATH_MAX], const char *name)
{
	ssize_t n = readlink("/proc/self/exe", path, PATH_MAX - 1);
	size_t dir;

	if (n < 0)
		return -1;
	path[n] = '\0';
	dir = (size_t)(strrchr(path, '/') + 1 - path);
	if (dir + strlen(name) >= PATH_MAX) {
		errno = ENAMETOOLONG;
		return -1;
	}
	strcpy(path + dir, name);
	return 0;
}

/* Returns by how much CLOCK_MONOTONIC of our time namespace is ahead of the kernel's own,
 * in ns: see time_namespaces(7). */
static int64_t
clock_offset(void)
{
	long long seconds, ns;
	int64_t offset = 0;
	char line[128];
	FILE *f = fopen("/proc/self/timens_offsets", "re");

	while (f && fgets(line, sizeof line, f))
		if (sscanf(line, "monotonic %lld %lld", &seconds, &ns) == 2)
			offset = (int64_t)seconds * 1000000000 + ns;
	if (f)
		fclose(f);
	return offset;
}

uint64_t
proc_now(void)
{
	static _Atomic int64_t offset = INT64_MIN; /* not read yet */
	struct timespec t;

	if (offset == INT64_MIN)
		offset = clock_offset();
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec - (uint64_t)offset;
}
