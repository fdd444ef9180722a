#include "unwind/tables.h"

#include <stdio.h>
#include <string.h>

#include "elf/debugfile.h"
#include "elf/elf_file.h"
#include "os/proc.h"
#include "unwind/cfi.h"
#include "unwind/unwind.h"

#define MANY 8 /* bytes: one in so many has no entry of .eh_frame */
#define SOME 64 /* one in so many has no row */

/* Returns whether a table may have more rows by what stands in a file apart. */
static int
is_partial(const struct unwind_table *t)
{
	uint64_t without = (uint64_t)t->made + t->bare;

	return !t->apart && without &&
	    (without * MANY >= t->listed || (uint64_t)t->bare * SOME >= t->listed + without);
}

int
tables_complete(struct unwind_table *t, const struct elf_file *elf, pid_t pid,
    const char *path, const atomic_int *stop)
{
	char root[32], name[DEBUGFILE_NAME];
	const struct debugfile_where where = { .root = root, .path = path, .local = 1 };
	struct unwind_table more;
	struct elf_file *apart;
	int got = 0;

	if (path[0] != '/' || !is_partial(t))
		return 0;
	snprintf(root, sizeof root, "/proc/%d/root", (int)proc_shown(pid));
	apart = debugfile_open(elf, &where, name);
	if (apart && cfi_compile_with(&more, elf, apart, stop) == NULL) {
		unwind_free(t);
		*t = more;
		got = 1;
	}
	elf_file_close(apart);
	return got;
}

const char *
tables_compile(struct unwind_table *t, const struct elf_file *elf, pid_t pid, const char *path,
    const atomic_int *stop)
{
	const char *problem = cfi_compile(t, elf, stop);

	if (problem == NULL)
		tables_complete(t, elf, pid, path, stop);
	return problem;
}
