/* SPDX-License-Identifier: Apache-2.0 */
/* The groups below "lxc profile". */
#pragma once

#include "lxc.h"

extern const Command command_profile_device;
