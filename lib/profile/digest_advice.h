/*
 * What is wrong with a recording and what to do about it, and which commands to type next.
 */
#ifndef DIGEST_ADVICE_H
#define DIGEST_ADVICE_H

struct digest;

/* Add warnings and commands to a digest whose lists are complete. */
void digest_advise(struct digest *d);

#endif
