/*
 * What the loader does to a file: words that it sets to addresses.  Found by
 * PT_DYNAMIC: no section headers are needed.
 */
#ifndef DYNAMIC_H
#define DYNAMIC_H

#include <stdint.h>

struct elf_file;

struct dynamic_word {
	uint64_t at;      /* its address */
	uint64_t to;      /* what it is set to, before the file is moved; 0: not known */
	const char *name; /* of the symbol that it is set to, or NULL; lives as long as
	                     the file */
	int here;         /* `to' is of this file, for certain or as a default */
	int got;          /* only the loader sets it */
};

/* Call fn for each word that is set to an address. */
void dynamic_words(const struct elf_file *file,
    void (*fn)(void *ctx, const struct dynamic_word *word), void *ctx);

#endif
