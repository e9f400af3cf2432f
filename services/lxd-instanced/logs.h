/* SPDX-License-Identifier: Apache-2.0 */
/* Log files of instances below /var/log/lxd/<name>/: list, open, delete, console history, recordings of exec. */
#pragma once

#include "instance.h"

/* May a client name this file: lxc.log, lxc.conf, console.log, exec_<uuid>.stdout/.stderr, ... No '/', no "..". */
bool log_name_is_valid(const char *name);
/* Document with the URLs. fd, negative errno. */
int logs_list(Instance *i);
/* Read-only fd; -ENOENT. Never follows a link. */
int log_open(Instance *i, const char *name);
int log_delete(Instance *i, const char *name);
/* Empties console.log. 0, -errno. */
int console_log_clear(Instance *i);
/* Makes exec_<uuid>.stdout and .stderr. fds and names are the caller's. 0, -errno. */
int log_new_recording(Instance *i, int ret_fds[static 2], Strv *ret_names);
