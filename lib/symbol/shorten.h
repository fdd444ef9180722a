/*
 * Names of functions and files made to fit into columns of a terminal.  What
 * goes first is what tells least; the last component goes last.
 *
 * The names are taken as UTF-8.  Control characters and what is not UTF-8
 * become '?'.  Where the locale (LC_CTYPE, set by the program) is UTF-8, a
 * wide character counts two columns and the mark for what was left out is an
 * ellipsis; elsewhere all but ASCII becomes '?' and the mark is two dots.
 */
#ifndef SHORTEN_H
#define SHORTEN_H

#include <stddef.h>
#include <stdint.h>

/*
 * Write `name` into `out` (size bytes, NUL included) in at most so many
 * columns, and return the number of columns used.  A size of 4 bytes for each
 * column, and 1, is enough for all but piles of combining characters.
 *
 * shorten_function() is for functions: first generic arguments and parameters are
 * collapsed to <..> and (..), then the modules of types within <A as B> go,
 * then those types, then leading components.
 * shorten_path() is for files: leading directories go.
 * shorten_source() is for source files: where cargo, rustup or a distribution has put
 * a crate goes first, unless any number of columns (SIZE_MAX) will do.
 * shorten_text() is for other text, such as a command line: its end goes.
 */
size_t shorten_function(char *out, size_t size, const char *name, size_t columns);
size_t shorten_path(char *out, size_t size, const char *path, size_t columns);
size_t shorten_source(char *out, size_t size, const char *path, size_t columns);
size_t shorten_text(char *out, size_t size, const char *text, size_t columns);

/* The columns that all of a name takes. */
size_t shorten_columns(const char *name);

#endif
