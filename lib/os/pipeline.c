/*
 * A stage waits, runs, and ends, in this order; it may end without having run. A
 * step of the loop starts every waiting stage that its role calls due, polls, and
 * lets the role say what the end of a stage means to the others. The pipes are made
 * at the beginning: all producers write into the first one, and the n-th filter or
 * sink reads the n-th. We hold their ends until the stages have been started that
 * inherit them, so that none sees an end of file too early.
 */
#include "os/pipeline.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "os/child.h"

#define TEXT_MAX (1U << 20) /* bytes of a stage's messages that are kept */

struct pipeline_role {
	const char *name;
	const int *ignored;    /* signals that the stage ignores, ended by 0 */
	unsigned root : 1;     /* it keeps the privilege that others drop */
	unsigned mortal : 1;   /* it gets SIGTERM when we are killed */
	unsigned prompt : 1;   /* its messages need not wait for its end */
	unsigned produces : 1; /* it writes into the first pipe */
	unsigned consumes : 1; /* it reads one of the pipes */
	unsigned counts : 1;   /* its failure is the recording's */
	unsigned last : 1;     /* all words that follow are its own */
	size_t only;           /* where struct pipeline has the one stage of this role; or 0 */
	int (*due)(const struct pipeline *p, const struct stage *s);
	int (*start)(struct pipeline *p, struct stage *s, struct child *c);
	void (*ended)(struct pipeline *p, struct stage *s);
};

/* ---- stages that begin ------------------------------------------------- */

static int
has_begun(const struct stage *s)
{
	return s->ready || s->state == STAGE_ENDED;
}

/* Return whether all producers before stage s are ready or have ended. */
static int
all_begun(const struct pipeline *p, const struct stage *s)
{
	for (const struct stage *t = p->stage; t < s; t++)
		if (t->role->produces && !has_begun(t))
			return 0;
	return 1;
}

static int
producer_due(const struct pipeline *p, const struct stage *s)
{
	return (p->command == NULL || p->command->ready) && all_begun(p, s);
}

static int
consumer_due(const struct pipeline *p, const struct stage *s)
{
	(void)s;
	return p->has_input;
}

/* Return whether the recording has something to show to a view; what an extra
 * producer has written before another one failed is nothing. */
static int
view_due(const struct pipeline *p, const struct stage *s)
{
	(void)s;
	for (const struct stage *t = p->stage; t < p->stage + p->n; t++) {
		int fine = t->state == STAGE_ENDED ? t->status == 0 : t->ready;

		if (t->role->produces && t->role->counts && !fine)
			return 0;
	}
	return p->sink->ready && !p->leave;
}

static int
command_due(const struct pipeline *p, const struct stage *s)
{
	(void)p;
	(void)s;
	return 1;
}

static int
start_producer(struct pipeline *p, struct stage *s, struct child *c)
{
	(void)s;
	c->out = p->pipe[0][1];
	return 0;
}

static int
start_filter(struct pipeline *p, struct stage *s, struct child *c)
{
	c->in = p->pipe[s->position][0];
	c->out = p->pipe[s->position + 1][1];
	return 0;
}

static int
start_sink(struct pipeline *p, struct stage *s, struct child *c)
{
	c->in = p->pipe[s->position][0];
	c->out = STDOUT_FILENO;
	return 0;
}

static int
start_view(struct pipeline *p, struct stage *s, struct child *c)
{
	(void)s;
	p->tty = isatty(STDIN_FILENO) ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3)
	                              : open("/dev/tty", O_RDWR | O_CLOEXEC);
	if (p->tty < 0) {
		p->failed = "/dev/tty";
		return -1;
	}
	tcgetattr(p->tty, &p->settings);
	c->in = p->tty;
	c->out = STDOUT_FILENO;
	return 0;
}

