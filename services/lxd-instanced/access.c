/* SPDX-License-Identifier: Apache-2.0 */
/* Short access to the files of an instance, running or stopped: jobs that mount its volume, work, and let go again. */
#include "access.h"

#include <fcntl.h>

#include "bus-error.h"
#include "guest.h"
#include "manager.h"

#define ACCESS_PATIENCE (60 * USEC_PER_SEC) /* a client that stopped sending must not keep an instance from going */

static void access_free(void *p) {
        Access *a = p;

        if (a->arg && a->free_arg)
                a->free_arg(a->arg);
        (void) close_safe(a->root_fd);
        strv_free(a->idmap);
        mounted_volume_done(&a->volume);
        free(a);
}

void access_holder(const Instance *i, char ret[static 40]) {
        (void) snprintf(ret, 40, "files-%" PRIu64, i->id);
}

static bool has_guest(const Instance *i) {
        return i->status == INSTANCE_RUNNING || i->status == INSTANCE_FROZEN;
}

static int running_root(Instance *i, Access *a, sd_bus_error *error) {
        _cleanup_(idmap_done) Idmap map = {};
        int r;

        a->root_fd = guest_state_open_root(&i->guest);
        if (a->root_fd < 0)
                return bus_error_set(error, LXD_ERROR_UNAVAILABLE, "Failed to open the root of \"%s\": the guest is just ending, try again", i->name);
        r = idmap_from_json(config_get_or(&i->settings.config, "volatile.idmap.current", "[]"), &map);
        return r < 0 ? r : idmap_to_lines(&map, &a->idmap);
}

static int step_mount(Job *j, sd_bus_error *error) {
        Instance *i = j->instance;
        Access *a = j->data;
        char holder[40];

        if (i->row != ROW_CREATED)
                return bus_error_set(error, LXD_ERROR_LOCKED, "Instance \"%s\" is %s", i->name,
                                     i->row == ROW_PENDING ? "still being created" : "being deleted");
        if (i->intent)
                return bus_error_set(error, LXD_ERROR_LOCKED, "Instance \"%s\" is being %s", i->name,
                                     startswith(i->intent, "rename:") ? "renamed" : startswith(i->intent, "move:") ? "moved" : "restored");
        if (has_guest(i) && !a->need_volume)
                return running_root(i, a, error);
        i->n_access++;
        a->held = true;
        access_holder(i, holder);
        return storage_mount_for(j, i, holder, &a->volume, error);
}

static int release(Job *j) {
        Instance *i = j->instance;
        Access *a = j->data;
        char holder[40];

        if (!a->held)
                return 0;
        a->held = false;
        if (--i->n_access > 0 || i->id == 0)
                return 0;
        access_holder(i, holder);
        return storage_release(j, i, holder, NULL);
}

static int step_work(Job *j, sd_bus_error *error) {
        Access *a = j->data;

        if (a->volume.path && !a->need_volume) {
                _cleanup_free_ char *path = NULL;

                if (str_format(&path, "%s/rootfs", a->volume.path) < 0)
                        return -ENOMEM;
                a->idmap = TAKE_PTR(a->volume.idmap);
                a->root_fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
                if (a->root_fd < 0)
                        return bus_error_set(error, LXD_ERROR_FAILED, "Failed to open the root of \"%s\": %s", j->instance->name, strerror(errno));
        }
        return a->work(j, error);
}

static int step_release(Job *j, sd_bus_error *error) {
        j->tolerant = true; /* the work is done; a mount that stays is let go at the next access */
        (void) release(j);
        return 0;
}

static void access_done(Job *j) {
        if (j->instance->n_access == 0)
                jobs_wake_event(j->instance, JOB_EVENT_RELEASED);
}

int step_wait_files(Job *j, sd_bus_error *error) {
        Instance *i = j->instance;
        char holder[40];
        int r;

        if (i->n_access > 0)
                return job_wait_event(j, JOB_EVENT_RELEASED, ACCESS_PATIENCE);
        if (i->volume_settled || isempty(i->pool))
                return 0;
        i->volume_settled = true;
        access_holder(i, holder);
        r = storage_release(j, i, holder, error);
        return r < 0 || i->prepared ? r : storage_release(j, i, NULL, error);
}

int undo_wait_files(Job *j) {
        if (j->result == -ETIMEDOUT && !sd_bus_error_is_set(&j->error))
                j->result = bus_error_set(&j->error, LXD_ERROR_LOCKED,
                                          "Files of instance \"%s\" are still being read or written; try again when that has ended", j->instance->name);
        return 0;
}

static const JobStep access_steps[] = {
        { "mount", step_mount, release },
        { "work", step_work, NULL },
        { "release", step_release, NULL },
        {}
};

int access_start(Instance *i, int (*work)(Job *j, sd_bus_error *error), int (*reply)(Job *j), bool need_volume, void *arg,
                 void (*free_arg)(void *), sd_bus_message *m) {
        Access *a;
        Job *j;
        int r;

        r = job_new(i->manager, i, "files", JOB_FREE, access_steps, NULL, &j);
        if (r < 0) {
                free_arg(arg);
                return r;
        }
        a = job_alloc_data(j, sizeof(Access), access_free);
        if (!a) {
                job_free(j);
                free_arg(arg);
                return -ENOMEM;
        }
        *a = (Access) { .root_fd = -EBADF, .need_volume = need_volume, .work = work, .arg = arg, .free_arg = free_arg };
        j->reply = reply;
        j->done = access_done;
        return job_start_reply_done(j, m);
}
