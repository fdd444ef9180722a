#include "heap/consent.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#define WORD "inside\n"

int
consent_given(int *fd)
{
	struct pollfd in = { *fd, POLLIN, 0 };
	char text[sizeof WORD];
	ssize_t n;

	if (*fd < 0 || poll(&in, 1, 0) <= 0)
		return 0;
	/* It is written at once, and so read at once. */
	n = read(*fd, text, sizeof text);
	if (n < 0 && errno == EINTR)
		return 0;
	close(*fd);
	*fd = -1;
	return n == (ssize_t)strlen(WORD) && memcmp(text, WORD, strlen(WORD)) == 0;
}
