#include "cargo/options.h"

#include <stdlib.h>
#include <string.h>

#include "base/array.h"

enum role { PASSED, CHOICE, PROFILE, RELEASE, MANIFEST, CONFIG };

#define ANY (CARGO_RUN | CARGO_TEST | CARGO_BENCH)
#define CHECKS (CARGO_TEST | CARGO_BENCH)

static const struct option {
	const char *name;
	char letter;
	int has_value;
	int commands; /* that take it */
	enum role role;
} options[] = {
	{ "bin", 0, 1, ANY, CHOICE },
	{ "example", 0, 1, ANY, CHOICE },
	{ "test", 0, 1, CHECKS, CHOICE },
	{ "bench", 0, 1, CHECKS, CHOICE },
	{ "lib", 0, 0, CHECKS, CHOICE },
	{ "package", 'p', 1, ANY, PASSED },
	{ "workspace", 0, 0, ANY, PASSED },
	{ "exclude", 0, 1, ANY, PASSED },
	{ "features", 'F', 1, ANY, PASSED },
	{ "all-features", 0, 0, ANY, PASSED },
	{ "no-default-features", 0, 0, ANY, PASSED },
	{ "profile", 0, 1, ANY, PROFILE },
	{ "release", 'r', 0, CARGO_RUN | CARGO_TEST, RELEASE },
	{ "target", 0, 1, ANY, PASSED },
	{ "target-dir", 0, 1, ANY, PASSED },
	{ "manifest-path", 0, 1, ANY, MANIFEST },
	{ "config", 0, 1, ANY, CONFIG },
	{ "jobs", 'j', 1, ANY, PASSED },
	{ "color", 0, 1, ANY, PASSED },
	{ "verbose", 'v', 0, ANY, PASSED },
	{ "quiet", 'q', 0, ANY, PASSED },
	{ "frozen", 0, 0, ANY, PASSED },
	{ "locked", 0, 0, ANY, PASSED },
	{ "offline", 0, 0, ANY, PASSED },
	{ "ignore-rust-version", 0, 0, ANY, PASSED },
};

/* Returns the option that a word names, NULL if there is none; *value is what the word has behind
 * its name, or NULL. */
static const struct option *
find(enum cargo_command command, const char *word, const char **value)
{
	size_t len = strcspn(word + 2, "=");
	int is_long = word[1] == '-';

	*value = is_long ? word + 2 + len : word + 2;
	if (**value == '\0')
		*value = NULL;
	else if (is_long)
		++*value;
	for (size_t i = 0; i < sizeof options / sizeof options[0]; i++) {
		const struct option *o = &options[i];

		if ((o->commands & (int)command) == 0)
			continue;
		if (is_long ? strlen(o->name) == len && memcmp(o->name, word + 2, len) == 0
		            : o->letter && o->letter == word[1])
			return o;
	}
	return NULL;
}

static void
note(struct cargo_options *o, const struct option *option, const char *value)
{
	switch (option->role) {
	case CHOICE:
		o->chosen = o->chosen ? o->chosen : option->name;
		break;
	case PROFILE:
		o->profile = value;
		break;
	case RELEASE:
		o->profile = "release";
		break;
	case MANIFEST:
		o->manifest = value;
		break;
	case CONFIG:
		o->configured = 1;
		break;
	case PASSED:
		break;
	}
}

static int
pass(struct cargo_options *o, const char *word)
{
	if (array_room(&o->passed, o->n, &o->room, sizeof *o->passed) < 0)
		return -1;
	o->passed[o->n++] = word;
	return 0;
}

/* Read the option that argv begins with. Returns how many words it is; -1 with *error. */
static int
read_option(struct cargo_options *o, char **argv, const char **error)
{
	const char *value;
	const struct option *option = find(o->command, argv[0], &value);
	int words = 1;

	*error = "out of memory";
	if (option == NULL || (value && !option->has_value)) {
		*error = "no such option of cargo's here; rsprof's come before the command";
		return -1;
	}
	if (pass(o, argv[0]) < 0)
		return -1;
	if (option->has_value && value == NULL) {
		if ((value = argv[words++]) == NULL) {
			*error = "needs a value";
			return -1;
		}
		if (pass(o, value) < 0)
			return -1;
	}
	note(o, option, value);
	return words;
}

int
cargo_options_read(struct cargo_options *o, char **argv, const char **error, const char **word)
{
	while (*argv && strcmp(*argv, "--") != 0) {
		int words = 1;

		*word = *argv;
		if ((*argv)[0] == '-' && (*argv)[1]) {
			if ((words = read_option(o, argv, error)) < 0)
				return -1;
		} else if (o->command == CARGO_RUN) {
			break;
		} else if (o->filter) {
			*error = "one filter is enough";
			return -1;
		} else {
			o->filter = *argv;
		}
		argv += words;
	}
	o->args = *argv && strcmp(*argv, "--") == 0 ? argv + 1 : argv;
	return 0;
}

void
cargo_options_clear(struct cargo_options *o)
{
	free(o->passed);
	o->passed = NULL;
	o->n = o->room = 0;
}
