/* SPDX-License-Identifier: Apache-2.0 */
/* Reading and appending the containers of docs/bus.md; checks of flags, requestors and descriptors. */
#pragma once

#include <systemd/sd-bus.h>

#include "base/str.h"
#include "keyvalue.h"

/* Who asks, as REST knows it. Strings are owned. */
typedef struct Requestor {
        char *user;
        char *protocol;
        char *address;
} Requestor;

void requestor_done(Requestor *r);
int requestor_copy(const Requestor *from, Requestor *to);

/* Readers: consume the container at the read pointer. Duplicate keys, invalid UTF-8 (the bus refuses it) never arrive. 0 or negative errno
 * (-EBADMSG, -ENOMEM); *ret must be empty before and stays empty on failure. */
int bus_read_config(sd_bus_message *m, Config *ret);             /* a{ss} */
int bus_read_devices(sd_bus_message *m, Devices *ret);           /* a{sa{ss}} */
int bus_read_strv(sd_bus_message *m, Strv *ret);                 /* as */
int bus_read_fd(sd_bus_message *m, int *ret_fd);                 /* h, duplicated with O_CLOEXEC: the caller's */
int bus_read_fds(sd_bus_message *m, int **ret_fds, size_t *ret_n); /* ah, duplicated */
/* (sss); when all three are empty it is filled with the sender's credentials and protocol "dbus". */
int bus_read_requestor(sd_bus_message *m, Requestor *ret);
/* t: flags; a bit outside of `known` sets error to InvalidArgument. */
int bus_read_flags(sd_bus_message *m, uint64_t known, uint64_t *ret, sd_bus_error *error);

int bus_append_config(sd_bus_message *m, const Config *c);
int bus_append_devices(sd_bus_message *m, const Devices *d);
int bus_append_strv(sd_bus_message *m, char *const *v);
int bus_append_requestor(sd_bus_message *m, const Requestor *r); /* NULL = ("","","") */

/* Replies with one Document fd and, if etag is not NULL, the etag. Closes nothing. */
int bus_reply_document(sd_bus_message *m, int fd, const char *etag);

/* For internal interfaces: 0 if the caller is root or came over the private socket, else NotAuthorized. */
int bus_require_internal(sd_bus_message *m, sd_bus_error *error);
/* For interfaces of the runner: 0 if the caller is root. */
int bus_require_root(sd_bus_message *m, sd_bus_error *error);

/* Flag bits of all Update methods (docs/bus.md). */
enum {
        UPDATE_MERGE = 1 << 0,
        UPDATE_CONFIG = 1 << 1,
        UPDATE_DEVICES = 1 << 2,
        UPDATE_PROFILES = 1 << 3,
        UPDATE_DESCRIPTION = 1 << 4,
        UPDATE_EPHEMERAL = 1 << 5,
        UPDATE_ARCHITECTURE = 1 << 6,
        UPDATE_EXPIRY = 1 << 7,
        UPDATE_PUBLIC = 1 << 8,
        UPDATE_AUTO_UPDATE = 1 << 9,
        UPDATE_TARGET = 1 << 10,
        UPDATE_TYPE = 1 << 11,
        UPDATE_PROJECTS = 1 << 12,
        UPDATE_NAME = 1 << 13,
};
