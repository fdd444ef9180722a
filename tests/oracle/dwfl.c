/*
 * dwfl PID TID: the return addresses of a thread's stack as libdw finds them,
 * and the stack pointers there, innermost first.
 */
#include <elfutils/libdwfl.h>
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define RSP 7 /* DWARF's number of it: System V ABI AMD64, 3.6.2 */

static int
print(Dwfl_Frame *frame, void *arg)
{
	Dwarf_Addr pc;
	Dwarf_Word sp;

	(void)arg;
	if (dwfl_frame_pc(frame, &pc, NULL) && dwfl_frame_reg(frame, RSP, &sp) == 0)
		printf("%llx %llx\n", (unsigned long long)pc, (unsigned long long)sp);
	return DWARF_CB_OK;
}

int
main(int argc, char *argv[])
{
	static char none[] = "", *no_debuginfo = none;
	static const Dwfl_Callbacks callbacks = {
		.find_elf = dwfl_linux_proc_find_elf,
		.find_debuginfo = dwfl_standard_find_debuginfo,
		.debuginfo_path = &no_debuginfo,
	};
	Dwfl *dwfl = dwfl_begin(&callbacks);
	pid_t pid, tid;

	if (argc != 3)
		errx(2, "usage: dwfl PID TID");
	pid = atoi(argv[1]);
	tid = atoi(argv[2]);
	if (dwfl == NULL || dwfl_linux_proc_report(dwfl, pid) != 0 ||
	    dwfl_report_end(dwfl, NULL, NULL) != 0 ||
	    dwfl_linux_proc_attach(dwfl, pid, false) != 0)
		errx(1, "process %d: %s", (int)pid, dwfl_errmsg(-1));
	/* It ends with an error where it does not reach the first frame. */
	if (dwfl_getthread_frames(dwfl, tid, print, NULL) != 0)
		printf("# %s\n", dwfl_errmsg(-1));
	dwfl_end(dwfl);
	return 0;
}
