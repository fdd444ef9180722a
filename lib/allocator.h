/*
 * Which functions a process allocates memory with: a first look, by names
 * alone, at the files that it executes from.  Where probes would have to go
 * is not decided here.
 */
#ifndef ALLOCATOR_H
#define ALLOCATOR_H

#include <stddef.h>

struct obj;

/* What names a file has or wants. */
struct allocator_look {
	const char *file;   /* its name, for texts */
	int rust;           /* made by rustc */
	unsigned shims;     /* the __rust_* functions that it defines, */
	unsigned stubs;     /* those that only jump elsewhere, */
	unsigned wanted;    /* and those that it wants from elsewhere: bits */
	const char *table;  /* the symbol table that has them */
	unsigned imports;   /* malloc() and its like: wanted from elsewhere, */
	unsigned exports;   /* defined for others, */
	unsigned local;     /* or defined for itself: bits */
	const char *linked; /* the allocator that is linked in, or NULL */
	int nameless;       /* but its symbols are not there */
	int symtab;         /* it has a .symtab */
};

/* file and rust are the caller's to set. */
void allocator_look(struct allocator_look *l, const struct obj *obj);

/*
 * What follows for file i of n, of which the first is the executable.  1:
 * its allocation functions are known, and how they are called is in why; 0:
 * they are not, why not is there, and what would help is in *remedy (constant
 * text, NULL: nothing).
 */
int allocator_judge(const struct allocator_look *look, size_t n, size_t i,
    char *why, size_t size, const char **remedy);

/*
 * The number (0 to 3) of the function behind a symbol, in any of rustc's
 * spellings: __rust_alloc, __rust_dealloc, __rust_realloc,
 * __rust_alloc_zeroed; -1: it is none of them.
 */
int allocator_shim(const char *symbol);

#endif
