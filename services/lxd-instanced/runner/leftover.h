/* SPDX-License-Identifier: Apache-2.0 */
/* What liblxc leaves of a guest that is gone. */
#pragma once

#include <stdint.h>

/* Unloads the guest's AppArmor profile, if liblxc's monitor was killed before it could, and removes what liblxc never removes and what
 * would be one more for each instance that ever ran: the compiled profile and the lock. name is the instance's, or NULL: that of the profile. Failures do not matter. */
void leftover_remove(uint64_t id, const char *name);
