/*
 * The rsprof record that a stream begins with, put together.
 */
#ifndef HEADER_H
#define HEADER_H

struct rec;

/* Begin one: the producer's name (a literal), and the two clocks. */
void header_begin(struct rec *r, const char *producer);
/* One key=value.  Lives until the next header_begin(). */
void header_add(struct rec *r, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* The machine. */
void header_end(struct rec *r);

#endif
