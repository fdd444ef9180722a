/*
 * The stages of a pipeline: when each is started, by which pipes they are
 * connected, what signals mean to them, and what the end of one means to the
 * others. rsprof-pipe(1) has the rules.
 */
#ifndef PIPELINE_H
#define PIPELINE_H

#include <signal.h>
#include <stddef.h>
#include <sys/types.h>
#include <termios.h>

#include "base/lines.h"
#include "os/invoker.h"

#define PIPELINE_STAGES 32

struct pipeline_role;

enum stage_state { STAGE_WAITING, STAGE_RUNNING, STAGE_ENDED };

struct stage {
	const struct pipeline_role *role;
	const char *name;   /* in messages */
	const char *text;   /* of ROLE=TEXT, or NULL */
	char **argv;
	enum stage_state state;
	pid_t pid;
	int status;         /* as a shell has it; 0 until it has ended */
	int ready;          /* what waits for it may begin */
	int ending;         /* it was sent SIGTERM */
	int spoke;          /* it has written messages */
	struct lines lines; /* those that have not been taken yet */
	size_t position;    /* of a filter or the sink: which pipe it reads */
	int ready_fd;       /* reading ends of pipes from it, or -1 */
	int text_fd;
};

struct pipeline {
	struct stage stage[PIPELINE_STAGES];
	size_t n;
	struct stage *sink, *view, *command; /* NULL: there is none */
	char **after;             /* the program that comes after the stages, or NULL */
	int follow;               /* producers do not end with the command */
	int status;               /* what "@status" stands for */
	int leave;                /* the signal that ends the recording, or 0 */
	int released;             /* the command was let go */
	int view_left;            /* the view was left, and so the command is ended */
	int writable;             /* descriptor 2 takes messages that may be printed */
	const char *failed;       /* where -1 was returned: what could not be done */
	struct invoker user;      /* whose privileges most stages have */
	sigset_t mask;            /* of signals, from before pipeline_open() */
	int signals, null;        /* signalfd(2); /dev/null */
	int pipe[PIPELINE_STAGES][2]; /* before each filter and the sink; -1: closed */
	size_t npipe;
	int has_input;            /* there is something to be read from the first pipe */
	int has_ask, ask[2];      /* the pipe from the view to a producer was made; -1: an
	                             end was given away */
	int tty;                  /* the view's terminal */
	struct termios settings;  /* of it, from before */
};

/* Add the words "ROLE[=TEXT] CMD [ARG ...]", up to a "|" or to the end, which a
 * command's words always reach; p is all zeros at first. The words stay the caller's
 * and are changed. Returns the words that follow, or NULL: they are no stage. */
char **pipeline_add(struct pipeline *p, char **word);

/* Block the signals that are taken, and opens what stages need. Returns 0, or -1
 * with errno and p->failed. */
int pipeline_open(struct pipeline *p);

/* Start stages whose time has come and waits for something to happen. Returns 1,
 * 0 when all stages have ended, or -1 with errno and p->failed. */
int pipeline_step(struct pipeline *p);

/* Return whether stage s has messages that may be printed before its end. */
int pipeline_may_print(const struct pipeline *p, const struct stage *s);

/* Return whether the failure of stage s is the recording's, and whether it is a
 * producer. */
int pipeline_counts(const struct stage *s);
int pipeline_produces(const struct stage *s);

/* Execute p->after, with signals as they were before. Returns only where that fails:
 * -1 with errno and p->failed. */
int pipeline_become(struct pipeline *p);

#endif
