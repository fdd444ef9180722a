/*
 * Profiles for pprof as a request of Parca's gRPC interface: of WriteRaw in its
 * parca/profilestore/v1alpha1/profilestore.proto, in a message of gRPC.
 */
#ifndef EXPORT_WRITERAW_H
#define EXPORT_WRITERAW_H

#include <stddef.h>
#include <stdio.h>

/* Write a profile with a list of n labels, each "NAME=VALUE".  Returns -1 when out of memory, or
 * where the profile is too long for a message; what cannot be written shows in ferror(). */
int writeraw_put(FILE *out, char *const label[], size_t n, const void *profile, size_t len);

#endif
