/* Any bytes as JSON: what is read can be walked to its end. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Returns how many values there are, having read the text of each. */
static size_t
walk(const struct json_value *v)
{
	size_t n = 0;

	for (; v; v = v->next) {
		n += 1 + walk(v->child);
		if (v->type == JSON_STRING && v->text[v->len] != '\0')
			abort();
	}
	return n;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *error;
	struct json *j = json_read((const char *)data, size, &error);

	if (j && walk(json_root(j)) > size)
		abort();
	json_free(j);
	return 0;
}
