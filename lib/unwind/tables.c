#include "unwind/tables.h"

#include <stdio.h>
#include <string.h>

#include "elf/debugfile.h"
#include "elf/elf_file.h"
#include "os/proc.h"
#include "unwind/cfi.h"
#include "unwind/unwind.h"

int
tables_complete(struct unwind_table *t, const struct elf_file *elf, pid_t pid,
    const char *path, const atomic_int *stop)
{
	char root[32], name[DEBUGFILE_NAME];
	const struct debugfile_where where = { .root = root, .path = path, .local = 1 };
	uint64_t without = (uint64_t)t->made + t->bare;
	struct unwind_table more;
	struct elf_file *apart;
	int got = 0;

	if (path[0] != '/' || without == 0 || without * 8 < t->listed)
		return 0;
	snprintf(root, sizeof root, "/proc/%d/root", (int)proc_shown(pid));
	apart = debugfile_open(elf, &where, name);
	if (apart && cfi_compile_with(&more, elf, apart, stop) == NULL) {
		got = more.listed > t->listed;
		unwind_free(got ? t : &more);
		if (got)
			*t = more;
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
