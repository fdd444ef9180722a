/*
 * One of the libraries of many: to the profiler it has Rust code, with its own four
 * allocation functions, which only jump on.
 */
#include <stdlib.h>

void lib_allocate(int times);

/* As panic messages of std have it. */
const char *volatile rust_path = "/rustc/0000000000000000000000000000000000000000/"
    "library/std/src/panicking.rs";

__asm__(".text\n"
    ".macro shim name to\n"
    ".balign 16\n.globl \\name\n.hidden \\name\n.type \\name, @function\n"
    "\\name: .byte 0xe9\n.long \\to - . - 4\n.size \\name, . - \\name\n"
    ".endm\n"
    "shim __rust_alloc given_alloc\n"
    "shim __rust_dealloc given_dealloc\n"
    "shim __rust_realloc given_realloc\n"
    "shim __rust_alloc_zeroed given_zeroed\n");

void *__rust_alloc(size_t size, size_t align);
void __rust_dealloc(void *p, size_t size, size_t align);

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

void
lib_allocate(int times)
{
	for (int i = 0; i < times; i++)
		__rust_dealloc(__rust_alloc(100, 8), 100, 8);
}
