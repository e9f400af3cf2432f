/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of "lxc storage". */
#pragma once

#include "entity.h"

/* A volume as arguments name it: "[TYPE/]NAME[/SNAPSHOT]" in a pool. */
typedef struct Volume {
        char *pool, *type, *name, *snapshot;    /* snapshot: NULL if it is none */
} Volume;

void volume_done(Volume *v);

/* Takes "[<remote>:]pool" and the volume's name apart. Returns 0 or -EINVAL with fail() set. */
int volume_parse(const char *pool, const char *name, Volume *ret);

/* The same for one argument, "[<remote>:]pool/volume[/snapshot]" (always a custom volume). 'role' is the word for it in
 * the error, "source" or "target". */
int volume_parse_path(const char *argument, const char *role, Volume *ret);

/* Its path, with "?target=" if there is one. */
char *volume_path(const Volume *v, const char *target);

extern char *arg_storage_target;
#define OPTION_STORAGE_TARGET { 0, "target", OPTION_STRING, &arg_storage_target, "Cluster member name" }

extern const Command command_storage_volume, command_storage_volume_attach, command_storage_volume_attach_profile,
        command_storage_volume_copy, command_storage_volume_detach, command_storage_volume_detach_profile,
        command_storage_volume_info, command_storage_volume_list, command_storage_volume_move,
        command_storage_volume_restore, command_storage_volume_snapshot;
