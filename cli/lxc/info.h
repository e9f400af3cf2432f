/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of "lxc info". */
#pragma once

#include "lxc.h"

/* Prints what GET /1.0/resources tells. Returns 0 or a negative errno with fail() set. */
int info_resources(Context *c, const char *target);
