/*
 * The rsprof record that every stream begins with.
 */
#ifndef HEADER_H
#define HEADER_H

struct rec;

/* Begin a header in *r with the producer's name, a literal, and the two clocks. */
void header_begin(struct rec *r, const char *producer);
/* Add a key=value attribute, which is valid until the next header_begin(). */
void header_add(struct rec *r, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Add the attributes that name the machine: host, kernel and architecture. */
void header_end(struct rec *r);

#endif
