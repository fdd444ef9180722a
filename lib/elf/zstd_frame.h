/*
 * Sections that a linker has packed with zstd.
 */
#ifndef ZSTD_FRAME_H
#define ZSTD_FRAME_H

#include <stddef.h>
#include <stdint.h>

/* Unpack len bytes into the `size` of them that they must become.  Returns 0 or -1. */
int zstd_frame_unpack(unsigned char *out, uint64_t size, const unsigned char *bytes, size_t len);

#endif
