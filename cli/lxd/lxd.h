/* SPDX-License-Identifier: Apache-2.0 */
/* The sub-commands of lxd, each in the file of its name. */
#pragma once

#include "client.h"
#include "command.h"
#include "fail.h"
#include "json-value.h"
#include "operation-wait.h"
#include "output.h"

extern const Command command_activateifneeded, command_database, command_init, command_shutdown, command_sql, command_version,
        command_waitready;
