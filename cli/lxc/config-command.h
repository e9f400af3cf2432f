/* SPDX-License-Identifier: Apache-2.0 */
/* The groups below "lxc config". */
#pragma once

#include "lxc.h"

extern const Command command_config_device, command_config_metadata, command_config_template, command_config_trust;
