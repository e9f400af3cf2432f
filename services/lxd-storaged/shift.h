/* SPDX-License-Identifier: Apache-2.0 */
/* Whose ids the files of a volume have: as inside a guest, or shifted to a guest's map where mounts cannot map ids. */
#pragma once

#include "volume.h"

/* A task on a volume (see volume.h), with holder and names (lines as lxc.idmap has them, none: ids as inside). */
extern const TaskKind shift_kind;

/* The map that the files of t->volume have now, as lines. The pool is mounted. 0, -errno. */
int shift_read(const Task *t, Strv *ret);
