/* SPDX-License-Identifier: Apache-2.0 */
/* Renames instances and snapshots, for rename and move. */
#pragma once

#include "lxc.h"

/* 'from' and 'to' are names, or "instance/snapshot" both. Returns 0 or a negative errno with fail() set. */
int rename_instance(Context *c, const char *from, const char *to);
