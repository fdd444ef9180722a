/*
 * The width of what commands print for people.
 */
#ifndef COLUMNS_H
#define COLUMNS_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/arg.h"

#define COLUMNS 120 /* of a line without a terminal */
#define COLUMNS_LEAST 40

/* Returns the columns of a line: those of COLUMNS or of the terminal, and never too few. */
static inline size_t
output_columns(void)
{
	const char *s = getenv("COLUMNS");
	struct winsize w;
	uint64_t n;

	if (s && arg_number(s, COLUMNS_LEAST, 10000, &n) == 0)
		return (size_t)n;
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_col)
		return w.ws_col > COLUMNS_LEAST ? w.ws_col : COLUMNS_LEAST;
	return COLUMNS;
}

#endif
