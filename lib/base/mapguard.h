/*
 * Files that others may write to while we read them by mmap(2).
 */
#ifndef MAPGUARD_H
#define MAPGUARD_H

/* From now on let memory of a mapped file that has become shorter read as zeros, instead of
 * ending the program by SIGBUS. */
void mapguard_begin(void);

#endif
