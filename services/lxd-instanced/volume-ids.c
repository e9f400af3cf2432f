/* SPDX-License-Identifier: Apache-2.0 */
/* Mapped mounts where the file system has them, shifted files where it has not. */
#include "volume-ids.h"

#include "bus-error.h"
#include "guest-control.h"

int volume_ids_wanted(const MountedVolume *v, bool privileged, char *const *guest, Strv *ret, sd_bus_error *error) {
        int r;

        if (v->unmapped)
                return strv_copy(v->idmap, ret);
        if (privileged) {
                *ret = NULL;
                return 0;
        }
        r = guest_idmap_probe(v->path);
        if (r < 0)
                return bus_error_wrap(error, r, "Failed to test %s for idmapped mounts", v->path);
        return r > 0 ? (*ret = NULL, 0) : strv_copy(guest, ret);
}

bool volume_ids_by_mount(const MountedVolume *v, bool privileged) {
        return !privileged && !v->unmapped && strv_length(v->idmap) == 0;
}
