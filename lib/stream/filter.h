/*
 * The reading loop of filters: each record of the files named on the command line, or of
 * standard input, goes to a callback until end of file.
 *
 * Bad lines are reported and skipped.  Of each file the first FILTER_REPORTS are reported one by
 * one and the others by their number; a warning is reported where it first occurs and its
 * repetitions by their number.  Any report makes filter_failed() true.
 */
#ifndef FILTER_H
#define FILTER_H

#define FILTER_REPORTS 20

struct filter;
struct rec;

/* What a filter does with what is read.  flush and interval may be NULL. */
struct filter_sink {
	/* Handle a record.  Returns 0 to go on; anything else ends all reading. */
	int (*record)(void *ctx, const struct rec *r);
	/* Show a person what is wrong with a line of a file (from 1), with the whole file (line
	 * 0), or with no file (NULL).  The strings are valid only during the call. */
	void (*report)(void *ctx, const char *file, unsigned long line, const char *text);
	/* Write out what has been buffered, before waiting for more input and at the end of a
	 * file.  Returns 0 to go on; anything else ends all reading. */
	int (*flush)(void *ctx);
	/* End the interval that filter_start_interval() began.  Returns as flush does. */
	int (*interval)(void *ctx);
	int needs_end; /* report a stream that lacks its end record */
	void *ctx;
	/* Answer SIGUSR1, after filter_catch_signals(); NULL: it is no concern of the filter's.
	 * Returns as flush does. */
	int (*wake)(void *ctx);
};

/*
 * Create a filter; the sink is copied.  From here on SIGINT is ignored: it ends the producer of
 * a pipeline, whose last records are still to be read.  Returns NULL when out of memory.
 */
struct filter *filter_new(const struct filter_sink *sink);
void filter_free(struct filter *f);

/* Let SIGTERM and SIGHUP, unless the caller ignores them, end the reading with a
 * report, instead of the program, and SIGUSR1 wake the sink.  Returns -1 with errno on failure. */
int filter_catch_signals(struct filter *f);

/* Read the files of a NULL-terminated list in order, "-" being standard input; standard input
 * where the list is empty.  A file that cannot be read is reported, and the next one read. */
void filter_run(struct filter *f, char *const file[]);

/* Call interval() when ms milliseconds have passed, unless an interval is already running. */
void filter_start_interval(struct filter *f, int ms);

/* Warn about the current record, which was used all the same.  `text` is a constant string. */
void filter_warn(struct filter *f, const char *text);
/* Report the current record as a bad line, because it was not used. */
void filter_skip(struct filter *f, const char *why);

/* Returns whether anything was reported, or a callback ended the reading. */
int filter_failed(const struct filter *f);

#endif
