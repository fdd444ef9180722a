#include "os/perf_record.h"

#include <linux/perf_event.h>
#include <string.h>

#include "base/bytes.h"
#include "os/regs.h"

#define RECORD_MOST 65536 /* a record's size is 16 bits */

/* Read the addresses of the kernel's frames.  A marker says whose addresses follow; only
 * the kernel's were asked for. */
static void
read_chain(struct bytes *b, struct perf_record *out)
{
	uint64_t n = bytes_take(b, 8);
	const uint64_t *ip;

	if (n > RECORD_MOST / 8) {
		b->failed = 1;
		return;
	}
	ip = bytes_skip(b, n * 8);
	if (ip && n > 0 && ip[0] == PERF_CONTEXT_KERNEL) {
		out->sample.kernel = ip + 1;
		out->sample.nkernel = n - 1;
	}
}

/* Read the program's registers, and the copy of its stack. */
static void
read_user(struct bytes *b, struct perf_record *out)
{
	uint64_t abi = bytes_take(b, 8), size, filled;

	if (abi != PERF_SAMPLE_REGS_ABI_NONE)
		regs_perf_read(b, &out->sample.regs, &out->sample.leaf);
	out->sample.has_user = abi == PERF_SAMPLE_REGS_ABI_64;
	size = bytes_take(b, 8);
	if (size == 0)
		return;
	out->sample.stack = bytes_skip(b, size);
	filled = bytes_take(b, 8);
	out->sample.len = filled < size ? filled : size;
}

static void
read_sample(struct bytes *b, uint64_t sample_type, struct perf_record *out)
{
	out->type = PERF_SAMPLE;
	out->sample.event = bytes_take(b, 8);
	out->pid = (pid_t)bytes_take(b, 4);
	out->tid = (pid_t)bytes_take(b, 4);
	out->time = bytes_take(b, 8);
	if (sample_type & PERF_SAMPLE_ADDR)
		out->sample.addr = bytes_take(b, 8);
	if (sample_type & PERF_SAMPLE_PERIOD)
		out->sample.count = bytes_take(b, 8);
	if (sample_type & PERF_SAMPLE_READ)
		bytes_skip(b, 8); /* the event's count */
	if (sample_type & PERF_SAMPLE_CALLCHAIN)
		read_chain(b, out);
	read_user(b, out);
}

/* Returns a string that ends within the record. */
static const char *
read_string(struct bytes *b)
{
	if (memchr(b->p, '\0', (size_t)(b->end - b->p)) == NULL)
		b->failed = 1;
	return (const char *)b->p;
}

static void
read_map(struct bytes *b, struct perf_record *out)
{
	out->type = PERF_MAP;
	out->pid = (pid_t)bytes_take(b, 4);
	out->tid = (pid_t)bytes_take(b, 4);
	out->map.start = bytes_take(b, 8);
	out->map.end = out->map.start + bytes_take(b, 8);
	out->map.offset = bytes_take(b, 8);
	out->map.major = (uint32_t)bytes_take(b, 4);
	out->map.minor = (uint32_t)bytes_take(b, 4);
	out->map.ino = bytes_take(b, 8);
	bytes_skip(b, 16); /* the inode's generation, protection, flags */
	out->map.path = read_string(b);
	if (out->map.end <= out->map.start)
		b->failed = 1;
}

static void
read_comm(struct bytes *b, int exec, struct perf_record *out)
{
	out->type = exec ? PERF_EXEC : PERF_NAME;
	out->pid = (pid_t)bytes_take(b, 4);
	out->tid = (pid_t)bytes_take(b, 4);
	out->name = read_string(b);
}

static void
read_task(struct bytes *b, enum perf_type type, struct perf_record *out)
{
	out->type = type;
	out->pid = (pid_t)bytes_take(b, 4);
	out->parent.pid = (pid_t)bytes_take(b, 4);
	out->tid = (pid_t)bytes_take(b, 4);
	out->parent.tid = (pid_t)bytes_take(b, 4);
}

static void
read_lost(struct bytes *b, struct perf_record *out)
{
	out->type = PERF_LOST;
	bytes_skip(b, 8); /* the event's id */
	out->count = bytes_take(b, 8);
}

int
perf_record_decode(const void *record, uint64_t sample_type, struct perf_record *out)
{
	struct perf_event_header h;
	struct bytes b = { record, record, 0 };

	memcpy(&h, record, sizeof h);
	b.p += sizeof h;
	b.end += h.size;
	switch (h.type) {
	case PERF_RECORD_SAMPLE: read_sample(&b, sample_type, out); break;
	case PERF_RECORD_MMAP2: read_map(&b, out); break;
	case PERF_RECORD_COMM:
		read_comm(&b, (h.misc & PERF_RECORD_MISC_COMM_EXEC) != 0, out);
		break;
	case PERF_RECORD_FORK: read_task(&b, PERF_FORK, out); break;
	case PERF_RECORD_EXIT: read_task(&b, PERF_EXIT, out); break;
	case PERF_RECORD_LOST: read_lost(&b, out); break;
	case PERF_RECORD_THROTTLE: out->type = PERF_THROTTLE; break;
	default: return 0;
	}
	return b.failed ? -1 : 1;
}
