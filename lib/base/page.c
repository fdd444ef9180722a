#include "base/page.h"

#include <stdatomic.h>
#include <unistd.h>

size_t
page_size(void)
{
	static atomic_size_t size;

	if (size == 0)
		size = (size_t)sysconf(_SC_PAGESIZE);
	return size;
}
