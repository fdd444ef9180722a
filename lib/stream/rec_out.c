/* Buffers whole lines and writes them to a descriptor. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "stream/rec.h"

void
rec_out_init(struct rec_out *o, int fd, size_t atom)
{
	o->fd = fd;
	o->error = 0;
	o->used = 0;
	o->atom = atom < sizeof o->buf ? atom : sizeof o->buf;
}

int
rec_out_flush(struct rec_out *o)
{
	for (size_t done = 0; done < o->used && !o->error;) {
		ssize_t n = write(o->fd, o->buf + done, o->used - done);

		if (n >= 0)
			done += (size_t)n;
		else if (errno != EINTR)
			o->error = errno;
	}
	o->used = 0;
	errno = o->error;
	return o->error ? -1 : 0;
}

int
rec_out_put(struct rec_out *o, const struct rec *r)
{
	/* Flush first: rec_print() cuts strings to the room that is left. */
	if (rec_length(r) > o->atom - o->used && rec_out_flush(o) < 0)
		return -1;
	o->used += rec_print(o->buf + o->used, o->atom - o->used, r);
	return o->error ? -1 : 0;
}

int
rec_out_pass(struct rec_out *o, const struct rec *r)
{
	if (o->used + r->len + 1 > o->atom && rec_out_flush(o) < 0)
		return -1;
	memcpy(o->buf + o->used, r->line, r->len);
	o->used += r->len;
	o->buf[o->used++] = '\n';
	return o->error ? -1 : 0;
}
