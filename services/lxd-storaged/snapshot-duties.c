/* SPDX-License-Identifier: Apache-2.0 */
/* Each due snapshot is a task of its own, with the locks and the clean-up of one that somebody asked for. */
#include "snapshot-duties.h"

#include <fcntl.h>
#include <time.h>

#include "base/clock.h"
#include "bus-error.h"
#include "log.h"
#include "snapshot-pattern.h"
#include "snapshot.h"

void snapshot_duties_update(Manager *m) {
        _cleanup_free_ char *path = NULL;
        _cleanup_close_ int fd = -EBADF;
        int duties = db_has_snapshot_duties(m->db);
        int r = duties < 0 ? duties : str_format(&path, "%s/volume-snapshot-duties", m->state_dir);

        if (r >= 0 && duties == 0) {
                (void) unlink(path);
                return;
        }
        if (r >= 0)
                fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
        if (r < 0 || fd < 0)
                log_warning_errno(r < 0 ? r : -errno, "Scheduled snapshots of volumes will not be made, because their timer cannot be told: %m");
}

static int submit(Manager *m, const TaskKind *kind, const Pool *p, const Volume *v, const char *snapshot) {
        _cleanup_(task_freep) Task *t = NULL;
        int r;

        r = volume_task_new(m, kind, p->name, v->type, v->project, v->name, &t);
        if (r >= 0)
                r = str_replace(&t->snapshot.name, snapshot);
        if (r >= 0)
                r = task_submit(TAKE_PTR(t), NULL);
        return MIN(r, 0);
}

static int run_volume(Manager *m, const Pool *p, const Volume *v, uint64_t now, const struct tm *tm) {
        const char *schedule = config_get_or(&v->config, "snapshots.schedule", "");
        _cleanup_(snapshot_list_done) SnapshotList snapshots = {};
        int r = 0;

        if (v->state != ROW_CREATED)
                return 0;
        if (!isempty(schedule) && snapshot_schedule_matches(schedule, tm))
                r = submit(m, &snapshot_create_kind, p, v, "");
        if (r >= 0)
                r = db_snapshot_list(m->db, v->id, &snapshots);
        for (size_t i = 0; r >= 0 && i < snapshots.n; i++) {
                const Snapshot *s = snapshots.items + i;

                if (s->state == ROW_CREATED && s->expires_at > 0 && s->expires_at <= now)
                        r = submit(m, &snapshot_delete_kind, p, v, s->name);
        }
        return r;
}

int snapshot_duties_run(Manager *m, uint64_t now, sd_bus_error *error) {
        time_t seconds = (time_t) (now / USEC_PER_SEC);
        _cleanup_(pool_list_done) PoolList pools = {};
        struct tm tm;
        int r;

        if (!localtime_r(&seconds, &tm))
                return -EINVAL;
        r = db_pool_list(m->db, &pools);
        for (size_t i = 0; r >= 0 && i < pools.n; i++) {
                _cleanup_(volume_list_done) VolumeList volumes = {};

                r = db_volume_list(m->db, pools.items[i].id, VOLUME_CUSTOM, NULL, &volumes);
                for (size_t k = 0; r >= 0 && k < volumes.n; k++)
                        r = run_volume(m, pools.items + i, volumes.items + k, now, &tm);
        }
        if (r < 0)
                return bus_error_wrap(error, r, "Failed to look for scheduled snapshots of volumes");
        snapshot_duties_update(m);
        return 0;
}
