/* Any bytes as code, and as a table behind it: begun at addresses that the first bytes
 * say.  Rows must be in order, disjoint, in the code, and lead up the stack. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "bpf/step.h"
#include "unwind/synth.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define STARTS 8
#define BASE 0x1000

static void
check(const struct synth_rows *rows, size_t len)
{
	uint64_t end = BASE;

	for (size_t i = 0; i < rows->n; i++) {
		const struct synth_row *r = &rows->row[i];
		unsigned kind = STEP_KIND(r->rule);

		if (r->len == 0 || r->addr < end || r->addr + r->len > BASE + len)
			abort();
		end = r->addr + r->len;
		if ((kind == STEP_SP || kind == STEP_FP || kind == STEP_R11) &&
		    STEP_CFA(r->rule) == 0)
			abort();
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct synth_segment segment[] = { { BASE, 0, NULL, 1 }, { BASE + 65536, 0, NULL, 0 } };
	struct synth_start start[STARTS];
	struct synth_pointer pointer[] = { { BASE + 65536, BASE, 1 },
		{ BASE + 65544, BASE + 7, 0 } };
	const uint64_t address[] = { BASE + 65552 }, slot[] = { BASE + 65568 };
	struct synth_range covered = { 0, 0 };
	struct synth_code code = { .segment = segment, .nsegment = 2, .start = start,
		.pointer = pointer, .npointer = 2, .address = address, .naddress = 1,
		.noreturn = slot, .nnoreturn = 1, .covered = &covered };
	struct synth_rows rows;
	size_t len;

	if (size < 3 * STARTS + 4)
		return 0;
	for (size_t i = 0; i < STARTS; i++) {
		start[i].how = 1U << (data[3 * i] % 5);
		start[i].addr = BASE + data[3 * i + 1] + 256U * (data[3 * i + 2] & 15);
	}
	qsort(start, STARTS, sizeof *start, array_order);
	data += 3 * STARTS;
	size -= 3 * STARTS;
	covered.addr = BASE + 16U * data[0];
	covered.end = covered.addr + data[1];
	code.ncovered = data[2] & 1;
	data += 4;
	size -= 4;
	len = size / 4 * 3;
	segment[0].len = len;
	segment[0].bytes = data;
	segment[1].len = size - len;
	segment[1].bytes = data + len;
	for (size_t i = 0; i < STARTS; i++)
		if (code.nstart == 0 || start[code.nstart - 1].addr != start[i].addr)
			start[code.nstart++] = start[i];
	if (synth_rows(&code, &rows) == 0) {
		check(&rows, len);
		free(rows.row);
	}
	return 0;
}
