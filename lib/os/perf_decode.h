/*
 * One record of a perf ring buffer, made whole, into a struct perf_record.
 */
#ifndef PERF_DECODE_H
#define PERF_DECODE_H

#include <stdint.h>

struct perf_record;

/*
 * The record begins with its struct perf_event_header, whose size is right;
 * sample_type is that of the events.  out is zeroed but for its time; what it
 * points at lies in the record.  1: out is set; 0: a kind that says nothing
 * here; -1: it makes no sense.
 */
int perf_decode(const void *record, uint64_t sample_type,
    struct perf_record *out);

#endif
