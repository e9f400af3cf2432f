/* SPDX-License-Identifier: Apache-2.0 */
/* containers/<instance> and snapshots/<instance>: LXD's links to where an instance's volume and its snapshots are. */
#pragma once

#include "task.h"

/* Makes both links of the instance `name` whose volume t->volume is, or was until now, agree with what lies in t->pool. A link that
 * leads into another pool stays when nothing lies here. To be called while the row that recovery goes by is still there. */
void instance_link_refresh(const Task *t, const char *name);
