/* Where execution goes on after an instruction. */
#include "unwind/code.h"

#include <inttypes.h>

#include "tests/unit/tap.h"

#define AT 0x1000

static void
is(const char *what, const char *code, size_t len, int n, uint64_t first, uint64_t second)
{
	uint64_t next[2] = { 0, 0 };
	int got = code_next((const unsigned char *)code, len, AT, next);

	ok(got == n && next[0] == first && next[1] == second,
	    "%s: %d, %" PRIx64 " %" PRIx64, what, got, next[0], next[1]);
}

int
main(void)
{
	is("push %rbx", "\x53\x90", 2, 1, AT + 1, 0);
	is("endbr64", "\xf3\x0f\x1e\xfa\x53", 5, 1, AT + 4, 0);
	is("jmp, 32 bits", "\xe9\x00\x01\x00\x00", 5, 1, AT + 5 + 0x100, 0);
	is("jmp, 8 bits, back", "\xeb\xfe", 2, 1, AT, 0);
	is("je", "\x74\x10", 2, 2, AT + 2, AT + 2 + 0x10);
	is("call", "\xe8\xfb\xff\xff\xff", 5, 1, AT, 0);
	is("jmp through a slot", "\xff\x25\x00\x00\x00\x00", 6, 0, 0, 0);
	is("ret", "\xc3", 1, 0, 0, 0);
	is("half of an instruction", "\xe9\x00", 2, 0, 0, 0);
	return tap_done();
}
