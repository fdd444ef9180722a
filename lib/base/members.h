/*
 * JSON objects, member by member.
 */
#ifndef MEMBERS_H
#define MEMBERS_H

#include <stdint.h>
#include <stdio.h>

/* Write a key: "{key" opens an object with it, "key" continues one. */
void member_key(FILE *out, const char *key);

/* Write a member: a number, a number or null for 0, a string or null, a truth. */
void member_number(FILE *out, const char *key, uint64_t n);
void member_some(FILE *out, const char *key, uint64_t n);
void member_text(FILE *out, const char *key, const char *s);
void member_bool(FILE *out, const char *key, int is);

/* Write a member that is a number of either sign. */
void member_signed(FILE *out, const char *key, int64_t n);

/* Write what is before element i of an array, each of which has a line. */
void members_element(FILE *out, size_t i);

#endif
