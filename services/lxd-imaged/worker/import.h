/* SPDX-License-Identifier: Apache-2.0 */
/* `lxd-image-worker import`: from the body of an upload to two finished files and a report about them. */
#pragma once

#include <systemd/sd-bus.h>

#include "base/macro.h"

typedef struct ImportJob {
        const char *content_type;
        const char *fingerprint; /* expected, "" = any */
        uint64_t size;           /* expected length of the body, UINT64_MAX = any */
        int stream, metadata_fd, rootfs_fd;
} ImportJob;

/* Reports (worker_report()) fingerprint, size, format (unified, split), filename, architecture, created, expires (µs) and property.<name>. 0, or
 * negative errno with error set. */
int import_run(const ImportJob *job, sd_bus_error *error);
