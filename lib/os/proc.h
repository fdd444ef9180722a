/*
 * Processes and threads, as /proc has them.  Functions return 0, or -1 with errno
 * (ENOENT or ESRCH: it is gone) unless they say otherwise.
 */
#ifndef PROC_H
#define PROC_H

#include <limits.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define PROC_NAME_MAX 64

struct proc_stat {
	pid_t ppid;
	uid_t uid;
	char state;       /* R S D T t Z X I, see proc_pid_stat(5) */
	int kernel;       /* a kernel thread */
	uint64_t stack;   /* where its first thread's stack pointer began; 0: not permitted */
	char name[PROC_NAME_MAX];
};

/* Read /proc/PID/stat. */
int proc_stat(pid_t pid, struct proc_stat *out);

/* Returns whether all threads of a process, or one thread, are gone, or only wait to be
 * waited for.  A process whose first thread has ended goes on with the others. */
int proc_has_ended(pid_t pid);
int proc_thread_has_ended(pid_t tid);

/*
 * Returns the number under which /proc shows the memory and files of a process: that
 * of another thread where the first one has ended, else pid.  Functions here that take
 * a process ask by themselves; who opens files of /proc/PID has to.
 */
pid_t proc_shown(pid_t pid);

/* Copy the name of a thread. */
int proc_thread_name(pid_t pid, pid_t tid, char out[PROC_NAME_MAX]);

/* Returns the path of the executable, or the arguments joined by spaces, to be freed;
 * NULL where they cannot be read. */
char *proc_exe(pid_t pid);
char *proc_cmdline(pid_t pid);

/* Returns the threads of a process, or its living descendants: *n numbers, to be freed;
 * NULL with errno. */
pid_t *proc_threads(pid_t pid, size_t *n);
pid_t *proc_descendants(pid_t pid, size_t *n);

struct proc_map {
	uint64_t start, end, offset; /* addresses; bytes into the file */
	uint64_t ino;
	uint32_t major, minor;
	const char *path; /* "" where there is none */
	int copied;       /* for mapping_code() of unwind/mapping.h */
};

/* Call fn for each mapping of a process, with its permissions as /proc/PID/maps
 * writes them ("r-xp"). */
int proc_all_maps(pid_t pid,
    void (*fn)(void *ctx, const struct proc_map *map, const char *perms), void *ctx);

/* Call fn for each executable mapping of a process. */
int proc_maps(pid_t pid, void (*fn)(void *ctx, const struct proc_map *map),
    void *ctx);

/* Call fn for each mapping that can be read, with its range, and whether it is the
 * process' own (MAP_PRIVATE). */
int proc_data_maps(pid_t pid,
    void (*fn)(void *ctx, uint64_t start, uint64_t end, int own), void *ctx);

/* Returns the CPU time of all of a process' threads, in ns; 0: it is gone. */
uint64_t proc_cpu(pid_t pid);

/* Read a process' resident memory, and the part of it that is no file's, in bytes. */
int proc_memory(pid_t pid, uint64_t *rss, uint64_t *anon);

/* Returns the bytes of a process' writable private memory, resident or not, which no
 * heap can exceed; 0 if that is not known. */
uint64_t proc_data(pid_t pid);

/* Read a process' memory.  Returns -1 where not all of it can be read. */
int proc_read(pid_t pid, uint64_t addr, void *to, size_t len);

/* Returns the number in a file such as /proc/sys/kernel/perf_event_paranoid, or
 * fallback where it cannot be read. */
long proc_number(const char *path, long fallback);

/* Write the path of the program `name` that stands beside this one.  Returns -1 with
 * errno. */
int proc_sibling(char path[PATH_MAX], const char *name);

/* Returns CLOCK_MONOTONIC in nanoseconds, the time of records: the kernel's own, which perf
 * and BPF have, whatever the time namespace. */
uint64_t proc_now(void);

#endif
