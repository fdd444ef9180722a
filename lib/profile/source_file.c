#include "profile/source_file.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/array.h"

#define MAX_BYTES (8 << 20)

struct source_file {
	char *text;
	const char **line;
	size_t n, room;
};

/* Read all of a descriptor into text of `size` bytes, and a NUL.  Returns how many there were. */
static size_t
read_all(int fd, char *text, size_t size)
{
	size_t n = 0;
	ssize_t got;

	while (n < size && (got = read(fd, text + n, size - n)) > 0)
		n += (size_t)got;
	text[n] = '\0';
	return n;
}

/* Read a file whose name a recording has: what is no regular file is not waited for. */
static char *
slurp(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	char *text = NULL;
	struct stat st;
	size_t n;

	if (fd < 0)
		return NULL;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size <= MAX_BYTES)
		text = malloc((size_t)st.st_size + 1);
	if (text) {
		n = read_all(fd, text, (size_t)st.st_size);
		for (size_t i = 0; i < n; i++)
			if (text[i] == '\0' || text[i] == '\t')
				text[i] = ' ';
	}
	close(fd);
	return text;
}

struct source_file *
source_file_open(const char *path)
{
	struct source_file *f = calloc(1, sizeof *f);
	char *p, *end;

	if (f == NULL || (f->text = slurp(path)) == NULL) {
		free(f);
		return NULL;
	}
	for (p = f->text; *p; p = end) {
		if (array_room(&f->line, f->n, &f->room, sizeof *f->line) < 0)
			break;
		f->line[f->n++] = p;
		end = p + strcspn(p, "\n");
		if (*end)
			*end++ = '\0';
	}
	return f;
}

void
source_file_close(struct source_file *f)
{
	if (f == NULL)
		return;
	free(f->text);
	free(f->line);
	free(f);
}

const char *
source_file_line(const struct source_file *f, uint64_t number)
{
	return f && number && number <= f->n ? f->line[number - 1] : NULL;
}
