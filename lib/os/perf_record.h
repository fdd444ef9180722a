/*
 * Records of a perf ring buffer, as perf_event_open(2) describes them under "MMAP
 * layout".
 */
#ifndef PERF_RECORD_H
#define PERF_RECORD_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "bpf/step.h"

enum perf_type {
	PERF_SAMPLE,
	PERF_MAP,      /* executable memory was mapped */
	PERF_NAME,     /* a thread's name has changed */
	PERF_EXEC,     /* a process has executed another program */
	PERF_FORK,     /* a thread was created */
	PERF_EXIT,     /* a thread has ended */
	PERF_LOST,     /* count records did not fit into the ring */
	PERF_THROTTLE, /* the kernel suspended sampling */
	PERF_DAMAGED   /* a record that makes no sense */
};

struct perf_record {
	enum perf_type type;
	uint64_t time; /* CLOCK_MONOTONIC, ns */
	pid_t pid, tid; /* of PERF_FORK: of the new thread */
	union {
		struct {
			uint64_t event; /* the id of the event that took it */
			uint64_t count; /* the ns or events that it stands for */
			int has_user; /* the registers are set */
			uint64_t addr; /* see struct perf_options */
			struct step_regs regs;
			struct step_leaf leaf;
			const void *stack; /* from regs.sp on */
			size_t len;
			const uint64_t *kernel; /* addresses, innermost first */
			size_t nkernel;
		} sample;
		struct {
			uint64_t start, end, offset, ino;
			uint32_t major, minor;
			const char *path;
		} map;
		const char *name;          /* PERF_NAME, PERF_EXEC */
		struct {
			pid_t pid, tid;
		} parent;                  /* PERF_FORK */
		uint64_t count;            /* PERF_LOST */
	};
};

/*
 * Decode one record, made whole, that begins with its struct perf_event_header,
 * whose size is right; sample_type is that of the events.  out is zeroed but for
 * its time; its pointers are into the record.  Returns 1: out is set; 0: it is of a
 * kind that says nothing here; -1: it makes no sense.
 */
int perf_record_decode(const void *record, uint64_t sample_type,
    struct perf_record *out);

#endif
