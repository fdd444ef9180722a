#include "export/tasks.h"

#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "stream/rec.h"

/* Set *text to a copy of a string that lives as long as the tasks; NULL for NULL. */
static int
copy(struct tasks *t, const char *s, const char **text)
{
	uint32_t number;

	if (strtab_add(&t->strings, s, &number) < 0)
		return -1;
	*text = strtab_text(&t->strings, number);
	return 0;
}

/* ---- processes ---------------------------------------------------------- */

static int
add_process(struct tasks *t, uint64_t pid, int64_t time, uint32_t *index)
{
	*index = (uint32_t)t->nprocess;
	if (array_room(&t->process, t->nprocess, &t->process_room, sizeof *t->process) < 0 ||
	    idmap_put(&t->process_map, pid, *index) < 0)
		return -1;
	t->process[t->nprocess++] = (struct export_process){ .pid = pid, .began = time,
		.ended = TASK_RUNS };
	return 0;
}

int
tasks_find_process(struct tasks *t, uint64_t pid, int64_t time, uint32_t *index)
{
	*index = idmap_get(&t->process_map, pid);
	return *index == IDMAP_NONE ? add_process(t, pid, time, index) : 0;
}

static int
same_text(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

/* Returns whether a record begins a program in a process that is known. */
static int
begins(const struct export_process *known, const struct rec_proc *p, int64_t time)
{
	return task_begins(known->began, known->ended,
	    same_text(known->exe, p->exe) && same_text(known->command, p->cmdline), time);
}

static void
end_process(struct tasks *t, uint32_t process, int64_t time)
{
	if (t->process[process].ended != TASK_RUNS)
		return;
	t->process[process].ended = time;
	for (size_t i = 0; i < t->nthread; i++)
		if (t->thread[i].process == process && t->thread[i].ended == TASK_RUNS)
			t->thread[i].ended = time;
}

int
tasks_proc(struct tasks *t, const struct rec_proc *p, int64_t time)
{
	uint32_t i = idmap_get(&t->process_map, p->pid);
	struct export_process *process;
	int named = i != IDMAP_NONE && (t->process[i].name || t->process[i].exe);

	if (named && !begins(&t->process[i], p, time))
		return 0;
	if (named)
		end_process(t, i, time);
	if ((i == IDMAP_NONE || named) && add_process(t, p->pid, time, &i) < 0)
		return -1;
	process = &t->process[i];
	if (copy(t, p->name, &process->name) < 0 || copy(t, p->exe, &process->exe) < 0)
		return -1;
	return copy(t, p->cmdline, &process->command);
}

/* ---- threads ------------------------------------------------------------ */

static int
add_thread(struct tasks *t, uint32_t process, uint64_t tid, int64_t time, uint32_t *index)
{
	*index = (uint32_t)t->nthread;
	if (array_room(&t->thread, t->nthread, &t->thread_room, sizeof *t->thread) < 0 ||
	    idmap_put(&t->thread_map, t->process[process].pid << 32 | tid, *index) < 0)
		return -1;
	t->thread[t->nthread++] = (struct export_thread){ process, tid, NULL, time, TASK_RUNS };
	return 0;
}

int
tasks_find_thread(struct tasks *t, uint64_t pid, uint64_t tid, int64_t time, uint32_t *index)
{
	const char *name = NULL;
	uint32_t process;

	if (tasks_find_process(t, pid, time, &process) < 0)
		return -1;
	*index = idmap_get(&t->thread_map, pid << 32 | tid);
	if (*index != IDMAP_NONE) {
		/* A late record is about the program that was. */
		if (t->thread[*index].process == process || time < t->process[process].began)
			return 0;
		name = t->thread[*index].name;
	}
	if (add_thread(t, process, tid, time, index) < 0)
		return -1;
	t->thread[*index].name = name;
	return 0;
}

int
tasks_thread(struct tasks *t, const struct rec_thread *r, int64_t time)
{
	uint32_t i;

	if (tasks_find_thread(t, r->pid, r->tid, time, &i) < 0)
		return -1;
	if (t->thread[i].ended < time &&
	    add_thread(t, t->thread[i].process, r->tid, time, &i) < 0)
		return -1;
	return copy(t, r->name, &t->thread[i].name);
}

void
tasks_exit(struct tasks *t, const struct rec_exit *e, int64_t time)
{
	uint32_t i = idmap_get(&t->process_map, e->pid);

	if (e->tid == 0 && i != IDMAP_NONE)
		end_process(t, i, time);
	i = idmap_get(&t->thread_map, e->pid << 32 | e->tid);
	if (e->tid && i != IDMAP_NONE && t->thread[i].ended == TASK_RUNS &&
	    time >= t->thread[i].began)
		t->thread[i].ended = time;
}

void
tasks_clear(struct tasks *t)
{
	free(t->process);
	free(t->thread);
	idmap_clear(&t->process_map);
	idmap_clear(&t->thread_map);
	strtab_clear(&t->strings);
}
