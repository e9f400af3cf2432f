/* SPDX-License-Identifier: Apache-2.0 */
/* Is on this host what devices name? */
#include "device-host.h"

#include <unistd.h>

#include "bus-error.h"
#include "device-config.h"

bool device_source_is_missing(const Config *device) {
        const char *source = config_get(device, "source");

        return device_kind(device) == DEVICE_DISK && !isempty(source) && isempty(config_get(device, "pool")) && access(source, F_OK) < 0;
}

int devices_check_sources(const Devices *old, const Devices *new, sd_bus_error *error) {
        DEVICES_FOREACH(d, new) {
                const Config *former = old ? devices_get(old, d->name) : NULL;

                if ((former && config_equal(former, &d->config)) || !device_source_is_missing(&d->config) || !device_is_required(&d->config))
                        continue;
                return bus_error_set(error, LXD_ERROR_INVALID, "Failed add validation for device \"%s\": Missing source path \"%s\" for disk \"%s\"",
                                     d->name, config_get(&d->config, "source"), d->name);
        }
        return 0;
}
