/* SPDX-License-Identifier: Apache-2.0 */
/* Messages to systemd and to the journal, by their datagram protocols: libsystemd would cost every container 0.15 MB. */
#pragma once

#include <syslog.h>

#include "base/macro.h"

/* "READY=1\nSTATUS=..." to $NOTIFY_SOCKET. Without one nothing happens. 0, -errno. */
int notify_send(const char *message);
int notify_sendf(const char *format, ...) printf_like(1, 2);

/* The journal fields of the instance this process serves; the strings must stay. */
void journal_set_instance(const char *project, const char *instance);
/* One entry, with LXD_PROJECT= and LXD_INSTANCE= when known. Falls back to stderr. */
void journal_send(int priority, const char *format, ...) printf_like(2, 3);
