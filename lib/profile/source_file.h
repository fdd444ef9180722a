/*
 * The lines of a source file.
 */
#ifndef SOURCE_FILE_H
#define SOURCE_FILE_H

#include <stdint.h>

struct source_file;

/* Read a regular file of at most 8 MiB.  Returns NULL if that fails. */
struct source_file *source_file_open(const char *path);
void source_file_close(struct source_file *f);

/* Returns a line by its number, from 1 on, without its end, or NULL if there is none, or f is
 * NULL.  TABs and NULs have become blanks. */
const char *source_file_line(const struct source_file *f, uint64_t number);

#endif
