/* SPDX-License-Identifier: Apache-2.0 */
/* Calls of org.lxd.instance1.Guest, by the programs of a guest's unit. */
#pragma once

#include "base/cleanup.h"
#include "base/clock.h"
#include "dbus-wire.h"

#define GUEST_CALL_MAX (120 * USEC_PER_SEC) /* for how long a call is repeated */

/* Waits until fd (-EBADF: nothing) can be read or the milliseconds are over (-1: never). 0, or a negative errno, which ends what waits. */
typedef int (*guest_wait_t)(int fd, int milliseconds, void *userdata);

typedef struct GuestCaller {
        uint64_t id; /* the instance's */
        guest_wait_t wait; /* NULL: poll() */
        void *userdata;

        int fd; /* the connection, which is kept for the next call; -EBADF = none */
        uint32_t serial;
        unsigned handshake; /* lines that lxd-instanced has to say before it speaks in messages */
        uint8_t *buffer; /* the last answer, and what came behind it */
        size_t answer_size, size, allocated;
        char *text; /* why the last call failed, in lxd-instanced's own words; NULL = it did not say */
} GuestCaller;

#define GUEST_CALLER(...) ((GuestCaller) { .fd = -EBADF, __VA_ARGS__ })

/* The last answer, and its memory. */
void guest_caller_forget(GuestCaller *c);
void guest_caller_done(GuestCaller *c);
#define _cleanup_guest_caller_ _cleanup_(guest_caller_done)

/* Each is repeated until lxd-instanced has answered, for it may be restarted at any moment. 0; -EREMOTEIO: it refuses, -EHOSTDOWN: it was not there
 * for too long (both with text); what wait() said; -EBADMSG, -ENOMEM. */
int guest_call_prepare(GuestCaller *c, DbusMessage *ret); /* s name, a(ss) lxc_config, a{ss} options: until guest_caller_forget() */
int guest_call_connect(GuestCaller *c, int netns);
int guest_call_started(GuestCaller *c, pid_t init);
int guest_call_stopped(GuestCaller *c, const char *reason);
