/* The names of symbols: SYMBOL TAB name TAB name with hashes, for each line. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "symbol/demangle.h"

int
main(void)
{
	static char name[1 << 16], whole[1 << 16];
	char *line = NULL;
	size_t room = 0;

	while (getline(&line, &room, stdin) > 0) {
		line[strcspn(line, "\n")] = '\0';
		demangle(name, sizeof name, line);
		demangle_whole(whole, sizeof whole, line);
		printf("%s\t%s\t%s\n", line, name, whole);
	}
	free(line);
	return 0;
}
