/* Any bytes as a record of a perf ring buffer. */
#include <linux/perf_event.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "os/perf_record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static volatile size_t seen; /* so that reading is not optimised away */

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct perf_event_header h = { PERF_RECORD_SAMPLE, 0, 0 };
	struct perf_record out;
	unsigned char *record;

	if (size < 4 || size > 60000)
		return 0;
	/* In a buffer of just its size, so that a step too far is seen. */
	h.size = (uint16_t)(sizeof h + size - 2);
	h.type = data[0];
	h.misc = (uint16_t)(data[1] << 8);
	record = malloc(h.size);
	if (record == NULL)
		return 0;
	memcpy(record, &h, sizeof h);
	memcpy(record + sizeof h, data + 2, size - 2);
	memset(&out, 0, sizeof out);
	if (perf_record_decode(record, data[1] & 1 ? PERF_SAMPLE_CALLCHAIN : 0, &out) == 1) {
		size_t sum = 0;

		if (out.type == PERF_SAMPLE)
			for (size_t i = 0; i < out.sample.len; i++)
				sum += ((const unsigned char *)out.sample.stack)[i];
		if (out.type == PERF_SAMPLE && out.sample.nkernel)
			sum += out.sample.kernel[out.sample.nkernel - 1];
		if (out.type == PERF_MAP)
			sum += strlen(out.map.path);
		if (out.type == PERF_NAME || out.type == PERF_EXEC)
			sum += strlen(out.name);
		seen = sum;
	}
	free(record);
	return 0;
}
