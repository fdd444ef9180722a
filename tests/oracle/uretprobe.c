/*
 * uretprobe PID FILE OFFSET...: have the kernel take the place of the return
 * addresses of functions at such hexadecimal offsets in a file that a process
 * executes, until standard input ends.
 *
 * Out: ready
 */
#include <err.h>
#include <linux/perf_event.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static const char device[] = "/sys/bus/event_source/devices/uprobe";

/* The first number in a file of the device. */
static unsigned
number(const char *name)
{
	char path[128], text[64];
	const char *p;
	FILE *f;

	snprintf(path, sizeof path, "%s/%s", device, name);
	f = fopen(path, "r");
	if (f == NULL || fgets(text, sizeof text, f) == NULL)
		err(1, "%s", path);
	fclose(f);
	p = strpbrk(text, "0123456789");
	if (p == NULL)
		errx(1, "%s: no number", path);
	return (unsigned)strtoul(p, NULL, 10);
}

int
main(int argc, char *argv[])
{
	struct perf_event_attr attr;
	char c;

	if (argc < 4)
		errx(2, "usage: uretprobe PID FILE OFFSET...");
	memset(&attr, 0, sizeof attr);
	attr.size = sizeof attr;
	attr.type = number("type");
	attr.config = 1ULL << number("format/retprobe");
	attr.config1 = (uintptr_t)argv[2];
	for (int i = 3; i < argc; i++) {
		attr.config2 = strtoull(argv[i], NULL, 16);
		if (syscall(SYS_perf_event_open, &attr, atoi(argv[1]), -1, -1, 0) < 0)
			err(1, "%s: a uretprobe at %s", argv[2], argv[i]);
	}
	puts("ready");
	fflush(stdout);
	while (read(STDIN_FILENO, &c, 1) > 0)
		;
	return 0;
}
