/*
 * One of the libraries of many: to the profiler it has Rust code, with its own four
 * allocation functions, which only jump on.
 */
#include <stddef.h>

#define SHIM_SCOPE ".globl \\name\n.hidden \\name\n"
#include "tests/target/shims.h"

void lib_allocate(int times);

void *__rust_alloc(size_t size, size_t align);
void __rust_dealloc(void *p, size_t size, size_t align);

void
lib_allocate(int times)
{
	for (int i = 0; i < times; i++)
		__rust_dealloc(__rust_alloc(100, 8), 100, 8);
}
