/*
 * A file that becomes shorter while it is mapped ends nobody who reads it.
 */
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/mapguard.h"
#include "base/page.h"
#include "tap.h"

int
main(void)
{
	size_t size = page_size();
	FILE *f = tmpfile();
	volatile unsigned char *bytes;

	if (f == NULL || ftruncate(fileno(f), (off_t)(4 * size)) < 0 ||
	    pwrite(fileno(f), "first", 5, 0) != 5 ||
	    pwrite(fileno(f), "last", 4, (off_t)(3 * size)) != 4)
		return 1;
	bytes = mmap(NULL, 4 * size, PROT_READ, MAP_PRIVATE, fileno(f), 0);
	mapguard_begin();
	ok(bytes[0] == 'f' && bytes[3 * size] == 'l', "a file is read");
	if (ftruncate(fileno(f), 5) < 0)
		return 1;
	ok(bytes[0] == 'f', "what is left of it, too");
	ok(bytes[3 * size] == 0 && bytes[2 * size + 1] == 0, "what has gone reads as zeros");
	return tap_done();
}
