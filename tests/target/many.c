/*
 * many LIBRARY DIRECTORY COUNT [late]: loads so many copies of a library, each a file of its
 * own with a build-id of its own, which it writes to a directory; late: at the first line that
 * it reads.  It has no Rust code itself.
 *
 * At each line that it reads it has every library allocate 100 bytes ten times, and frees
 * them; then it says "done".  At the line "fork" it forks a child that does so for ever, at
 * "share" one with the same memory, which does nothing.  It ends with its input.
 */
#include <dlfcn.h>
#include <err.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#define TIMES 10
#define LARGEST (1 << 20)

typedef void (*allocate_fn)(int times);

/* Find the build-id in an image of len bytes. */
static unsigned char *
buildid(unsigned char *image, size_t len)
{
	/* The note's type and name: see elf(5). */
	unsigned char *at = memmem(image, len, "\3\0\0\0GNU", 8);

	if (at == NULL)
		errx(1, "it has no build-id");
	return at + 8;
}

static size_t
read_all(const char *path, unsigned char *to)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t got = fd < 0 ? -1 : read(fd, to, LARGEST);

	if (got < 0)
		err(1, "%s", path);
	close(fd);
	return (size_t)got;
}

/* Write a copy, and load it.  Returns its function. */
static allocate_fn
load(const char *directory, uint32_t number, const unsigned char *image, size_t len)
{
	char path[PATH_MAX];
	void *library;
	allocate_fn fn;
	int fd;

	snprintf(path, sizeof path, "%s/lib%u.so", directory, (unsigned)number);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);
	if (fd < 0 || write(fd, image, len) != (ssize_t)len)
		err(1, "%s", path);
	close(fd);
	library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (library == NULL)
		errx(1, "%s", dlerror());
	*(void **)&fn = dlsym(library, "lib_allocate");
	return fn;
}

static void
load_all(char *argv[], allocate_fn *fn, uint32_t count)
{
	static unsigned char image[LARGEST];
	size_t len = read_all(argv[1], image);
	unsigned char *id = buildid(image, len);

	for (uint32_t i = 0; i < count; i++) {
		memcpy(id, &i, sizeof i);
		fn[i] = load(argv[2], i, image, len);
	}
}

static void
allocate(const allocate_fn *fn, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		fn[i](TIMES);
}

static void
fork_child(const allocate_fn *fn, uint32_t count)
{
	pid_t pid = fork();

	if (pid > 0)
		printf("child %d\n", (int)pid);
	if (pid != 0)
		return;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;)
		allocate(fn, count);
}

static int
idle(void *ctx)
{
	(void)ctx;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	while (pause() < 0)
		continue;
	return 0;
}

static void
share_memory(void)
{
	static char stack[64 << 10];

	printf("sharer %d\n", clone(idle, stack + sizeof stack, CLONE_VM | SIGCHLD, NULL));
}

static void
say(const char *text)
{
	puts(text);
	fflush(stdout);
}

int
main(int argc, char *argv[])
{
	uint32_t count = argc == 4 || argc == 5 ? (uint32_t)atoi(argv[3]) : 0;
	allocate_fn *fn = calloc(count + 1, sizeof *fn);
	char line[16];

	if (count == 0 || fn == NULL)
		errx(2, "usage: many LIBRARY DIRECTORY COUNT [late]");
	if (argc == 5) {
		say("ready");
		if (fgets(line, sizeof line, stdin) == NULL)
			return 0;
	}
	load_all(argv, fn, count);
	say(argc == 5 ? "loaded" : "ready");
	while (fgets(line, sizeof line, stdin)) {
		if (strcmp(line, "fork\n") == 0)
			fork_child(fn, count);
		else if (strcmp(line, "share\n") == 0)
			share_memory();
		else
			allocate(fn, count);
		say("done");
	}
	return 0;
}
