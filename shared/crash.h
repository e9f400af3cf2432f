/* SPDX-License-Identifier: Apache-2.0 */
/* Points at which tests kill the process, to see that the next start cleans up. Compiled in only where the build option
 * "crash-points" says so; elsewhere nothing of them is left. */
#pragma once

#ifdef LXD_CRASH_POINTS
/*
 * LXD_CRASH_AT=STEP          dies at that step as by kill -9, LXD_CRASH_AT=PROGRAM/STEP only in that program,
 * LXD_CRASH_AT=STEP#N        only when it comes there for the Nth time.
 * LXD_CRASH_FIFO=PATH        with LXD_CRASH_AT: one byte is taken from there for each death, and there is none without a byte (so
 *                            that what the service manager starts again lives); without it: nobody dies, "PROGRAM/STEP#N" is written there.
 *
 * The step is "[kind/]name": kind may be NULL.
 */
void crash_reached(const char *kind, const char *name);
/* What comes now counts as in a new process; the descriptor of the FIFO is closed. */
void crash_forget(void);

/* A step with a fixed name; tests find the text LXD_CRASH_AT=name in the program, so that none is forgotten. */
#define crash_point(name) crash_reached(0, &"LXD_CRASH_AT=" name[sizeof("LXD_CRASH_AT=") - 1])
#else
static inline void crash_reached(const char *kind, const char *name) {
}
static inline void crash_forget(void) {
}
#define crash_point(name) crash_reached(0, name)
#endif
