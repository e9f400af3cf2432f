/* SPDX-License-Identifier: Apache-2.0 */
/* Decompresses an archive in a process of its own, so that the tar inside is unpacked at the same time. */
#pragma once

#include <systemd/sd-bus.h>

#include "base/cleanup.h"

typedef struct Decompressor {
        pid_t pid;    /* 0: none */
        int data_fd;  /* the plain tar comes from here */
        int error_fd; /* what went wrong comes from here */
} Decompressor;

/* Starts it for the compressed tar archive in fd, whose offset it moves along (progress). what: for errors. *ret is to be given to decompressor_finish(). 0; -EINVAL with
 * error set (see archive_open_tar()); -errno. */
int decompressor_start(int fd, const char *what, Decompressor *ret, sd_bus_error *error);
/* Reads what is left behind the end of the tar, so that checksums at the end of the file are checked, and waits. 0; what was wrong with the compressed data as negative errno
 * with *error replaced; -errno. */
int decompressor_finish(Decompressor *d, sd_bus_error *error);
/* Kills and forgets; suited as cleanup attribute. */
void decompressor_done(Decompressor *d);
