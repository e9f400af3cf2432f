/* SPDX-License-Identifier: Apache-2.0 */
/* Who is at the other end of the guest socket: by the kernel's word about the process and the unit it runs in, never by anything
 * that a guest can write. */
#pragma once

#include <sys/types.h>

#include "base/cleanup.h"

typedef struct Caller {
        uint64_t guest; /* id of the instance */
        pid_t pid;
        uid_t uid;      /* as the host sees it */
} Caller;

/* The process that connected. 0; -ENOENT: it is in no guest (or is gone); -errno. */
int caller_identify(int fd, Caller *ret);
/* The id in the name of a guest's unit ("lxd-container@12.service") in the slice of the guests. 0, -ENOENT. */
int caller_parse_unit(const char *slice, const char *unit, uint64_t *ret);
/* The host's uid of the root user in the user namespace of this process. 0, -errno. */
int caller_root_uid(pid_t init, uid_t *ret);
/* The same from the text of a uid_map. 0, -ENOENT: it has no root. */
int caller_parse_uid_map(const char *text, uid_t *ret);
