/*
 * Sentences that the formats of a report share.
 */
#ifndef DIGEST_WORDS_H
#define DIGEST_WORDS_H

#include <stddef.h>
#include <stdint.h>

#include "base/units.h"

struct digest;

/* Write one line each: what ran; when, where and for how long; its time, what was lost and what
 * that has cost; its memory. */
void digest_process_words(char *buf, size_t size, const struct digest *d);
void digest_recorded_words(char *buf, size_t size, const struct digest *d);
void digest_time_words(char *buf, size_t size, const struct digest *d);
void digest_memory_words(char *buf, size_t size, const struct digest *d);

/* Format a change of bytes: "+4.1K", "0B". */
const char *digest_change(char buf[UNITS_MAX], int64_t bytes);

#endif
