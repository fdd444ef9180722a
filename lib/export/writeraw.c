#include "export/writeraw.h"

#include <stdint.h>
#include <string.h>

#include "export/proto.h"

enum { REQUEST_SERIES = 2 };
enum { SERIES_LABELS = 1, SERIES_SAMPLES = 2 };
enum { SET_LABELS = 1 };
enum { LABEL_NAME = 1, LABEL_VALUE = 2 };
enum { SAMPLE_PROFILE = 1 };

#define UNCOMPRESSED 0 /* the first byte of a message; four of its length follow */

/* Add the labels to a set. */
static void
put_labels(struct proto *set, char *const label[], size_t n)
{
	struct proto pair = { 0 };

	for (size_t i = 0; i < n; i++) {
		const char *value = strchr(label[i], '=');
		size_t len = value ? (size_t)(value - label[i]) : strlen(label[i]);

		proto_bytes(&pair, LABEL_NAME, label[i], len);
		if (value)
			proto_bytes(&pair, LABEL_VALUE, value + 1, strlen(value + 1));
		proto_message(set, SET_LABELS, &pair);
	}
	proto_clear(&pair);
}

int
writeraw_put(FILE *out, char *const label[], size_t n, const void *profile, size_t len)
{
	struct proto request = { 0 }, series = { 0 }, part = { 0 };
	unsigned char head[5] = { UNCOMPRESSED };
	int failed;

	put_labels(&part, label, n);
	proto_message(&series, SERIES_LABELS, &part);
	proto_bytes(&part, SAMPLE_PROFILE, profile, len);
	proto_message(&series, SERIES_SAMPLES, &part);
	proto_message(&request, REQUEST_SERIES, &series);
	failed = request.failed || request.n > UINT32_MAX;
	for (int i = 0; i < 4; i++)
		head[1 + i] = (unsigned char)(request.n >> (24 - 8 * i));
	if (!failed) {
		fwrite(head, 1, sizeof head, out);
		fwrite(request.p, 1, request.n, out);
	}
	proto_clear(&request);
	proto_clear(&series);
	proto_clear(&part);
	return failed ? -1 : 0;
}
