/* SPDX-License-Identifier: Apache-2.0 */
/* The signals of the daemons that own the objects: wanted only while somebody listens or waits. */
#pragma once

#include "manager.h"

/* Counts who wants the signals of this owner; with the first the subscription begins, with the last it ends. Ours needs none. */
void owner_want(Manager *m, int owner);
void owner_release(Manager *m, int owner);
