#include "os/selftest.h"

/* In assembly, because compilers and sanitizers add to an empty function. */
__asm__(".pushsection .text\n"
	".type selftest_call, @function\n"
	".globl selftest_call\n"
	"selftest_call:\n"
	"	nop\n"
	"	ret\n"
	".size selftest_call, . - selftest_call\n"
	/* The kernel replaces no nop that lies in two pages. */
	".balign 16\n"
	".type selftest_long_nop, @function\n"
	".globl selftest_long_nop\n"
	"selftest_long_nop:\n"
	"	.byte 0x0f, 0x1f, 0x44, 0, 0\n"
	"	ret\n"
	".size selftest_long_nop, . - selftest_long_nop\n"
	".popsection\n");
