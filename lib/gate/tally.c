#include "gate/tally.h"

#include "os/proc.h"

/* Returns the bytes that countdowns which go on have passed. */
static uint64_t
passed(const struct gate_cell *cell)
{
	uint64_t sum = 0, bytes;

	for (size_t i = 0; i < GATE_CELLS; i++) {
		bytes = cell[i].drawn - cell[i].left;
		if (bytes < GATE_MOST)
			sum += bytes;
	}
	return sum;
}

int
tally_read(pid_t pid, uint64_t base, struct tally *out)
{
	static struct gate_cell cell[GATE_CELLS];
	static struct gate_data data;

	if (proc_read(pid, base + GATE_CODE, &data, sizeof data) < 0 ||
	    proc_read(pid, base + GATE_CODE + GATE_CELLS_AT, cell, sizeof cell) < 0)
		return -1;
	out->count = data.count;
	out->count.bytes += passed(cell);
	out->period = data.period;
	return 0;
}
