#include "export/proto.h"

#include <stdlib.h>
#include <string.h>

/* Wire types. */
enum {
	VARINT = 0,
	LENGTH = 2
};

static void
put(struct proto *b, const void *bytes, size_t len)
{
	unsigned char *p;
	size_t room = b->room;

	if (b->failed)
		return;
	if (len > room - b->n) {
		while (len > room - b->n)
			room = room ? 2 * room : 256;
		if ((p = realloc(b->p, room)) == NULL) {
			b->failed = 1;
			return;
		}
		b->p = p;
		b->room = room;
	}
	if (len)
		memcpy(b->p + b->n, bytes, len);
	b->n += len;
}

void
proto_element(struct proto *b, uint64_t value)
{
	unsigned char byte[10];
	size_t n = 0;

	do {
		byte[n] = (unsigned char)((value & 0x7f) | (value > 0x7f ? 0x80 : 0));
		n++;
	} while (value >>= 7);
	put(b, byte, n);
}

void
proto_number(struct proto *b, unsigned field, uint64_t value)
{
	if (value == 0)
		return;
	proto_element(b, field << 3 | VARINT);
	proto_element(b, value);
}

void
proto_bytes(struct proto *b, unsigned field, const void *bytes, size_t len)
{
	proto_element(b, field << 3 | LENGTH);
	proto_element(b, len);
	put(b, bytes, len);
}

void
proto_message(struct proto *b, unsigned field, struct proto *message)
{
	proto_bytes(b, field, message->p, message->n);
	b->failed |= message->failed;
	message->n = 0;
}

void
proto_clear(struct proto *b)
{
	free(b->p);
	*b = (struct proto){ 0 };
}
