/*
 * An allocator by mimalloc's names, in a library: own calls it by slots.
 */
#include <stdlib.h>

void *mi_malloc_aligned(size_t size, size_t align);
void mi_free(void *p);

void *
mi_malloc_aligned(size_t size, size_t align)
{
	return align > 16 ? aligned_alloc(align, (size + align - 1) & -align) : malloc(size);
}

void
mi_free(void *p)
{
	free(p);
}
