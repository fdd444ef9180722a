/*
 * The blob that is mapped into targets, as the build has made it.
 */
#ifndef IMAGE_H
#define IMAGE_H

#include <stdint.h>

#include "gate/abi.h"

/* GATE_CODE bytes, zeros behind its end. */
const unsigned char *image_bytes(void);

/* Offsets of the wrappers, by their numbers. */
const uint32_t *image_wrappers(void);

/* Offsets of the places for probes (a nop of 1 byte each), and of what a borrowed thread is
 * sent to. */
uint32_t image_sampled(void);
uint32_t image_freed(void);
uint32_t image_patch(void);
uint32_t image_follow(void);

#endif
