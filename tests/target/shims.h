/*
 * Four allocation functions that a program of rustc's would have: they only jump on, to
 * functions that call the C library.  SHIM_SCOPE: directives for the symbol \name.
 */
#ifndef SHIMS_H
#define SHIMS_H

#include <stdlib.h>

#ifndef SHIM_SCOPE
#define SHIM_SCOPE ""
#endif

/* As panic messages of std have it. */
const char *volatile rust_path = "/rustc/0000000000000000000000000000000000000000/"
    "library/std/src/panicking.rs";

__asm__(".text\n"
    ".macro shim name to\n"
    ".balign 16\n" SHIM_SCOPE ".type \\name, @function\n"
    "\\name: .byte 0xe9\n.long \\to - . - 4\n.size \\name, . - \\name\n"
    ".endm\n"
    "shim __rust_alloc given_alloc\n"
    "shim __rust_dealloc given_dealloc\n"
    "shim __rust_realloc given_realloc\n"
    "shim __rust_alloc_zeroed given_zeroed\n");

/* What they would lead to. */
__attribute__((used)) static void *
given_alloc(size_t size)
{
	return malloc(size);
}

__attribute__((used)) static void *
given_zeroed(size_t size)
{
	return calloc(1, size);
}

__attribute__((used)) static void
given_dealloc(void *p)
{
	free(p);
}

__attribute__((used)) static void *
given_realloc(void *p, size_t old, size_t align, size_t size)
{
	(void)old, (void)align;
	return realloc(p, size);
}

#endif
