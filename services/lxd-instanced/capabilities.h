/* SPDX-License-Identifier: Apache-2.0 */
/* Capabilities of this process, by the system calls. */
#pragma once

#include "base/macro.h"

/* Makes every permitted capability effective: a change of the file system ids takes some away. 0, -errno. */
int capabilities_raise(void);
/* Gives up all of them for good, and all that exec could bring back. 0, -errno. */
int capabilities_drop(void);
