#include "base/mapguard.h"

#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#include "base/page.h"

/* Put a page of zeros where one of a file has gone, or end as without a handler. */
static void
on_bus(int sig, siginfo_t *info, void *context)
{
	size_t size = page_size();
	uintptr_t addr = (uintptr_t)info->si_addr & ~(uintptr_t)(size - 1);
	void *page;

	(void)context;
	memcpy(&page, &addr, sizeof page);
	if (info->si_code != BUS_ADRERR || mmap(page, size, PROT_READ,
	                                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) ==
	        MAP_FAILED)
		signal(sig, SIG_DFL);
}

void
mapguard_begin(void)
{
	struct sigaction a;

	page_size(); /* asked for before the handler has to know it */
	memset(&a, 0, sizeof a);
	a.sa_sigaction = on_bus;
	a.sa_flags = SA_SIGINFO;
	sigaction(SIGBUS, &a, NULL);
}
