#include "os/kallsyms.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"

struct entry {
	uint64_t addr;
	char *name;
};

struct kallsyms {
	struct entry *entry; /* by address */
	size_t n, room;
};

/* Read a note of /sys/kernel/notes, as elf(5) has it under "Notes", and its build-id
 * if it is that.  Returns the offset of the next one. */
static size_t
read_note(const unsigned char *note, size_t n, size_t at, char *out)
{
	uint32_t head[3]; /* lengths of name and description, type */
	size_t desc;

	memcpy(head, note + at, sizeof head);
	desc = at + sizeof head + (((size_t)head[0] + 3) & ~(size_t)3);
	if (head[2] == 3 && head[0] == 4 && head[1] <= 64 && desc + head[1] <= n &&
	    memcmp(note + at + sizeof head, "GNU", 4) == 0)
		for (uint32_t i = 0; i < head[1]; i++)
			snprintf(out + (size_t)2 * i, 3, "%02x", note[desc + i]);
	return desc + (((size_t)head[1] + 3) & ~(size_t)3);
}

void
kallsyms_buildid(char *out)
{
	unsigned char note[4096];
	FILE *f = fopen("/sys/kernel/notes", "re");
	size_t n = f ? fread(note, 1, sizeof note, f) : 0;

	out[0] = '\0';
	for (size_t at = 0; n >= 16 && at <= n - 16;)
		at = read_note(note, n, at, out);
	if (f)
		fclose(f);
}

/* Add a symbol.  Returns -1: out of memory. */
static int
add(struct kallsyms *k, uint64_t addr, const char *name)
{
	if (array_room(&k->entry, k->n, &k->room, sizeof *k->entry) < 0)
		return -1;
	k->entry[k->n].addr = addr;
	k->entry[k->n].name = strdup(name);
	return k->entry[k->n++].name ? 0 : -1;
}

/* Read all text symbols.  Without the right to see them, addresses are 0. */
static const char *
load(struct kallsyms *k, FILE *f)
{
	char line[1024], type, name[512];
	uint64_t addr;

	while (fgets(line, sizeof line, f))
		if (sscanf(line, "%" SCNx64 " %c %511s", &addr, &type, name) == 3 &&
		    (type == 't' || type == 'T' || type == 'w' || type == 'W') &&
		    addr != 0 && add(k, addr, name) < 0)
			return "out of memory";
	if (k->n == 0)
		return "its symbols in /proc/kallsyms are hidden: this takes root, or "
		       "sysctl kernel.kptr_restrict=0";
	qsort(k->entry, k->n, sizeof *k->entry, array_order);
	return NULL;
}

struct kallsyms *
kallsyms_open(const char *buildid, int fd, const char **problem)
{
	char running[129];
	struct kallsyms *k;
	FILE *f;

	kallsyms_buildid(running);
	if (buildid == NULL || strcmp(running, buildid) != 0) {
		*problem = "another kernel is running here";
		return NULL;
	}
	if (fd < 0)
		fd = open("/proc/kallsyms", O_RDONLY | O_CLOEXEC);
	f = fd < 0 ? NULL : fdopen(fd, "r");
	k = f ? calloc(1, sizeof *k) : NULL;
	*problem = k ? load(k, f) : "/proc/kallsyms cannot be read";
	if (f)
		fclose(f);
	if (*problem == NULL)
		return k;
	kallsyms_close(k);
	return NULL;
}

void
kallsyms_close(struct kallsyms *k)
{
	if (k == NULL)
		return;
	for (size_t i = 0; i < k->n; i++)
		free(k->entry[i].name);
	free(k->entry);
	free(k);
}

const char *
kallsyms_lookup(const struct kallsyms *k, uint64_t addr)
{
	size_t n = array_upto(k->entry, k->n, sizeof *k->entry, addr);

	return n ? k->entry[n - 1].name : NULL;
}