/* Give the command our descriptors or, with a text, a file in place of the terminal. */
static int
start_command(struct pipeline *p, struct stage *s, struct child *c)
{
	c->in = STDIN_FILENO;
	c->out = STDOUT_FILENO;
	c->err = STDERR_FILENO;
	if (s->text == NULL)
		return 0;
	p->failed = s->text;
	c->out = open(s->text, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	if (c->out < 0)
		return -1;
	if (p->user.uid && fchown(c->out, p->user.uid, p->user.gid) < 0)
		return -1;
	if (isatty(STDIN_FILENO))
		c->in = p->null;
	if (isatty(STDERR_FILENO))
		c->err = c->out;
	return 0;
}

/* ---- stages that end --------------------------------------------------- */

static void
terminate(struct stage *s)
{
	if (s->state != STAGE_RUNNING)
		return;
	s->ending = 1;
	kill(s->pid, SIGTERM);
	kill(s->pid, SIGCONT);
}

/* End the recording: what producers have seen until now is in it. */
static void
end_producers(struct pipeline *p)
{
	for (struct stage *s = p->stage; s < p->stage + p->n; s++) {
		if (!s->role->produces)
			continue;
		terminate(s);
		if (s->state == STAGE_WAITING)
			s->state = STAGE_ENDED;
	}
}

static void
producer_ended(struct pipeline *p, struct stage *s)
{
	if (s->ending && s->status == 128 + SIGTERM)
		s->status = 0;
	if (s->role->counts && (s->status || p->leave))
		end_producers(p);
}

static void
command_ended(struct pipeline *p, struct stage *s)
{
	(void)s;
	if (!p->released || (p->view_left && p->follow))
		end_producers(p);
}

/* Give the terminal its settings from before where the view could not. */
static void
restore_terminal(const struct pipeline *p)
{
	static const char *const tput[] = { "sh", "-c",
		"tput rmcup 2>/dev/null && tput cnorm || echo", NULL };
	const struct child c = { .argv = (char *const *)tput, .in = p->null,
		.out = STDOUT_FILENO, .err = STDERR_FILENO, .mask = &p->mask,
		.user = &p->user };
	pid_t pid;

	tcsetattr(p->tty, TCSADRAIN, &p->settings);
	if ((pid = child_start(&c)) > 0)
		waitpid(pid, NULL, 0);
}

/* End the recording with its view, and the command, which nobody else could end. */
static void
view_ended(struct pipeline *p, struct stage *s)
{
	if (s->status > 128 && !p->leave)
		restore_terminal(p);
	close(p->tty);
	if (p->command == NULL)
		end_producers(p);
	if (p->leave)
		s->status = 0;
	else if (s->status == 0 && p->command && p->command->state == STAGE_RUNNING) {
		p->view_left = 1;
		terminate(p->command);
	}
}

/* ---- roles ------------------------------------------------------------- */

/* What the keyboard sends, and a terminal that is closed, end a producer through
 * us; filters and the sink end with their input. */
static const int keyboard[] = { SIGHUP, SIGINT, SIGQUIT, SIGTSTP, SIGTTIN, SIGTTOU, 0 };
static const int all[] = { SIGHUP, SIGINT, SIGQUIT, SIGTSTP, SIGTTIN, SIGTTOU, SIGTERM, 0 };

static const struct pipeline_role roles[] = {
	{ .name = "producer", .ignored = keyboard, .root = 1, .mortal = 1, .prompt = 1,
	    .produces = 1, .counts = 1, .due = producer_due, .start = start_producer,
	    .ended = producer_ended },
	{ .name = "extra", .ignored = keyboard, .root = 1, .mortal = 1, .produces = 1,
	    .due = producer_due, .start = start_producer, .ended = producer_ended },
	{ .name = "filter", .ignored = all, .consumes = 1, .counts = 1, .due = consumer_due,
	    .start = start_filter },
	{ .name = "sink", .ignored = all, .consumes = 1, .counts = 1, .due = consumer_due,
	    .start = start_sink, .only = offsetof(struct pipeline, sink) },
	{ .name = "view", .mortal = 1, .due = view_due, .start = start_view,
	    .ended = view_ended, .only = offsetof(struct pipeline, view) },
	{ .name = "command", .root = 1, .last = 1, .due = command_due,
	    .start = start_command, .ended = command_ended,
	    .only = offsetof(struct pipeline, command) },
	{ .name = "after" },
};

int
pipeline_counts(const struct stage *s)
{
	return s->role->counts;
}

int
pipeline_produces(const struct stage *s)
{
	return s->role->produces;
}

static const struct pipeline_role *
find_role(const char *word)
{
	size_t n = strcspn(word, "=");

	for (size_t i = 0; i < sizeof roles / sizeof *roles; i++)
		if (strlen(roles[i].name) == n && memcmp(roles[i].name, word, n) == 0)
			return &roles[i];
	return NULL;
}

/* Return the name of a stage in messages: that of its program or, for a command, of
 * the one that its holder becomes. */
static const char *
stage_name(const struct pipeline_role *role, char *const argv[])
{
	const char *slash = strrchr(argv[0], '/');
	int i = argv[1] && strcmp(argv[1], "--") == 0 ? 2 : 1;

	if (role->last && argv[1] && argv[i])
		return argv[i];
	return slash ? slash + 1 : argv[0];
}

/* Add a stage whose words end with NULL. Returns 0, or -1: it may not be there. */
static int
add_stage(struct pipeline *p, const struct pipeline_role *role, char **word)
{
	struct stage *s = &p->stage[p->n], **only = (struct stage **)((char *)p + role->only);
	const char *text = strchr(word[0], '=');

	if (word[1] == NULL || p->n == PIPELINE_STAGES || (role->only && *only) ||
	    (role->consumes && p->sink))
		return -1;
	if (role->due == NULL) {
		p->after = word + 1;
		return 0;
	}
	*s = (struct stage){ .role = role, .argv = word + 1, .text = text ? text + 1 : NULL,
		.name = stage_name(role, word + 1), .ready_fd = -1, .text_fd = -1,
		.position = p->npipe, .lines.most = TEXT_MAX };
	if (role->only)
		*only = s;
	p->npipe += role->consumes;
	p->n++;
	return 0;
}

char **
pipeline_add(struct pipeline *p, char **word)
{
	const struct pipeline_role *role = find_role(*word);
	char **end = word;
	int more;

	if (role == NULL)
		return NULL;
	while (*end && (role->last || strcmp(*end, "|") != 0))
		end++;
	more = *end != NULL;
	*end = NULL;
	return add_stage(p, role, word) < 0 ? NULL : end + more;
}

/* ---- words of a stage that stand for numbers ------------------------------ */

static int
command_number(struct pipeline *p, struct stage *s)
{
	(void)s;
	return p->command ? (int)p->command->pid : -1;
}

/* Return the writing end of a new pipe on which stage s says that it is ready, or -1. */
static int
ready_number(struct pipeline *p, struct stage *s)
{
	int end[2];

	(void)p;
	if (pipe2(end, O_CLOEXEC) < 0)
		return -1;
	s->ready = 0;
	s->ready_fd = end[0];
	return end[1];
}

/* Return an end of the pipe by which the view asks a producer for something, or -1. */
static int
ask_end(struct pipeline *p, int i)
{
	int end;

	if (!p->has_ask && pipe2(p->ask, O_CLOEXEC) < 0)
		return -1;
	p->has_ask = 1;
	end = p->ask[i];
	p->ask[i] = -1;
	return end;
}

static int
asked_number(struct pipeline *p, struct stage *s)
{
	(void)s;
	return ask_end(p, 0);
}

static int
ask_number(struct pipeline *p, struct stage *s)
{
	(void)s;
	return ask_end(p, 1);
}

/* Return a descriptor of the terminal that standard error is, or of /dev/null; or -1. */
static int
terminal_number(struct pipeline *p, struct stage *s)
{
	(void)s;
	return fcntl(isatty(STDERR_FILENO) ? STDERR_FILENO : p->null, F_DUPFD_CLOEXEC, 0);
}

static int
command_status(struct pipeline *p, struct stage *s)
{
	(void)s;
	return p->released ? p->command->status : -1;
}

static int
worst_status(struct pipeline *p, struct stage *s)
{
	(void)s;
	return p->status;
}

static const struct word {
	const char *word;
	int (*number)(struct pipeline *p, struct stage *s);
	int kept; /* it is a descriptor, for the stage to inherit */
} words[] = {
	{ "@pid", command_number, 0 },
	{ "@ready", ready_number, 1 },
	{ "@asked", asked_number, 1 },
	{ "@ask", ask_number, 1 },
	{ "@terminal", terminal_number, 1 },
	{ "@command", command_status, 0 },
	{ "@status", worst_status, 0 },
};

/* Open a file with our permissions, which may be more than those of the stage that
 * reads it; where that fails, an empty one. Returns the descriptor, or -1. */
static int
open_word(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	return fd < 0 ? open("/dev/null", O_RDONLY | O_CLOEXEC) : fd;
}

/* Replace *text by the number that it stands for, if it is such a word, and let c
 * inherit that if it is a descriptor. Returns 0, or -1 with errno. */
static int
expand(struct pipeline *p, struct stage *s, char **text, struct child *c)
{
	const struct word *w = words, *end = words + sizeof words / sizeof *words;
	int number, kept;

	while (w < end && strcmp(w->word, *text) != 0)
		w++;
	if (w == end && strncmp(*text, "@/", 2) != 0)
		return 0;
	number = w < end ? w->number(p, s) : open_word(*text + 1);
	kept = w == end || w->kept;
	if (kept && number < 0)
		return -1;
	if (kept && c->nkept == CHILD_KEPT) {
		errno = EMFILE;
		return -1;
	}
	if (kept)
		c->kept[c->nkept++] = number;
	return asprintf(text, "%d", number) < 0 ? -1 : 0;
}

int
pipeline_become(struct pipeline *p)
{
	struct stage last = { .name = "after" };
	struct child c = { .nkept = 0 };

	p->failed = p->after[0];
	for (char **arg = p->after; *arg; arg++)
		if (expand(p, &last, arg, &c) < 0)
			return -1;
	signal(SIGPIPE, SIG_DFL);
	sigprocmask(SIG_SETMASK, &p->mask, NULL);
	return execvp(p->after[0], p->after);
}

/* ---- messages ------------------------------------------------------------ */

/* Read messages of stage s. */
static void
read_messages(struct stage *s)
{
	char buf[65536];
	ssize_t n = read(s->text_fd, buf, sizeof buf);

	if (n > 0) {
		s->spoke = 1;
		lines_add(&s->lines, buf, (size_t)n);
	} else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
		close(s->text_fd);
		s->text_fd = -1;
	}
}

