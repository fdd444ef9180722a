/*
 * Options of cargo build, cargo test and cargo bench that say what is built, and how.
 */
#ifndef CARGO_OPTIONS_H
#define CARGO_OPTIONS_H

#include <stddef.h>

enum cargo_command { CARGO_RUN = 1, CARGO_TEST = 2, CARGO_BENCH = 4 };

struct cargo_options {
	enum cargo_command command; /* the caller's to set */
	const char **passed;        /* options for cargo, which are words of argv */
	size_t n, room;
	const char *chosen;   /* the first that chooses targets, by its name: "bin"; NULL: none does */
	const char *profile;  /* NULL: it is not said */
	const char *manifest; /* of --manifest-path */
	const char *filter;   /* of tests and benchmarks; NULL: there is none */
	char **args;          /* what the program gets: the rest of argv */
	int configured;       /* there is a --config */
};

/* Read what follows a command of cargo's. Returns 0; or -1 with *error, a constant string, and
 * *word, the word that is refused. */
int cargo_options_read(struct cargo_options *o, char **argv, const char **error, const char **word);

void cargo_options_clear(struct cargo_options *o);

#endif
