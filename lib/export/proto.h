/*
 * An encoder for protocol buffers (protobuf.dev/programming-guides/encoding): fields are added to
 * a buffer that grows.  Fields of the value 0 are left out, as proto3 does.
 */
#ifndef EXPORT_PROTO_H
#define EXPORT_PROTO_H

#include <stddef.h>
#include <stdint.h>

/* Zeroed, it is empty.  After a failure nothing is added. */
struct proto {
	unsigned char *p;
	size_t n, room;
	int failed; /* out of memory */
};

void proto_number(struct proto *b, unsigned field, uint64_t value);
void proto_bytes(struct proto *b, unsigned field, const void *bytes, size_t len);
/* Add one element of a packed field to the bytes of all of them. */
void proto_element(struct proto *b, uint64_t value);
/* Add a message, or a packed field, also an empty one, and empty it. */
void proto_message(struct proto *b, unsigned field, struct proto *message);

void proto_clear(struct proto *b);

#endif
