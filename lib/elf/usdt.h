/*
 * Static probes (USDT) of a file: places that its authors have marked with a nop and a
 * note, in .note.stapsdt, that says what is where there.  The format is SystemTap's:
 * https://sourceware.org/systemtap/wiki/UserSpaceProbeImplementation
 */
#ifndef USDT_H
#define USDT_H

#include <stddef.h>
#include <stdint.h>

struct elf_file;

struct usdt_note {
	const char *provider, *name, *args; /* live as long as the file */
	uint64_t addr;      /* of the nop */
	uint64_t semaphore; /* of a counter of 2 bytes of who uses it; 0: there is none */
};

/* Call fn for each probe of a file. */
void usdt_notes(const struct elf_file *e,
    void (*fn)(void *ctx, const struct usdt_note *note), void *ctx);

enum usdt_kind {
	USDT_NUMBER,   /* n */
	USDT_REGISTER, /* what is in reg */
	USDT_MEMORY    /* what is in memory at reg + n */
};

/* An argument of a probe. */
struct usdt_arg {
	enum usdt_kind kind;
	unsigned size; /* bytes: 1, 2, 4 or 8 */
	int negative;  /* it has a sign */
	unsigned reg;  /* the offset of a register in the kernel's struct pt_regs */
	int64_t n;
};

/* Parse the arguments of a note; in a folder for each machine.  Returns how many there
 * are, at most max; -1 if one is of a form that is not known. */
int usdt_args(const char *text, struct usdt_arg *out, int max);

#endif
