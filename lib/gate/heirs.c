#include "gate/heirs.h"

#include <dirent.h>
#include <stdlib.h>

#include "gate/abi.h"
#include "gate/gate.h"
#include "os/proc.h"
#include "unwind/mapping.h"

#define PASSES 4 /* over all processes: some are forked meanwhile */
#define PATIENCE_MS 50

static void
on_map(void *ctx, const struct proc_map *map)
{
	struct heirs *h = ctx;

	if (!mapping_is_gate(map->path) || map->offset != 0 || (h->base && h->base != map->start))
		return;
	h->base = map->start;
	h->ino = map->ino;
	h->major = map->major;
	h->minor = map->minor;
}

uint64_t
heirs_find(pid_t pid, struct heirs *out)
{
	struct heirs h = { .pid = pid };

	proc_maps(pid, on_map, &h);
	if (out) {
		h.all_callers = out->all_callers;
		*out = h;
	}
	return h.base;
}

/* Returns whether a process has a copy of the gate which leads somewhere. */
static int
is_heir(const struct heirs *h, pid_t pid)
{
	struct gate_data d;
	struct heirs own = { .base = h->base };

	/* Few processes have anything at that address. */
	if (pid == h->pid || proc_read(pid, h->base + GATE_CODE, &d, sizeof d) < 0 ||
	    d.magic != GATE_MAGIC || d.owner == 0 || d.process == pid)
		return 0;
	proc_maps(pid, on_map, &own);
	return own.ino == h->ino && own.major == h->major && own.minor == h->minor;
}

/* Returns whether it was restored. */
static int
restore(const struct heirs *h, pid_t pid)
{
	const struct gate_options o = { .period = GATE_OFF, .all_callers = h->all_callers,
		.patience = PATIENCE_MS };
	struct gate_status status;
	struct gate *g;

	return gate_attach(&g, pid, &o, &status) == NULL && gate_detach(g) == NULL;
}

/* Returns how many processes were restored. */
static unsigned
restore_all(const struct heirs *h)
{
	DIR *d = opendir("/proc");
	const struct dirent *e;
	unsigned n = 0;

	while (d && (e = readdir(d))) {
		pid_t pid = (pid_t)strtol(e->d_name, NULL, 10);

		if (pid > 0 && is_heir(h, pid))
			n += (unsigned)restore(h, pid);
	}
	if (d)
		closedir(d);
	return n;
}

void
heirs_restore(const struct heirs *h)
{
	for (int i = 0; h->base && i < PASSES && restore_all(h); i++)
		continue;
}
