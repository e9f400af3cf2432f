/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of "lxc network". */
#pragma once

#include "lxc.h"

extern const Command command_network_attach, command_network_attach_profile, command_network_detach,
        command_network_detach_profile, command_network_info, command_network_list, command_network_list_leases;
