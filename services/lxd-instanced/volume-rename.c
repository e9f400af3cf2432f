/* SPDX-License-Identifier: Apache-2.0 */
/* Rewriting the disks that name a custom volume, in instances and profiles. */
#include "volume-rename.h"

#include "bus-error.h"
#include "db-records.h"
#include "device-config.h"
#include "log.h"

/* 1 = something changed, 0, -ENOMEM. */
static int rename_in(Devices *devices, const char *pool, const char *from, const char *to) {
        int r = 0;

        for (size_t k = 0; k < devices->n; k++) {
                Config *c = &devices->items[k].config;

                if (!device_is_custom_volume(c) || !streq_ptr(config_get(c, "pool"), pool) || !streq_ptr(config_get(c, "source"), from))
                        continue;
                r = config_set(c, "source", to);
                if (r < 0)
                        return r;
                r = 1;
        }
        return r;
}

static int rename_in_instance(Instance *i, const char *pool, const char *from, const char *to) {
        _cleanup_(settings_done) Settings new = {}, old = {};
        int r;

        r = settings_copy(&i->settings, &new);
        if (r >= 0)
                r = rename_in(&new.devices, pool, from, to);
        if (r <= 0)
                return r;
        r = db_instance_update(i->manager->db, i->id, &new, i->profiles, i->n_profiles);
        if (r < 0)
                return r;
        old = i->settings;
        i->settings = new;
        new = (Settings) {};
        instance_changed(i, "Devices", NULL);
        return 0;
}

static int rename_in_profile(Profile *p, const char *pool, const char *from, const char *to) {
        int r;

        r = rename_in(&p->devices, pool, from, to);
        if (r <= 0)
                return r;
        r = db_profile_update(p->manager->db, p);
        if (r < 0)
                (void) rename_in(&p->devices, pool, to, from);
        return r;
}

int references_rename_volume(Manager *m, const char *pool, const char *project, const char *from, const char *to, sd_bus_error *error) {
        for (size_t k = 0; k < m->n_instances; k++) {
                Instance *i = m->instances[k];
                int r = streq(i->project, project) ? rename_in_instance(i, pool, from, to) : 0;

                if (r < 0)
                        return bus_error_wrap(error, r, "Failed to rename volume \"%s\" in the devices of instance \"%s\"", from, i->name);
        }
        for (size_t k = 0; k < m->n_profiles; k++) {
                Profile *p = m->profiles[k];
                int r = streq(p->project, project) ? rename_in_profile(p, pool, from, to) : 0;

                if (r < 0)
                        return bus_error_wrap(error, r, "Failed to rename volume \"%s\" in the devices of profile \"%s\"", from, p->name);
        }
        return 0;
}