int
pipeline_may_print(const struct pipeline *p, const struct stage *s)
{
	return s->role->prompt && s->lines.len > s->lines.taken &&
	    (p->view == NULL || p->view->state == STAGE_ENDED);
}

/* ---- the loop ---------------------------------------------------------- */

static void
close_pipe(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* Start stage s. Returns 0, or -1 with errno and p->failed. */
static int
start_stage(struct pipeline *p, struct stage *s)
{
	struct child c = { .argv = s->argv, .in = p->null, .out = STDOUT_FILENO,
		.ignored = s->role->ignored, .mask = &p->mask,
		.user = s->role->root ? NULL : &p->user, .mortal = s->role->mortal };
	int text[2];

	p->failed = s->name;
	if (pipe2(text, O_CLOEXEC) < 0 || fcntl(text[0], F_SETFL, O_NONBLOCK) < 0)
		return -1;
	c.err = text[1];
	s->text_fd = text[0];
	s->ready = s != p->command;
	for (char **arg = s->argv; *arg; arg++)
		if (expand(p, s, arg, &c) < 0)
			return -1;
	if (s->role->start(p, s, &c) < 0 || (s->pid = child_start(&c)) < 0)
		return -1;
	s->state = STAGE_RUNNING;
	for (size_t i = 0; i < c.nkept; i++)
		close(c.kept[i]);
	close(text[1]);
	return 0;
}

/* Note whether the first pipe has something to be read. */
static void
check_input(struct pipeline *p)
{
	struct pollfd fd = { p->pipe[0][0], POLLIN, 0 };

	if (p->has_input || poll(&fd, 1, 0) <= 0)
		return;
	if (fd.revents & POLLIN)
		p->has_input = 1;
	else
		close_pipe(&p->pipe[0][0]);
}

/* Let the command go when all producers are ready, or kill it if a stage that counts
 * has ended by then. */
static void
release_command(struct pipeline *p)
{
	struct stage *s = p->command;

	if (s == NULL || !s->ready || p->released || s->state != STAGE_RUNNING ||
	    !all_begun(p, p->stage + p->n))
		return;
	for (size_t i = 0; i < p->n; i++)
		if (p->stage[i].role->counts && p->stage[i].state == STAGE_ENDED) {
			kill(s->pid, SIGKILL);
			return;
		}
	p->released = 1;
	kill(s->pid, SIGCONT);
}

/* Start the stages that are due. Returns 1, 0 if none is running, or -1 with errno
 * and p->failed. */
static int
start_stages(struct pipeline *p)
{
	int running = 0, waiting = 0;

	check_input(p);
	for (struct stage *s = p->stage; s < p->stage + p->n; s++) {
		if (s->state == STAGE_WAITING && s->role->due(p, s) && start_stage(p, s) < 0)
			return -1;
		running |= s->state == STAGE_RUNNING;
		waiting |= s->state == STAGE_WAITING && s->role->produces;
	}
	if (!waiting)
		close_pipe(&p->pipe[0][1]);
	for (size_t i = 0; p->has_input && i < p->npipe; i++) {
		close_pipe(&p->pipe[i][0]);
		if (i > 0)
			close_pipe(&p->pipe[i][1]);
	}
	release_command(p);
	return running;
}

static void
check_ready(struct stage *s)
{
	char buf[16];

	s->ready |= read(s->ready_fd, buf, sizeof buf) > 0;
	close_pipe(&s->ready_fd);
}

/* Read the last messages of stage s, which has ended, and let its role act on that. */
static void
end_stage(struct pipeline *p, struct stage *s, int status)
{
	struct pollfd ready = { s->ready_fd, POLLIN, 0 };

	if (poll(&ready, 1, 0) > 0)
		check_ready(s);
	close_pipe(&s->ready_fd);
	if (s->text_fd >= 0)
		read_messages(s); /* as much as a pipe holds */
	close_pipe(&s->text_fd);
	lines_end(&s->lines);
	s->state = STAGE_ENDED;
	s->status = status;
	if (s->role->ended)
		s->role->ended(p, s);
}

/* Wait for stages that have ended, and for the command to stop itself. */
static void
reap(struct pipeline *p)
{
	siginfo_t info;

	for (;;) {
		info.si_pid = 0;
		if (waitid(P_ALL, 0, &info, WEXITED | WSTOPPED | WNOHANG) < 0 ||
		    info.si_pid == 0)
			return;
		for (struct stage *s = p->stage; s < p->stage + p->n; s++) {
			if (s->state != STAGE_RUNNING || s->pid != info.si_pid)
				continue;
			if (info.si_code != CLD_STOPPED)
				end_stage(p, s, child_status(&info));
			else if (s == p->command)
				s->ready = 1;
		}
	}
}

/* Pass a signal on to the command, unless it came from the keyboard, which reaches
 * the command by itself; end the recording if there is no command. */
static void
on_signal(struct pipeline *p, const struct signalfd_siginfo *info)
{
	struct stage *command = p->command;
	int sig = (int)info->ssi_signo;
	int typed = info->ssi_code == SI_KERNEL && (sig == SIGINT || sig == SIGQUIT);

	if (sig == SIGCHLD) {
		reap(p);
		return;
	}
	if (command == NULL || (sig != SIGALRM && sig != SIGUSR1 && sig != SIGUSR2))
		p->leave = sig;
	if (p->leave && p->view)
		terminate(p->view);
	if (command && command->state == STAGE_RUNNING) {
		if (!typed)
			kill(command->pid, sig);
	} else
		end_producers(p);
}

static void
read_signals(struct pipeline *p)
{
	struct signalfd_siginfo info;

	while (read(p->signals, &info, sizeof info) == (ssize_t)sizeof info)
		on_signal(p, &info);
}

static int
wait_for_events(struct pipeline *p)
{
	struct pollfd fd[3 + 2 * PIPELINE_STAGES] = {
		{ p->signals, POLLIN, 0 }, { p->pipe[0][0], POLLIN, 0 }, { -1, POLLOUT, 0 }
	};

	for (size_t i = 0; i < p->n; i++) {
		fd[3 + 2 * i] = (struct pollfd){ p->stage[i].text_fd, POLLIN, 0 };
		fd[4 + 2 * i] = (struct pollfd){ p->stage[i].ready_fd, POLLIN, 0 };
		if (pipeline_may_print(p, &p->stage[i]))
			fd[2].fd = STDERR_FILENO;
	}
	if (poll(fd, 3 + 2 * p->n, -1) < 0) {
		p->failed = "poll";
		return errno == EINTR ? 0 : -1;
	}
	p->writable = fd[2].revents != 0;
	for (size_t i = 0; i < p->n; i++) {
		if (fd[3 + 2 * i].revents)
			read_messages(&p->stage[i]);
		if (fd[4 + 2 * i].revents)
			check_ready(&p->stage[i]);
	}
	if (fd[0].revents)
		read_signals(p);
	return 0;
}

int
pipeline_step(struct pipeline *p)
{
	int running = start_stages(p);

	return running > 0 && wait_for_events(p) < 0 ? -1 : running;
}

/* ---- the beginning ----------------------------------------------------- */

/* Block the signals that are not ignored. Returns a descriptor to read them from, or
 * -1; the signals that were blocked before are in *before. */
static int
open_signals(sigset_t *before)
{
	static const int sig[] = { SIGHUP, SIGINT, SIGQUIT, SIGALRM, SIGTERM, SIGUSR1,
		SIGUSR2, SIGCHLD };
	struct sigaction old;
	sigset_t taken, blocked;

	signal(SIGPIPE, SIG_IGN);
	signal(SIGCHLD, SIG_DFL);
	sigemptyset(&taken);
	for (size_t i = 0; i < sizeof sig / sizeof *sig; i++)
		if (sigaction(sig[i], NULL, &old) == 0 && old.sa_handler != SIG_IGN)
			sigaddset(&taken, sig[i]);
	blocked = taken;
	sigaddset(&blocked, SIGTTOU); /* or writing would stop us behind a view */
	sigprocmask(SIG_BLOCK, &blocked, before);
	return signalfd(-1, &taken, SFD_CLOEXEC | SFD_NONBLOCK);
}

int
pipeline_open(struct pipeline *p)
{
	p->failed = "/dev/null";
	if (child_open_standard() < 0 || (p->null = open("/dev/null", O_RDWR | O_CLOEXEC)) < 0)
		return -1;
	p->failed = "signalfd";
	if ((p->signals = open_signals(&p->mask)) < 0)
		return -1;
	p->failed = "pipe";
	for (size_t i = 0; i < p->npipe; i++)
		if (pipe2(p->pipe[i], O_CLOEXEC) < 0)
			return -1;
	invoker_find(&p->user);
	return 0;
}
