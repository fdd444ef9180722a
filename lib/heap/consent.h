/*
 * The user's consent, given while a recording goes on, to sampling inside the process: one
 * line, "inside", that comes by a descriptor.  Nothing else is accepted there.
 */
#ifndef CONSENT_H
#define CONSENT_H

/* Returns whether it has come.  A descriptor that has brought that, or anything else, or its
 * end, is closed, and *fd is -1 then. */
int consent_given(int *fd);

#endif
