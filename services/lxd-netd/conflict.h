/* SPDX-License-Identifier: Apache-2.0 */
/* What else filters packets on this host. An accept of ours does not overrule a drop of somebody else. */
#pragma once

#include "manager.h"

/* The first chain of somebody else that drops forwarded packets unless a rule of its own lets them through, as nft names it
 * ("ip filter FORWARD"). 0, -ENOENT: there is none, -errno. */
int conflict_find_forward(char **ret);
/* Says in the journal what stands in the way of this network, and what to do about it. */
void conflict_explain(const Network *n);
