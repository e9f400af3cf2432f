/* SPDX-License-Identifier: Apache-2.0 */
/* Starting, stopping and watching systemd units without blocking. */
#pragma once

#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

#include "base/macro.h"

typedef struct Units Units;

/* The job's end: r 0, or negative errno with e set (job failed, no such unit, no service manager). */
typedef void (*unit_job_t)(int r, const sd_bus_error *e, void *userdata);

/* Talks to the service manager over its private socket (root only; no broker in between), connects when needed, also after a re-execution of the manager, and hangs up when
 * nothing was asked for a second and no job is waited for. 0, -ENOMEM. */
int units_new(sd_event *event, Units **ret);
/* For tests: uses this connected socket as the service manager. */
int units_attach(Units *u, int fd);
Units *units_free(Units *u); /* callbacks of pending jobs are not called */

/* Queue a job (mode replace) and call back when it is done. 0, -errno (callback not called). */
int unit_start(Units *u, const char *name, unit_job_t callback, void *userdata);
int unit_stop(Units *u, const char *name, unit_job_t callback, void *userdata);
int unit_restart(Units *u, const char *name, unit_job_t callback, void *userdata);
int unit_reload(Units *u, const char *name, unit_job_t callback, void *userdata);
/* A signal to the main process. Not to all: what cleans up after it (ExecStopPost=) has to live. */
int unit_kill(Units *u, const char *name, int signal, unit_job_t callback, void *userdata);
/* Forgets a failed state so that the unit can be started again. */
int unit_reset_failed(Units *u, const char *name);
/* Names of the loaded units that match pattern and are active/activating, one call (for a daemon's start). The callback's names ends with NULL. */
int units_list(Units *u, const char *pattern,
               void (*callback)(char **names, const sd_bus_error *e, void *userdata), void *userdata);
