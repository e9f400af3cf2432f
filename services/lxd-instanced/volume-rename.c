/* SPDX-License-Identifier: Apache-2.0 */
/* Rewriting the disks that name a custom volume, in instances and profiles. */
#include "volume-rename.h"

#include "bus-error.h"
#include "db-records.h"
#include "device-config.h"
#include "log.h"

/* 1 = something changed, 0, -ENOMEM. */
static int rename_in(Devices *devices, const VolumeName *from, const VolumeName *to) {
        int r = 0;

        for (size_t k = 0; k < devices->n; k++) {
                Config *c = &devices->items[k].config;

                if (!device_is_custom_volume(c) || !streq_ptr(config_get(c, "pool"), from->pool) || !streq_ptr(config_get(c, "source"), from->name))
                        continue;
                r = config_set(c, "source", to->name);
                if (r >= 0)
                        r = config_set(c, "pool", to->pool);
                if (r < 0)
                        return r;
                r = 1;
        }
        return r;
}

static int rename_in_instance(Instance *i, const VolumeName *from, const VolumeName *to) {
        _cleanup_(settings_done) Settings new = {}, old = {};
        int r;

        r = settings_copy(&i->settings, &new);
        if (r >= 0)
                r = rename_in(&new.devices, from, to);
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

static int rename_in_profile(Profile *p, const VolumeName *from, const VolumeName *to) {
        int r;

        r = rename_in(&p->devices, from, to);
        if (r <= 0)
                return r;
        r = db_profile_update(p->manager->db, p);
        if (r < 0)
                (void) rename_in(&p->devices, to, from);
        return r;
}

int references_rename_volume(Manager *m, const char *project, const VolumeName *from, const VolumeName *to, sd_bus_error *error) {
        for (size_t k = 0; k < m->n_instances; k++) {
                Instance *i = m->instances[k];
                int r = streq(i->project, project) ? rename_in_instance(i, from, to) : 0;

                if (r < 0)
                        return bus_error_wrap(error, r, "Failed to rename volume \"%s\" in the devices of instance \"%s\"", from->name, i->name);
        }
        for (size_t k = 0; k < m->n_profiles; k++) {
                Profile *p = m->profiles[k];
                int r = streq(p->project, project) ? rename_in_profile(p, from, to) : 0;

                if (r < 0)
                        return bus_error_wrap(error, r, "Failed to rename volume \"%s\" in the devices of profile \"%s\"", from->name, p->name);
        }
        return 0;
}
