/* SPDX-License-Identifier: Apache-2.0 */
/* Short access to the files of an instance, running or stopped: jobs that mount its volume, work, and let go again. */
#pragma once

#include "storage.h"

typedef struct Access {
        MountedVolume volume; /* path NULL: not mounted for this */
        int root_fd;        /* of the guest's root: the running one, or <volume>/rootfs */
        Strv idmap;         /* as guest-files.h wants it; NULL = ids are as they are */
        bool held;          /* counted in n_access */
        bool need_volume;   /* also when the guest runs: what is asked for lies beside rootfs */
        /* Starts the work; the job goes on with job_wake(). 0, negative errno with error set. */
        int (*work)(Job *j, sd_bus_error *error);
        void *arg;          /* of the work; freed by free_arg */
        void (*free_arg)(void *);
} Access;

/* A job that is answered by reply when the work is done; started. 1, negative errno. arg is taken over in any case. */
int access_start(Instance *i, int (*work)(Job *j, sd_bus_error *error), int (*reply)(Job *j), bool need_volume, void *arg,
                 void (*free_arg)(void *), sd_bus_message *m);
/* A job's step that lets whoever reads or writes the files finish, within reason, and its reverse. Intent or state of the row keep new ones
 * away. */
int step_wait_files(Job *j, sd_bus_error *error);
int undo_wait_files(Job *j);
/* Who holds the volume mounted meanwhile. */
void access_holder(const Instance *i, char ret[static 40]);
