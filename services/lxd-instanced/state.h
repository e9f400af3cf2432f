/* SPDX-License-Identifier: Apache-2.0 */
/* Documents: one instance, its state, lists of instances. What other daemons know is asked for once per document. */
#pragma once

#include "job.h"

/* Jobs that answer m when done; started. 1, or negative errno with error set. */
/* recursion 0: the instance; 1 and more: with state, snapshots and backups. Answers (h document, s etag). */
int state_reply_instance(Instance *i, unsigned recursion, sd_bus_message *m, sd_bus_error *error);
int state_reply_state(Instance *i, sd_bus_message *m, sd_bus_error *error);
int state_reply_list(Manager *m, const char *project, bool all_projects, const char *type, unsigned recursion, const char *filter,
                     sd_bus_message *message, sd_bus_error *error);
