/*
 * Whose code a frame is, by its names.
 */
#ifndef CLASS_H
#define CLASS_H

/* A class of rsprof-records(5), of a function as it is shown, its source file
 * and the path of its module; each may be NULL. */
const char *class_of(const char *function, const char *file, const char *module);

/* Is it a function that allocates, such as malloc() or __rust_alloc()? */
int class_allocates(const char *function);

#endif
