/*
 * Whose code a frame is, by its names.
 */
#ifndef CLASS_H
#define CLASS_H

/*
 * A class of rsprof-records(5), of a function as it is shown, its source file
 * and the path of its module; each may be NULL.  Names alone tell Rust's own
 * code, allocators and executors from the rest; which crate is the program's
 * own only paths tell.
 */
const char *class_of(const char *function, const char *file, const char *module);

#endif
