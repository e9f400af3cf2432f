/* SPDX-License-Identifier: Apache-2.0 */
/* Draws and clears the progress line. */

#include <stdio.h>
#include <time.h>

#include "progress.h"
#include "text.h"

#define REDRAW_USEC (100 * USEC_PER_MSEC)

static uint64_t monotonic(void) {
        struct timespec ts;

        (void) clock_gettime(CLOCK_MONOTONIC, &ts);
        return (uint64_t) ts.tv_sec * USEC_PER_SEC + (uint64_t) ts.tv_nsec / NSEC_PER_USEC;
}

void progress_init(Progress *p, bool quiet, const char *prefix) {
        *p = (Progress) { .prefix = prefix, .enabled = !quiet && isatty(STDOUT_FILENO) };
}

void progress_update(Progress *p, const char *text) {
        _cleanup_free_ char *line = NULL;
        uint64_t now = monotonic();
        size_t width;

        if (!p->enabled || (p->last > 0 && now - p->last < REDRAW_USEC))
                return;
        p->last = now;

        line = p->prefix ? xformat("%s: %s", p->prefix, text) : xstrdup(text);
        width = text_width(line, strlen(line));
        printf("\r%s%*s", line, width < p->shown ? (int) (p->shown - width) : 0, "");
        fflush(stdout);
        p->shown = width;
}

void progress_bytes(Progress *p, uint64_t done, uint64_t total, uint64_t started) {
        _cleanup_free_ char *speed = NULL, *text = NULL;
        uint64_t elapsed = monotonic() - started;

        if (!p->enabled)
                return;
        speed = format_bytes((int64_t) (elapsed > 0 ? (double) done * 1e6 / (double) elapsed : 0), 2);
        text = total > 0 && done <= total ? xformat("%u%% (%s/s)", (unsigned) (done * 100 / total), speed)
                                          : xformat("%s/s", speed);
        progress_update(p, text);
}

void progress_done(Progress *p) {
        if (p->shown == 0)
                return;
        printf("\r%*s\r", (int) p->shown, "");
        fflush(stdout);
        p->shown = 0;
}
