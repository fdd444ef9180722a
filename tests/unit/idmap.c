/* The map of ids against an array, through random changes. */
#include <stdlib.h>

#include "base/idmap.h"
#include "tap.h"

#define IDS 1000

int
main(void)
{
	static uint32_t value[IDS];
	struct idmap m = { 0 };
	int good = 1;

	ok(idmap_get(&m, 7) == IDMAP_NONE, "an empty map knows nothing");
	idmap_delete(&m, 7);
	for (int i = 0; i < IDS; i++)
		value[i] = IDMAP_NONE;
	srand(1);
	for (int round = 0; round < 300000 && good; round++) {
		int i = rand() % IDS;
		/* Neighbours, and far apart. */
		uint64_t id = i % 2 ? (uint64_t)i : (uint64_t)i << 40;

		if (rand() % 2) {
			value[i] = (uint32_t)rand();
			good &= idmap_put(&m, id, value[i]) == 0;
		} else {
			value[i] = IDMAP_NONE;
			idmap_delete(&m, id);
		}
		i = rand() % IDS;
		id = i % 2 ? (uint64_t)i : (uint64_t)i << 40;
		good &= idmap_get(&m, id) == value[i];
	}
	ok(good, "300000 changes");
	idmap_clear(&m);
	ok(m.used == 0 && idmap_get(&m, 1) == IDMAP_NONE, "cleared");
	return tap_done();
}
