#include "base/signals.h"

#include <signal.h>
#include <stddef.h>

int
signals_ignored(int number)
{
	struct sigaction now;

	return sigaction(number, NULL, &now) == 0 && now.sa_handler == SIG_IGN;
}
