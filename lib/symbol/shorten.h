/*
 * Shortening of names of functions and files to a number of terminal columns.
 * The least informative parts are dropped first, the last component last.
 *
 * Names are UTF-8.  Control characters and invalid bytes become '?'.  In a
 * UTF-8 locale (LC_CTYPE, set by the program) a wide character counts two
 * columns and an ellipsis marks an omission; in other locales all but ASCII
 * becomes '?' and the mark is two dots.
 */
#ifndef SHORTEN_H
#define SHORTEN_H

#include <stddef.h>
#include <stdint.h>

/*
 * Write a name to out (size bytes, NUL included) in at most `columns` columns.
 * Returns the number of columns used.  A size of 4 * columns + 1 is enough unless
 * combining characters are piled up.
 *
 * shorten_function() replaces generic arguments and parameters by <..> and (..),
 * then drops the modules of types within <A as B>, then those types, then leading
 * components.
 * shorten_path() drops leading directories.
 * shorten_source() first drops the directory in which cargo, rustup or a distribution
 * keeps a crate's source, unless columns is SIZE_MAX.
 * shorten_text() drops the end, for text such as a command line.
 */
size_t shorten_function(char *out, size_t size, const char *name, size_t columns);
size_t shorten_path(char *out, size_t size, const char *path, size_t columns);
size_t shorten_source(char *out, size_t size, const char *path, size_t columns);
size_t shorten_text(char *out, size_t size, const char *text, size_t columns);

/* Returns the columns of a name that is not shortened. */
size_t shorten_columns(const char *name);

#endif
