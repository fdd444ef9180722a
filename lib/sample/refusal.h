/*
 * Sentences that say why the kernel refuses a process to a producer, and what
 * would help.  They are left in why[], see sample/producer.
 */
#ifndef REFUSAL_H
#define REFUSAL_H

#include "sample/producer.h"

/* Explain the errno of a refused perf_event_open(2) for the named event. */
enum producer_result refusal_perf(struct producer *p, const char *event, int error);

/* Explain the errno of a refused tracee_permitted(). */
enum producer_result refusal_ptrace(struct producer *p, int error);

#endif
