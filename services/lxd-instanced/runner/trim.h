/* SPDX-License-Identifier: Apache-2.0 */
/* Giving memory back that was needed only to get going. */
#pragma once

/* Unused heap, the part of the stack that is not in use any more, and the mapped pages of code go back to the kernel. */
void memory_trim(void);
/* From now on, in the processes forked by this one: liblxc's monitor trims itself once it waits for events. */
void memory_trim_monitor(void);
