#include "base/strtab.h"

#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/hash.h"
#include "base/idmap.h"

static int
append(struct strtab *t, const char *s)
{
	if (t->map == NULL && (t->map = calloc(1, sizeof *t->map)) == NULL)
		return -1;
	if (array_room(&t->text, t->n, &t->room, sizeof *t->text) < 0)
		return -1;
	return (t->text[t->n] = strdup(s)) ? 0 : -1;
}

int
strtab_add(struct strtab *t, const char *s, uint32_t *number)
{
	uint64_t key;

	*number = STRTAB_NONE;
	if (s == NULL)
		return 0;
	/* Probe the following keys: strings can have the same hash. */
	for (key = hash_str(HASH_INIT, s); t->map; key++) {
		if ((*number = idmap_get(t->map, key)) == IDMAP_NONE)
			break;
		if (strcmp(t->text[*number], s) == 0)
			return 0;
	}
	if (append(t, s) < 0)
		return -1;
	if (idmap_put(t->map, key, (uint32_t)t->n) < 0) {
		free(t->text[t->n]);
		return -1;
	}
	*number = (uint32_t)t->n++;
	return 0;
}

const char *
strtab_text(const struct strtab *t, uint32_t number)
{
	return number < t->n ? t->text[number] : NULL;
}

void
strtab_clear(struct strtab *t)
{
	while (t->n)
		free(t->text[--t->n]);
	free(t->text);
	if (t->map)
		idmap_clear(t->map);
	free(t->map);
	*t = (struct strtab){ 0 };
}
