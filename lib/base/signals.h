/*
 * Signals as the caller has left them.
 */
#ifndef SIGNALS_H
#define SIGNALS_H

/* Returns whether the program's caller ignores a signal, as nohup(1) does with
 * SIGHUP.  Such a signal must not be blocked for a signalfd: blocked, it
 * would arrive all the same. */
int signals_ignored(int number);

#endif
